"""Files of tables: all formats give the same columns, and faults are said in one line."""

import gzip
import random
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.problems.tabling import customers, written
from tui_gd.errors import ProblemError, TargetMissing
from tui_gd.problems import columnar, input_file, tables
from tui_gd.problems.files import load_file, read_columns
from tui_gd.problems.prepare import looks_at
from tui_gd.problems.tables import GrowableArray

FORMATS = ("t.csv", "t.csv.gz", "t.tsv", "t.parquet", "t.feather", "t.jsonl")
ROWS = "".join(f"{i},{i * 2},{i % 2}\n" for i in range(40))
HEADER = "a,b,y\n"


def refusal(path: Path | str, target: str | None = "y") -> str:
    with pytest.raises(ProblemError) as refused:
        load_file(str(path), target)
    said = str(refused.value)
    assert said.isprintable()
    assert len(said) < 600
    return said


def text(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_the_first_rows_are_those_of_every_column(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "CHUNK", 1 << 12)
    monkeypatch.setattr(columnar, "COLUMNS", 3)
    monkeypatch.setattr(columnar, "NUMBERS", 300)
    frame = customers()
    path = written(frame, tmp_path / name)
    if name == "t.feather":
        frame.to_feather(path, chunksize=100)
    table = read_columns(path, first=True)
    rows = len(table.values)
    assert 0 < rows < len(frame)
    assert [column.name for column in table.columns] == list(frame.columns)
    for look in looks_at(table):
        values = frame[look.name][:rows]
        assert look.values == values.nunique()
        assert look.gaps == values.isna().sum()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_columns_that_pandas_has(tmp_path: Path, name: str) -> None:
    frame = customers()
    table = read_columns(written(frame, tmp_path / name))
    assert [column.name for column in table.columns] == list(frame.columns)
    for slot, column in enumerate(table.columns):
        mine, theirs = table.values[:, slot], frame[column.name]
        assert column.missing == theirs.isna().sum()
        if column.kind == "text":
            labels = [None if np.isnan(code) else column.labels[int(code)] for code in mine]
            assert labels == [None if pd.isna(value) else value for value in theirs]
            assert list(column.labels) == sorted(theirs.dropna().unique())
        else:
            np.testing.assert_allclose(mine, theirs.astype(float), rtol=1e-9, atol=1e-10)
            assert column.low == pytest.approx(float(theirs.min()), rel=1e-7)
            assert column.high == pytest.approx(float(theirs.max()), rel=1e-7)
    kinds = {column.name: column.kind for column in table.columns}
    assert kinds["senior"] == "yes/no"
    assert kinds["contract"] == "text"
    assert kinds["income"] == "number"


@pytest.mark.parametrize("size", [64, 1000, 100_000])
def test_the_size_of_a_chunk_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    frame = customers(200)
    frame["contract"] = frame["contract"].map(lambda value: f'a "quoted", {value}\nline')
    path = written(frame, tmp_path / "t.csv")
    whole = read_columns(path)
    monkeypatch.setattr(input_file, "CHUNK", max(size, 400))
    parts = read_columns(path)
    assert np.array_equal(parts.values, whole.values, equal_nan=True)
    assert parts.columns[14].labels == whole.columns[14].labels
    assert "line" in whole.columns[14].labels[0]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    path = text(tmp_path, (HEADER + ROWS).replace(",", delimiter))
    table = read_columns(str(path))
    assert [column.name for column in table.columns] == ["a", "b", "y"]
    assert table.values.shape == (40, 3)


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("a,b,y", True),
        ("2019,2020,y", True),
        ("1,2,0", False),
        ("1.5,-2e3,0", False),
        ("nan,inf,y", True),
    ],
)
def test_a_header_is_told_from_numbers(tmp_path: Path, first: str, header: bool) -> None:
    table = read_columns(str(text(tmp_path, f"{first}\n{ROWS}")))
    names = [column.name for column in table.columns]
    assert names == (first.split(",") if header else ["x1", "x2", "x3"])
    assert len(table.values) == 40 + (not header)


def test_a_byte_order_mark_and_other_line_ends_do_no_harm(tmp_path: Path) -> None:
    plain = read_columns(str(text(tmp_path, HEADER + ROWS))).values
    for changed in (
        b"\xef\xbb\xbf" + (HEADER + ROWS).encode(),
        (HEADER + ROWS).replace("\n", "\r\n").encode(),
        (HEADER + ROWS).replace("\n", "\n\n").encode(),
        (HEADER + ROWS).rstrip("\n").encode(),
    ):
        table = read_columns(str(text(tmp_path, changed)))
        assert table.columns[0].name == "a"
        assert np.array_equal(table.values, plain)


