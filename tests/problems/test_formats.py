"""Formats of files: compressed, JSON lists, ARFF, svmlight and numpy's, as they are found."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from scipy.io import arff
from sklearn.datasets import dump_svmlight_file

from tests.problems.tabling import customers, written
from tui_gd.errors import ProblemError
from tui_gd.problems import input_file
from tui_gd.problems.files import load_file, read_columns
from tui_gd.problems.input_file import InputFile, format_of
from tui_gd.problems.reading import Reading
from tui_gd.problems.split import Preparation

ALL = Preparation(test_size=0.25)


def zst(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return out.getvalue().to_pybytes()


def zipped(data: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._t.csv", b"junk")
        for name in names or ("folder/t.csv",):
            archive.writestr(name, data)
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zst,
    "zip": zipped,
}


def saved(folder: Path, data: str | bytes, name: str) -> str:
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(folder / name)


def refusal(path: str, target: str | None = "y", **options: object) -> str:
    reading = Reading(**options)  # type: ignore[arg-type]
    with pytest.raises(ProblemError) as refused:
        load_file(path, target, reading=reading)
    said = str(refused.value)
    assert said.isprintable()
    assert len(said) < 400
    return said


# compressed ------------------------------------------------------------------


@pytest.mark.parametrize("packing", PACKERS)
def test_compressed_tables_are_the_same_tables(
    tmp_path: Path, packing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "CHUNK", 5000)
    plain = Path(written(customers(), tmp_path / "t.csv"))
    packed = PACKERS[packing](plain.read_bytes())
    wanted = read_columns(str(plain)).values
    for name in (f"t.csv.{packing}", f"t.{packing}", "t.csv", "data"):
        path = saved(tmp_path, packed, name)
        assert np.array_equal(read_columns(path).values, wanted, equal_nan=True), name
    lines = Path(written(customers(), tmp_path / "t.jsonl"))
    path = saved(tmp_path, PACKERS[packing](lines.read_bytes()), f"t.jsonl.{packing}")
    assert np.allclose(read_columns(path).values, wanted, equal_nan=True)


@pytest.mark.parametrize("packing", PACKERS)
def test_a_fault_in_a_compressed_table_has_its_line(tmp_path: Path, packing: str) -> None:
    text = "a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(200_000)) + "1,2,3\n"
    path = saved(tmp_path, PACKERS[packing](text.encode()), "t.csv.x")
    assert "row 200001 (line 200002) has 3 values" in refusal(path)


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_refused(tmp_path: Path, packing: str, share: float) -> None:
    data = Path(written(customers(3000), tmp_path / "t.csv")).read_bytes()
    packed = PACKERS[packing](data)
    path = saved(tmp_path, packed[: int(share * len(packed))], f"t.csv.{packing}")
    assert "damaged" in refusal(path, "churn")


@pytest.mark.parametrize(
    ("first", "says"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet"),
        (b"\n<!DOCTYPE html>\n"[1:], "web page"),
        (b"\xef\xbb\xbf<html>", "web page"),
        (b"SQLite format 3\x00", "SQLite"),
        (pickle.dumps([1, 2]), "pickle"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"\x1f\x9d\x90", "compress"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (lzma.compress(b"a,y\n", format=lzma.FORMAT_ALONE), "lzma"),
    ],
)
def test_other_files_are_refused_as_what_they_are(tmp_path: Path, first: bytes, says: str) -> None:
    assert says in refusal(saved(tmp_path, first + b"1,2\n" * 99, "t.csv"))


def test_an_archive_of_tar_is_refused_as_such(tmp_path: Path) -> None:
    table = saved(tmp_path, "a,y\n1,2\n", "t.csv")
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as archive:
        archive.add(table, "t.csv")
    assert "an archive of tar" in refusal(str(tmp_path / "t.tar.gz"))


def test_zip_archives_of_anything_else_are_refused(tmp_path: Path) -> None:
    said = refusal(saved(tmp_path, zipped(b"a,y\n", "a.csv", "b.csv"), "t.zip"))
    assert "zip archive of 2 files (a.csv, b.csv): unpack it" in said
    assert "without a file" in refusal(saved(tmp_path, zipped(b"", "x/"), "t.zip"))
    sheet = zipped(b"<x/>", "[Content_Types].xml", "xl/workbook.xml")
    assert "a spreadsheet; save the sheet as CSV" in refusal(saved(tmp_path, sheet, "t.xlsx"))
    packed = gzip.compress(Path(written(customers(), tmp_path / "t.parquet")).read_bytes())
    assert "unpack the file" in refusal(saved(tmp_path, packed, "t.parquet.gz"))


def test_a_zip_tells_its_format_by_what_is_in_it(tmp_path: Path) -> None:
    data = b'{"a": 1, "y": 0}\n{"a": 2, "y": 1}\n'
    assert format_of(InputFile(saved(tmp_path, zipped(data, "t.jsonl"), "t.zip"))) == "json"
    np.savez(tmp_path / "arrays.npz", X=np.eye(4), y=[0, 1, 0, 1])
    (tmp_path / "arrays.npz").rename(tmp_path / "arrays.zip")
    assert load_file(str(tmp_path / "arrays.zip"), how=ALL).features == 4


# JSON ------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_json_is_a_table(
    tmp_path: Path, indent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "CHUNK", 4000)
    frame = customers(300)
    frame.loc[3, "city"] = 'a "quoted",\nline]'
    records = json.loads(frame.to_json(orient="records"))
    lines = saved(tmp_path, "".join(json.dumps(one) + "\n" for one in records), "t.jsonl")
    wanted = read_columns(lines)
    for name in ("t.json", "t.txt"):
        table = read_columns(saved(tmp_path, "\ufeff " + json.dumps(records, indent=indent), name))
        assert np.array_equal(table.values, wanted.values, equal_nan=True)
        assert table.columns[13:15] == wanted.columns[13:15]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"a": 1, "y": 0}, {"a": 2 "y": 1}]', ["row 2 (line 1)", "not valid JSON"]),
        ('[{"a": 1, "y": 0},\n{"a": 2, "y": 1', ["row 2 (line 2)", "not valid JSON"]),
        ('[{"a": 1, "y": 0}\n{"a": 2, "y": 1}]', ["row 1", "a comma or ] is missing"]),
        ("[[1, 2], 3]", ["row 2 of its list is not a list"]),
        ('[{"a": 1, "y": 0}, {"a": true, "y": 1}]', ["row 2, column 'a'", "another kind"]),
        ("[]", ["is empty"]),
        ('{"a": {"0": 1}, "y": {"0": 1}}', ["one object", "orient='records'"]),
        ('{\n"a": {"0": 1},\n"y": {"0": 1}}', ["one object", "a list of objects"]),
    ],
)
def test_a_fault_in_json_is_named(tmp_path: Path, text: str, says: list[str]) -> None:
    said = refusal(saved(tmp_path, text, "t.json"))
    for part in says:
        assert part in said, said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"data": [{"a": 1, "y": 0}, {"a": 2, "y": 1}], "count": 2}', "one object of JSON"),
        ('[{"a": 1, "y": 0}, {"a": 2, "y": 1}]\nend', "line 2: more text behind the list"),
    ],
)
def test_text_around_a_list_of_json_is_refused(tmp_path: Path, text: str, says: str) -> None:
    assert says in refusal(saved(tmp_path, text, "t.json"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
@pytest.mark.parametrize("name", ["t.json", "t.csv", "t.jsonl"])
def test_json_in_other_encodings_is_json(tmp_path: Path, encoding: str, name: str) -> None:
    text = json.dumps([{"a": i, "y": f"größe {i % 2}"} for i in range(12)])
    problem = load_file(saved(tmp_path, text.encode(encoding), name), "y")
    assert problem.class_names == ("größe 0", "größe 1")


@pytest.mark.parametrize("is_list", [True, False])
@pytest.mark.parametrize("first", [0, 30], ids=["at-once", "later"])
def test_texts_beside_numbers_in_json_make_a_column_of_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_list: bool, first: int
) -> None:
    """With `later` the first chunk has numbers only, and the file is read again."""
    monkeypatch.setattr(input_file, "CHUNK", 200)
    b = [i if i < first or i % 3 else f"none of {i}" for i in range(60)]
    rows = [json.dumps({"a": i / 2, "b": b[i], "y": i % 2}) for i in range(60)]
    text = f"[{', '.join(rows)}]" if is_list else "\n".join(rows)
    path = saved(tmp_path, text, "t.json")
    table = read_columns(path)
    assert [column.kind for column in table.columns] == ["number", "text", "number"]
    labels = table.columns[1].labels
    assert [labels[int(place)] for place in table.values[:, 1]] == [str(value) for value in b]
    table = read_columns(path, reading=Reading(number=("b",)))
    wanted = [np.nan if isinstance(value, str) else float(value) for value in b]
    assert np.array_equal(table.values[:, 1], wanted, equal_nan=True)
    assert table.columns[1].missing == sum(isinstance(value, str) for value in b)


def test_numbers_beside_the_word_for_a_gap_in_json_name_the_option(tmp_path: Path) -> None:
    rows = [{"b": "NA" if i % 4 == 0 else i, "y": i % 2} for i in range(60)]
    path = saved(tmp_path, json.dumps(rows), "t.json")
    assert "read them with --number b" in refusal(path)
    table = read_columns(path, reading=Reading(number=("b",)))
    wanted = [np.nan if i % 4 == 0 else float(i) for i in range(60)]
    assert np.array_equal(table.values[:, 0], wanted, equal_nan=True)


# ARFF ------------------------------------------------------------------------

WEATHER = """% a comment
@RELATION weather