def test_a_column_that_turns_out_to_be_text_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{i % 7},{i}\n" for i in range(300)] + ["high,1\n", "low,2\n"]
    path = text(tmp_path, "grade,y\n" + "".join(rows))
    monkeypatch.setattr(input_file, "CHUNK", 256)
    table = read_columns(str(path))
    assert table.columns[0].labels == ("0", "1", "2", "3", "4", "5", "6", "high", "low")
    assert [table.columns[0].labels[int(code)] for code in table.values[-3:, 0]] == [
        "5",
        "high",
        "low",
    ]
    assert table.columns[1].kind == "number"


def test_memory_grows_with_the_rows_where_their_number_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = customers(2000)
    monkeypatch.setattr(input_file, "CHUNK", 4096)
    path = tmp_path / "t.csv.gz"
    frame.to_csv(path, index=False)
    table = read_columns(str(path))
    assert table.values.shape == (2000, 20)
    np.testing.assert_allclose(table.values[:, 0], frame["n0"], rtol=1e-9)


def test_arrow_types_of_all_kinds(tmp_path: Path) -> None:
    columns = {
        "small": pa.array([1, None, 3], pa.int8()),
        "large": pa.array([1, 2, 2**62], pa.int64()),
        "half": pa.array(np.array([1, 2, 3], np.float16)),
        "money": pa.array([Decimal("1.50"), Decimal("2.25"), None]),
        "flag": pa.array([True, None, False]),
        "nothing": pa.nulls(3),
        "word": pa.array(["b", None, "a"], pa.large_string()),
        "coded": pa.array(["q", "p", "q"]).dictionary_encode(),
        "codes": pa.array([7.0, 5.0, 7.0]).dictionary_encode(),
        "y": pa.array([0, 1, 0]),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    table = read_columns(str(tmp_path / "t.parquet"))
    nan = np.nan
    wanted = [
        [1, nan, 3], [1, 2, 2.0**62], [1, 2, 3], [1.5, 2.25, nan], [1, nan, 0],
        [nan] * 3, [1, nan, 0], [1, 0, 1], [7, 5, 7], [0, 1, 0],
    ]  # fmt: skip
    assert np.array_equal(table.values, np.array(wanted).T, equal_nan=True)
    assert [column.missing for column in table.columns] == [1, 0, 0, 1, 1, 3, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", ["is empty"]),
        (HEADER, ["no rows"]),
        ("a,b,y\n1,2,0\n", ["one row"]),
        (HEADER + ROWS.replace("7,14,1\n", "7,14\n"), ["row 8 (line 9)", "2 values", "3"]),
        (HEADER + ROWS.replace("7,14,1\n", "7,14,1,1\n"), ["row 8 (line 9)", "4 values"]),
        (HEADER + ROWS.replace("7,14,1\n", "7,inf,1\n"), ["row 8 (line 9)", "'b'", "infinite"]),
        (HEADER + ROWS.replace("7,14,1\n", "7,1e999,1\n"), ["row 8 (line 9)", "'b'"]),
        (HEADER + ROWS.replace("7,14,1\n", "7,14,\n"), ["row 8 (line 9)", "'y'", "missing"]),
        (HEADER + ROWS.replace("7,14,1\n", "7,14,NaN\n"), ["row 8 (line 9)", "'y'", "missing"]),
        (HEADER + ROWS.replace("7,14,1\n", "7,1O,1\n"), ["row 8 (line 9)", "'b'", "'1O'"]),
        ("a,a,y\n" + ROWS, ["columns 1 and 2", "'a'"]),
        ("a,b,y\n" + "".join(f"{i},{i},3\n" for i in range(40)), ["'y'", "nothing to learn"]),
        (
            "a,b,y\n" + "".join(f"{i},{i % 5 * 10}%,{i % 2}\n" for i in range(40)),
            ["'b'", "'0%'", "signs"],
        ),
        (
            "a,b,y\n" + "".join(f"{i},$1'{i:03d}.50,{i % 2}\n" for i in range(40)),
            ["'b'", "signs"],
        ),
        (
            "a,b,y\n" + "".join(f"{i},1 {i:03d},{i % 2}\n" for i in range(40)),
            ["'b'", "'1 000'", "--thousands space"],
        ),
        ("# by a program\na,b,y\n1,2,0\n3,4,1\n", ["'# by a program'", "--comment '#'"]),
        ("sep=;\na;b;y\n1;2;0\n3;4;1\n", ["first line, 'sep=;'", "2 values", "below it 3"]),
        ("a,b\n1,2,0\n3,4,1\n", ["first line, 'a,b'", "below it 3"]),
        (
            "a;b;y\n" + "".join(f"{i};{i},5;{i % 2}\n" for i in range(40)),
            ["'b'", "'0,5'", "--decimal comma"],
        ),
        ((HEADER + ROWS).replace(",", " "), ["one column"]),
        ((HEADER + ROWS.replace("7,14,1", "7,é,1")).encode("latin1"), ["line 9", "byte 52", "UTF"]),
        (("é,b,y\n" + ROWS).encode("latin1"), ["line 1", "byte 0", "UTF-8"]),
        (b"\x00\x01\x02" * 100, ["zero byte"]),
        (HEADER + ROWS + '"7,14,1\n', ["row 41", "quote"]),
        (",".join(f"c{i}" for i in range(100_000)) + "\n" + "1," * 99_999, ["100,000 columns"]),
        ("y,a\n" + "".join(f"{i % 2},\n" for i in range(30)), ["no column is left", "all missing"]),
    ],
)  # fmt: skip
def test_a_fault_in_a_text_is_named_with_its_place(
    tmp_path: Path, content: str | bytes, says: list[str]
) -> None:
    said = refusal(text(tmp_path, content))
    for part in ("t.csv", *says):
        assert part in said, said


def test_a_place_far_down_is_that_of_the_line_in_the_file(tmp_path: Path) -> None:
    rows = [f'"text\nof two lines {i % 3}",{i},{i % 2}\n' for i in range(60_000)]
    rows[50_000] = '"text\nof two lines",oops,1\n'
    said = refusal(text(tmp_path, HEADER + "".join(rows)))
    assert "row 50001 (line 100003)" in said
    assert "'oops'" in said


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.csv")
    assert "directory" in refusal(tmp_path)
    assert "regular" in refusal("/dev/zero")
    assert "cannot be read" in refusal("a\0b.csv")
    assert "damaged" in refusal(text(tmp_path, b"PK\x03\x04 rest", "t.csv"))
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert "spreadsheet" in refusal(tmp_path / "t.xlsx")


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.csv.gz"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, name: str, share: float) -> None:
    path = Path(written(customers(), tmp_path / name))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    said = refusal(path, "churn")
    assert "cut off" in said
    assert name in said


@pytest.mark.parametrize(
    ("last", "says"),
    [
        ('{"a": true, "y": 1}', ["row 21 (line 21)", "'a'", "number"]),
        ('{"a": [1], "y": 1}', ["row 21 (line 21)", "'a'"]),
        ('{"a": 1, "y": ', ["row 21 (line 21)", "JSON"]),
        ("[1, 2]", ["row 21 (line 21)", "object"]),
        ('{"a": 1, "y": null}', ["row 21", "'y'", "missing"]),
        (b'{"a": 1, "\xff": 1}', ["line 21", "UTF-8"]),
    ],
)
def test_a_fault_in_json_lines_is_named(tmp_path: Path, last: str | bytes, says: list[str]) -> None:
    tail = last if isinstance(last, bytes) else last.encode()
    said = refusal(text(tmp_path, b'{"a": 1, "y": 0}\n' * 20 + tail, "t.jsonl"))
    for part in says:
        assert part in said, said


def test_json_that_changes_far_down_is_refused_by_its_row(tmp_path: Path) -> None:
    lines = [f'{{"a": {i}, "y": {i % 2}}}\n' for i in range(60_000)]
    path = text(tmp_path, "".join(lines) + '{"a": "x", "y": 1}\n', "t.jsonl")
    said = refusal(path)
    assert "row 60001, column 'a': 'x' is not a number" in said
    assert "--missing x" in said
    path = text(tmp_path, "".join(lines) + '{"a": 1, "y": 1, "z": 2}\n', "t.jsonl")
    assert "row 60001 (line 60001): no line before has the field 'z'" in refusal(path)


def test_names_and_values_are_safe_to_print(tmp_path: Path) -> None:
    rows = "".join(
        f"\x1b[2J{i % 3},{i},{'[red]no' if i % 2 else chr(0x202E) + 'yes'}\n" for i in range(90)
    )
    problem = load_file(str(text(tmp_path, "\x1b]0;x\x07plan,n\u2028o,y\n" + rows)), "y")
    words = [*problem.feature_names, *problem.class_names, *problem.hints, problem.target_name]
    for note in problem.about:
        words += [note.name, note.found, note.done, *note.features]
    assert all(word.isprintable() for word in words)
    assert problem.class_names == ("[red]no", "?yes")


def test_a_table_larger_than_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables.os, "sysconf", lambda _: 10)
    assert "GB" in refusal(text(tmp_path, HEADER + ROWS))


def test_a_table_without_a_target_lists_its_columns(tmp_path: Path) -> None:
    with pytest.raises(TargetMissing) as missing:
        load_file(str(text(tmp_path, HEADER + ROWS)))
    assert missing.value.columns == ("a", "b", "y")
    assert "a, b, y" in str(missing.value)
    wide = ",".join(f"c{i}" for i in range(5000))
    with pytest.raises(TargetMissing) as missing:
        load_file(str(text(tmp_path, f"{wide}\n{','.join('1' * 5000)}\n")))
    assert len(missing.value.columns) == 5000
    assert len(str(missing.value)) < 300