@attribute 'out look' {sunny, overcast, 'very rainy'}
@ATTRIBUTE temperature\tnumeric
@attribute humidity real
@attribute note string
@attribute play {yes,no}

@DATA
% another
sunny,85,85.5,'no, it\\'s \\"not\\"',no
overcast,83,?,"fine",yes
'very rainy',?,80,fine,yes
?,70,96,?,yes
"""


def test_arff_is_read_with_its_names_and_kinds(tmp_path: Path) -> None:
    for name in ("w.arff", "w.txt", "w"):
        table = read_columns(saved(tmp_path, WEATHER, name))
        kinds = {column.name: column.kind for column in table.columns}
        assert kinds == {
            "out look": "text",
            "temperature": "number",
            "humidity": "number",
            "note": "text",
            "play": "text",
        }
        assert table.columns[0].labels == ("overcast", "sunny", "very rainy")
        assert table.columns[3].labels == ("fine", 'no, it\'s "not"')
        nan = np.nan
        wanted = [
            [1, 85, 85.5, 1, 0],
            [0, 83, nan, 0, 1],
            [2, nan, 80, 0, 1],
            [nan, 70, 96, nan, 1],
        ]
        assert np.array_equal(table.values, wanted, equal_nan=True)


def test_arff_reads_what_scipy_reads(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = zip(rng.standard_normal(300).tolist(), rng.integers(0, 9, 300), strict=True)
    rows = [f"{a!r},{rng.choice(['u', 'v'])},{b}\n" for a, b in numbers]
    head = "@relation r\n@attribute a real\n@attribute c {u,v}\n@attribute b integer\n@data\n"
    path = saved(tmp_path, head + "".join(rows), "t.arff")
    theirs, _ = arff.loadarff(path)
    table = read_columns(path)
    assert np.array_equal(table.values[:, 0], theirs["a"])
    assert np.array_equal(table.values[:, 1] == 1, theirs["c"] == b"v")
    assert np.array_equal(table.values[:, 2], theirs["b"])
    assert load_file(path, "c", test=path).features == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("@DATA", "@dat"), "one with @data"),
        (("overcast,83,?", "overcast,83"), "row 2 (line 13) has 4 values, not 5"),
    ],
)
def test_arff_at_fault_is_refused(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    assert says in refusal(saved(tmp_path, WEATHER.replace(*change), "w.arff"), "play")


def test_arff_needs_no_blank_before_the_classes(tmp_path: Path) -> None:
    text = "@relation x\n@attribute a real\n@attribute y{no,yes}\n@data\n" + "1,no\n2,yes\n" * 6
    assert load_file(saved(tmp_path, text, "t.arff"), "y").class_names == ("no", "yes")


def test_an_attribute_of_arff_without_a_name_gets_one(tmp_path: Path) -> None:
    text = "@relation x\n@attribute '' real\n@attribute y{no,yes}\n@data\n" + "1,no\n2,yes\n" * 6
    assert load_file(saved(tmp_path, text, "t.arff"), "y").feature_names == ("column 1",)


# svmlight --------------------------------------------------------------------


def test_svmlight_is_recognised_by_its_content(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 5)) * (rng.random((80, 5)) < 0.4)
    x[:, 0] = 1.0
    y = np.where(rng.random(80) > 0.5, 1, -1)
    dump_svmlight_file(x, y, str(tmp_path / "t.svm"), zero_based=False, comment="by a program")
    wanted = load_file(str(tmp_path / "t.svm"))
    text = (tmp_path / "t.svm").read_bytes()
    for name in ("t.txt", "t", "t.dat", "t.csv"):
        problem = load_file(saved(tmp_path, text, name))
        assert np.array_equal(problem.x_train, wanted.x_train)
    path = saved(tmp_path, zst(text), "t.zst")
    assert np.array_equal(load_file(path).x_train, wanted.x_train)
    # times of day are no features
    path = saved(tmp_path, "1 10:30\n2 11:40\n" * 9, "times.txt")
    assert format_of(InputFile(path)) == "svmlight"
    path = saved(tmp_path, "a,y\n10:30,1\n", "times.txt")
    assert format_of(InputFile(path)) == "delimited"


# numpy's files ---------------------------------------------------------------


def matrix() -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 4))
    x[:, 2] = np.arange(60) % 3
    return x


def test_one_matrix_has_its_target_in_a_column(tmp_path: Path) -> None:
    x = matrix()
    np.save(tmp_path / "Xy.npy", x)
    np.save(tmp_path / "y.npy", x[:, 2])
    np.save(tmp_path / "X.npy", np.delete(x, 2, axis=1))
    one = load_file(str(tmp_path / "Xy.npy"), "3")
    two = load_file(str(tmp_path / "X.npy"), str(tmp_path / "y.npy"))
    assert np.array_equal(one.x_train, two.x_train)
    assert np.array_equal(one.y_test, two.y_test)
    assert one.feature_names == ("x1", "x2", "x4")
    assert one.target_name == "x3"
    assert one.class_names == ("0", "1", "2")
    for target in ("0", "5", "99999999999999999999", "price"):
        said = refusal(str(tmp_path / "Xy.npy"), target)
        assert f"--target {target!r} is neither a file nor a column: it has 4 columns" in said
    assert "number of the column" in refusal(str(tmp_path / "Xy.npy"), None)


def test_records_objects_and_sparse_matrices_of_numpy_are_refused_as_what_they_are(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "t.npy")
    frame = pd.DataFrame({"price": [1.0, 2.0], "y": [0, 1]})
    np.save(path, frame.to_records(index=False))
    assert "holds records with price, y" in refusal(path, "2")
    np.save(path, np.array([["a", 1]] * 4, dtype=object), allow_pickle=True)
    assert "Python objects, not numbers" in refusal(path, "2")
    sparse.save_npz(tmp_path / "t.npz", sparse.random_array((9, 5), density=0.3, format="csr"))
    assert "a sparse matrix of scipy without targets" in refusal(str(tmp_path / "t.npz"), None)


def test_gaps_in_arrays_are_filled_as_in_a_table(tmp_path: Path) -> None:
    x, y = matrix(), np.tile([0, 1], 30)
    x[::5, 1] = np.nan
    np.savez(tmp_path / "t.npz", X=x, y=y)
    frame = pd.DataFrame(x, columns=["x1", "x2", "x3", "x4"]).assign(y=y)
    wanted = load_file(written(frame, tmp_path / "t.csv"), "y")
    problem = load_file(str(tmp_path / "t.npz"))
    assert np.array_equal(problem.x_train, wanted.x_train)
    assert np.array_equal(problem.x_test, wanted.x_test)
    assert problem.feature_names == wanted.feature_names == ("x1", "x3", "x4", "x2", "x2 missing")
    y = y.astype(float)
    y[[3, 8]] = np.nan
    np.savez(tmp_path / "t.npz", X=x, y=y)
    assert "row 3 (from 0) has no target" in refusal(str(tmp_path / "t.npz"), None)
    problem = load_file(str(tmp_path / "t.npz"), reading=Reading(skip_missing_target=True))
    assert len(problem.y_train) + len(problem.y_test) == 58
    assert "skipped 2 rows without a target" in problem.hints


@pytest.mark.parametrize("names", [("data", "target"), ("x", "y"), ("features", "labels"),
                                   ("X_train", "y_train")])  # fmt: skip
def test_arrays_of_other_names_are_found(tmp_path: Path, names: tuple[str, str]) -> None:
    x, y = matrix(), np.tile([0, 1], 30)
    np.savez(tmp_path / "a.npz", X=x, y=y, names=np.array(["a", "b"]))
    np.savez_compressed(tmp_path / "b.npz", **{names[0]: x, names[1]: y[:, None]})
    wanted, found = load_file(str(tmp_path / "a.npz")), load_file(str(tmp_path / "b.npz"))
    assert np.array_equal(found.x_train, wanted.x_train)
    assert np.array_equal(found.y_test, wanted.y_test)


def test_arrays_that_are_split_stay_split(tmp_path: Path) -> None:
    x, y = matrix(), np.tile([0, 1], 30)
    images = np.arange(60 * 6, dtype=np.uint8).reshape(60, 2, 3)
    np.savez(tmp_path / "t.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    problem = load_file(str(tmp_path / "t.npz"))
    assert np.array_equal(problem.x_train[:, :-1], x[:40])
    assert np.array_equal(problem.x_test[:, :-1], x[40:])
    with pytest.raises(ProblemError, match="leave --test out"):
        load_file(str(tmp_path / "t.npz"), test=str(tmp_path / "t.npz"))
    np.savez(tmp_path / "i.npz", X=images, y=np.array(["cat", "dog"] * 30))
    problem = load_file(str(tmp_path / "i.npz"), how=ALL)
    assert problem.features == 6
    assert problem.class_names == ("cat", "dog")
    assert "X of shape (60, 2, 3) is flattened to 60 rows of 6 features" in problem.hints


def test_other_arrays_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", a=matrix(), b=np.zeros(60))
    said = refusal(str(tmp_path / "t.npz"), None)
    assert "has the arrays a (60, 4), b (60,)" in said
    assert "X and y" in said


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("header", [False, True])
def test_lists_of_json_are_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: bool, header: bool
) -> None:
    rows = [[f"r{i % 3}", i / 7, None if i == 5 else i, [True, False][i % 2]] for i in range(60)]
    every = [["region", "a", "b", "y"]] * header + rows
    text = "\n".join(map(json.dumps, every)) if lines else json.dumps(every, indent=1)
    monkeypatch.setattr(input_file, "CHUNK", 300)
    table = read_columns(saved(tmp_path, text, "t.json"))
    names = ["region", "a", "b", "y"] if header else ["x1", "x2", "x3", "x4"]
    assert [column.name for column in table.columns] == names
    assert table.columns[0].labels == ("r0", "r1", "r2")
    assert table.values[:, 0].tolist() == [i % 3 for i in range(60)]
    wanted = [[a, np.nan if b is None else b, float(y)] for _, a, b, y in rows]
    np.testing.assert_array_equal(table.values[:, 1:], wanted)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[1, 2], [3, 4], [5]]", "list 3 has 1 value, and the first 2"),
        ('[["a", "a"], [3, 4]]', "both named 'a'"),
        ('[[1, 2], {"a": 1}]', "row 2 of its list is not a list"),
        ("[[1, 2], []]", "list 2 has 0 values, and the first 2; correct it"),
        ('[{"a": 1}, [1]]', "row 2 of its list is not an object"),
        ("[1, 2]\n[1, 2, 3]", "list 2 has 3 values"),
    ],
)
def test_lists_of_json_that_are_no_rows_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(says)):
        read_columns(saved(tmp_path, text, "t.json"))


def test_sparse_rows_of_arff_leave_out_zeros_and_first_texts(tmp_path: Path) -> None:
    head = (
        "@relation s\n@attribute a numeric\n@attribute 'b, c' {x, 'y, z', \"w's\"}\n"
        "@attribute d REAL\n@attribute y {No,yes}\n@data\n% remark\n"
    )
    dense = head + "0,x,0,No\n1.5,'y, z',0,yes\n0,\"w's\",-2e3,No\n?,x,7,yes\n" * 6
    sparse = head + "{}\n{0 1.5, 1 'y, z', 3 yes}\n{ 1 \"w's\" , 2 -2e3}\n{0 ?,2 7,3 yes}\n" * 6
    one, two = (
        read_columns(saved(tmp_path, text, name))
        for text, name in ((dense, "d.arff"), (sparse, "s.arff"))
    )
    assert [column.labels for column in one.columns] == [column.labels for column in two.columns]
    assert two.columns[3].labels == ("No", "yes")
    np.testing.assert_array_equal(one.values, two.values)
    for row, says in (
        ("{4 1}", "'4 1'"),
        ("{-1 77, 2 3}", "'-1 77, 2 3'"),
        ("{0 3, foo, 2 3}", "'foo, 2 3'"),
        ("{0 1 2, 2 3}", "'0 1 2, 2 3'"),
        ("{0 1,0 5}", "'0 5'"),
        ("{0 1}, {2}", "'0 1}, {2'"),
    ):
        with pytest.raises(
            ProblemError, match=rf"line 9: {re.escape(says)} in a sparse row: .*3 and"
        ):
            read_columns(saved(tmp_path, head + "{0 1}\n" + row + "\n", "s.arff"))
    wide = "@relation s\n" + "".join(f"@attribute a{i} numeric\n" for i in range(1001))
    with pytest.raises(ProblemError, match="1,001; convert it to svmlight"):
        read_columns(saved(tmp_path, wide + "@data\n{3 1}\n", "w.arff"))


def test_svmlight_with_rows_of_zeros_is_found_by_its_content(tmp_path: Path) -> None:
    text = "# made by hand\n1 1:2.5 3:-1 # a remark\n2 2:1\n1 # zeros only\n2\n" * 5
    problem = load_file(saved(tmp_path, text, "t.txt"))
    assert (problem.features, problem.class_names) == (3, ("1", "2"))
    assert format_of(InputFile(saved(tmp_path, "1\n2\n3\n", "u.txt"))) == "delimited"


def test_a_table_within_an_object_of_json_is_named(tmp_path: Path) -> None:
    text = json.dumps({"count": 2, "rows": [{"a": 1, "y": 2}, {"a": 3, "y": 4}]})
    with pytest.raises(ProblemError, match="write the list in 'rows' to a file of its own"):
        read_columns(saved(tmp_path, text, "t.json"))