def originals() -> dict[str, bytes]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in FORMATS:
            found[name] = Path(written(customers(60), Path(folder) / name)).read_bytes()
        x = np.random.default_rng(0).standard_normal((60, 3))
        for name, save in (("t.npz", np.savez), ("p.npz", np.savez_compressed)):
            save(Path(folder) / name, X=x, y=x[:, 0] > 0)
            found[name] = (Path(folder) / name).read_bytes()
    found["t.svm"] = b"".join(b"%d 1:%.3f 3:%d\n" % (i % 2, i / 7, i) for i in range(60))
    return found


ORIGINALS = originals()


@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(sorted(ORIGINALS)), seed=st.integers(0, 2**32), count=st.integers(1, 12)
)
def test_a_mutated_file_is_read_or_refused_in_one_line(
    tmp_path: Path, name: str, seed: int, count: int
) -> None:
    chance, content = random.Random(seed), bytearray(ORIGINALS[name])
    for _ in range(count):
        place = chance.randrange(len(content) + 1)
        match chance.randrange(5):
            case 0 if place < len(content):
                content[place] = chance.randrange(256)
            case 1:
                del content[place:]
            case 2:
                del content[place : place + chance.randrange(60)]
            case 3:
                content[place:place] = content[place : place + chance.randrange(200)]
            case _:
                content[place:place] = chance.choice([b'"', b",", b"\n", b"\xff", b"\x00", b"inf"])
    path = text(tmp_path, bytes(content), name)
    said = ""
    try:
        load_file(str(path), None if name.endswith((".npz", ".svm")) else "churn")
    except ProblemError as error:
        said = str(error)
    assert said.isprintable()
    assert len(said) < 600


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(20)))
def test_the_order_of_columns_does_not_change_what_is_learned(
    tmp_path: Path, order: list[int]
) -> None:
    frame = customers(60)
    mixed = load_file(written(frame.iloc[:, order], tmp_path / "t.csv"), "churn")
    plain = load_file(written(frame, tmp_path / "t.csv"), "churn")
    places = [mixed.feature_names.index(name) for name in plain.feature_names]
    assert np.array_equal(mixed.x_train[:, places], plain.x_train[:, :-1])
    assert np.array_equal(mixed.y_test, plain.y_test)


def test_a_gz_that_unpacks_to_more_is_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress((HEADER + ROWS * 5000).encode()))
    assert read_columns(str(path)).values.shape == (200_000, 3)


def test_the_memory_of_a_table_grows_without_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tui_gd.problems.tables.GrowableArray._copy", lambda *_: pytest.fail("copied")
    )
    monkeypatch.setattr(input_file, "CHUNK", 4096)
    monkeypatch.setattr("tui_gd.problems.delimited.Delimited.rows_to_come", lambda *_: 1)
    problem = load_file(written(customers(3000), tmp_path / "t.csv"), "churn")
    assert problem.features > len(customers().columns)


def test_memory_in_use_is_copied_when_it_grows() -> None:
    room = GrowableArray(6)
    array = room.array(2, 3)
    array[:] = [[1, 2, 3], [4, 5, 6]]
    room.grow(10_000)
    assert room.array(3, 2).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert array.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_columns_of_lists_are_refused_and_names_may_have_points(tmp_path: Path) -> None:
    plain = {f"a.{i}": pa.array(np.arange(20.0) + i) for i in range(20)}
    plain["a"] = pa.array(np.arange(20.0))
    plain["y"] = pa.array(np.arange(20) % 2)
    nested = {"l": pa.array([[1, 2]] * 20), "s": pa.array([{"k": 1}] * 20)}
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(plain), path)
    table = read_columns(str(path))
    assert [column.high for column in table.columns] == [*(19.0 + i for i in range(20)), 19.0, 1.0]
    pq.write_table(pa.table(plain | nested), path)
    assert "column 'l' holds lists" in refusal(path)
    assert "column 's' holds lists" in refusal(path, "s")


def test_a_fault_in_parquet_is_named_by_its_row(tmp_path: Path) -> None:
    values = np.arange(100_000.0)
    values[70_000] = np.inf
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": values, "y": np.arange(100_000) % 2}), path)
    assert "row 70001, column 'a'" in refusal(path)
    targets = pa.array([None if i == 80_000 else i % 2 for i in range(100_000)])
    pq.write_table(pa.table({"a": np.arange(100_000.0), "y": targets}), path)
    assert "row 80001, column 'y': the target is missing" in refusal(path)
