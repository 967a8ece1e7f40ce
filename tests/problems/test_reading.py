"""Files as they are found: how numbers, gaps and headers are written, and what reads them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.problems.tabling import customers, written
from tui_gd.errors import ProblemError
from tui_gd.problems import input_file
from tui_gd.problems.files import load_file, read_columns
from tui_gd.problems.problem import Problem
from tui_gd.problems.reading import Reading
from tui_gd.problems.split import Preparation
from tui_gd.problems.tables import Table


def saved(folder: Path, text: str | bytes, name: str = "t.csv") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def columns(path: str, **options: object) -> dict[str, list[float | str | None]]:
    """The columns of a table by name: numbers, texts, None where a value is missing."""
    table = read_columns(path, reading=Reading(**options))  # type: ignore[arg-type]
    return {column.name: values(table, slot) for slot, column in enumerate(table.columns)}


def values(table: Table, slot: int) -> list[float | str | None]:
    labels = table.columns[slot].labels
    return [
        None if np.isnan(value) else labels[int(value)] if labels else float(value)
        for value in table.values[:, slot]
    ]


def refusal(path: str, target: str = "y", dates: str = "features", **options: object) -> str:
    def load() -> None:
        reading = Reading(**options)  # type: ignore[arg-type]
        load_file(path, target, how=Preparation(dates=dates), reading=reading)

    with pytest.raises(ProblemError) as refused:
        load()
    said = str(refused.value)
    assert said.isprintable()
    return said


# numbers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "options", "numbers"),
    [
        (["1,5", "-2,25", "3"], {"decimal": "comma"}, [1.5, -2.25, 3.0]),
        (["1.234,56", "7", "12.000"], {"decimal": ",", "thousands": "."}, [1234.56, 7.0, 12e3]),
        (["1,234.5", "1,234,567", "-9"], {"thousands": "comma"}, [1234.5, 1234567.0, -9.0]),
        (["1 234", "5", "1\u202f234\u202f567,5"], {"thousands": "space", "decimal": "comma"},
         [1234.0, 5.0, 1234567.5]),
        (["1'234.5", "2", "1’000"], {"thousands": "quote"}, [1234.5, 2.0, 1000.0]),
        (["1_000", "2", "3"], {"thousands": "_"}, [1000.0, 2.0, 3.0]),
        (["$1.50", "(520)", "−5"], {"number": ("a",)}, [1.5, -520.0, -5.0]),
        (["5 USD", "<0.006", "12.5*"], {"number": ("a",)}, [5.0, 0.006, 12.5]),
        (["1.5k", "2M", "30%"], {"number": ("1",)}, [1500.0, 2e6, 30.0]),
        (["$1,234.5k", "n/a", "about 3"], {"number": ("a",), "thousands": ","},
         [1234500.0, None, None]),
    ],
)  # fmt: skip
def test_numbers_are_read_as_they_are_written(
    tmp_path: Path, texts: list[str], options: dict[str, object], numbers: list[float | None]
) -> None:
    path = saved(tmp_path, "a;y\n" + "".join(f"{text};{i % 2}\n" for i, text in enumerate(texts)))
    assert columns(path, **options)["a"] == numbers


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["1.234,56", "7,5"], ["'1.234,56'", "--decimal comma --thousands point"]),
        (["1,5", "2,25"], ["'1,5'", "with --decimal comma, or as text"]),
        (["1,234", "5,678"], ["--thousands comma or --decimal comma"]),
        (["1,234.5", "2"], ["with --thousands comma, or as text"]),
        (["1 234", "5"], ["--thousands space"]),
        (["(520)", "3"], ["'(520)'", "--number a"]),
        (["−5", "3"], ["'−5'", "--number a"]),
        (["5 USD", "6 USD"], ["'5 USD'", "--number a"]),
        (["<0.006", "3"], ["'<0.006'", "--number a"]),
        (["12.5*", "3"], ["'12.5*'", "--number a"]),
        (["1.5k", "3k"], ["'1.5k'", "--number a"]),
        (["$5", "$6"], ["'$5'", "--number a", "--text a"]),
        (["$1,234", "$6"], ["--number a --thousands comma"]),
        ([f"{i} km" for i in range(12)], ["'0 km'", "--number a"]),
        ([f"{i}kg" for i in range(12)], ["'0kg'", "--number a"]),
    ],
)
def test_numbers_in_another_notation_are_refused_with_the_option_that_reads_them(
    tmp_path: Path, texts: list[str], says: list[str]
) -> None:
    texts = texts * 20
    path = saved(tmp_path, "a;y\n" + "".join(f"{text};{i % 3}\n" for i, text in enumerate(texts)))
    said = refusal(path)
    for part in says:
        assert part in said, said
    # the advised option reads it
    words = said.split("read them with ")[1].split(", or as text")[0].split(" or ")[0].split()
    options = {
        name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)
    }
    reading = Reading(
        **{name: (value,) if name == "number" else value for name, value in options.items()}  # type: ignore[arg-type]
    )
    assert load_file(path, "y", reading=reading).feature_names == ("a",)
    as_text = load_file(path, "y", reading=Reading(text=("a",)))
    assert all(name.startswith("a=") for name in as_text.feature_names)


@pytest.mark.parametrize(
    "texts",
    [["<=50K", ">50K"], ["A1", "B2"], ["1st", "2nd", "3rd"], ["36 months", "60 months"],
     ["5kg", "10kg"], ["18-25", "26-40"], ["4x4", "2x4"], ["1/2", "3/4"]],
)  # fmt: skip
def test_names_with_digits_in_them_are_text(tmp_path: Path, texts: list[str]) -> None:
    rows = [texts[i % len(texts)] for i in range(60)]
    path = saved(tmp_path, "a;b;y\n" + "".join(f"{t};{i};{i % 2}\n" for i, t in enumerate(rows)))
    names = load_file(path, "y").feature_names
    assert {name for name in names if name != "b"} == {f"a={text}" for text in texts}


def test_numbers_read_from_text_are_reported_with_texts_that_are_none(tmp_path: Path) -> None:
    rows = [f"{i} USD" if i % 9 else "ask" for i in range(60)]
    path = saved(tmp_path, "a;y\n" + "".join(f"{text};{i % 2}\n" for i, text in enumerate(rows)))
    problem = load_file(path, "y", reading=Reading(number=("a",)))
    assert problem.feature_names == ("a", "a missing")
    assert any(hint == "a: read from text; gaps where it is no number, as 'ask'"
               for hint in problem.hints)  # fmt: skip


def test_a_typing_error_is_refused_with_what_makes_it_a_gap(tmp_path: Path) -> None:
    rows = [str(i) if i != 8 else "17l" for i in range(60)]
    path = saved(tmp_path, "a;y\n" + "".join(f"{text};{i % 2}\n" for i, text in enumerate(rows)))
    said = refusal(path)
    assert "row 9 (line 10), column 'a': '17l' is not a number" in said
    assert "--missing 17l" in said
    assert columns(path, missing=("17l",))["a"][7:10] == [7.0, None, 9.0]


def test_a_column_of_numbers_can_be_read_as_text(tmp_path: Path) -> None:
    codes = ["01", "02", "1"] * 20
    frame = pd.DataFrame({"zip": codes, "a": np.arange(60.0), "y": np.tile([0, 1], 30)})
    path = written(frame, tmp_path / "t.csv")
    problem = load_file(path, "y", reading=Reading(text=("zip",)))
    assert problem.feature_names == ("a", "zip=01", "zip=02", "zip=1")
    frame["zip"] = [3, 1, 2] * 20
    path = written(frame, tmp_path / "t.parquet")
    problem = load_file(path, "y", reading=Reading(text=("zip",)))
    assert problem.feature_names == ("a", "zip=1", "zip=2", "zip=3")


def test_numbers_that_a_parquet_file_has_as_text_are_read_on_request(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [f"{i / 4}" for i in range(60)], "y": np.tile([0, 1], 30)})
    path = written(frame, tmp_path / "t.parquet")
    assert "--number a" in refusal(path)
    table = read_columns(path, reading=Reading(number=("a",)))
    assert values(table, 0) == [i / 4 for i in range(60)]


# gaps ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "gap", ["", " ", "     ", "NA", " NA", "NA ", "?", ".", "..", "-", "--", "none", "<NA>", "NaT",
            "#DIV/0!", "n.a.", "(null)", "unknown"],
)  # fmt: skip
def test_the_usual_spellings_of_a_missing_number_are_gaps(tmp_path: Path, gap: str) -> None:
    path = saved(tmp_path, "a,b,y\n" + f"1,x,0\n{gap},y,1\n3,x,0\n" * 20)
    assert columns(path)["a"] == [1.0, None, 3.0] * 20


def test_other_texts_mean_a_gap_on_request(tmp_path: Path) -> None:
    path = saved(tmp_path, "a,b,y\n" + "1,x,0\n-99,none of these,1\n3,x,0\n" * 20)
    found = columns(path, missing=("-99", "none of these"))
    assert found["a"] == [1.0, None, 3.0] * 20
    assert found["b"] == ["x", None, "x"] * 20


def test_rows_without_a_target_are_left_out_on_request_and_counted(tmp_path: Path) -> None:
    frame = customers(400)
    frame.loc[[3, 77, 200, 399], "churn"] = None
    path = written(frame, tmp_path / "t.csv")
    assert "--skip-missing-target" in refusal(path, "churn")
    problem = load_file(path, "churn", reading=Reading(skip_missing_target=True))
    wanted = load_file(written(frame.dropna(subset="churn"), tmp_path / "u.csv"), "churn")
    assert np.array_equal(problem.x_train, wanted.x_train)
    assert np.array_equal(problem.y_test, wanted.y_test)
    assert problem.about[-1].found == wanted.about[-1].found
    assert "skipped 4 rows without a target" in problem.hints


def test_a_target_that_is_missing_everywhere_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, "a,y\n" + "1,\n2,\n" * 9)
    assert "'y' is missing in all rows" in refusal(path, skip_missing_target=True)


# the form of a text ----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a b y\n" + "1  x\t0\n  3 z 1  \n" * 5, {"sep": "blanks"}),
        ('a b y\n1 "x" 0\n3 "z" 1\n' + "1  x\t0\n3 z 1\n" * 4, {"sep": " "}),
        ("a:b:y\n" + "1:x:0\n3:z:1\n" * 5, {"sep": ":"}),
        ("a\ty,b\ty\n".replace("y,", "").replace("b\ty", "b\ty") + "1\tx\t0\n3\tz\t1\n" * 5,
         {"sep": "tab"}),
        ("# by a program\na,b,y\n1,x,0\n# half\n3,z,1\n" + "1,x,0\n3,z,1\n" * 4, {"comment": "#"}),
        ("A title\n\na,b,y\n" + "1,x,0\n3,z,1\n" * 5, {"skip_rows": 2}),
        ("a,b,y\r\n" + "1,x,0\r\n3,z,1\r\n" * 5, {}),
    ],
)  # fmt: skip
def test_the_form_of_a_text_can_be_named(
    tmp_path: Path, text: str, options: dict[str, object]
) -> None:
    found = columns(saved(tmp_path, text), **options)
    assert found == {"a": [1.0, 3.0] * 5, "b": ["x", "z"] * 5, "y": [0.0, 1.0] * 5}


def test_numbers_tell_the_separator_where_two_split_all_rows_alike(tmp_path: Path) -> None:
    path = saved(tmp_path, "1.234,5;0,5;ja\n" * 5 + "2,5;1,5;nein\n" * 5)
    assert list(columns(path, decimal="comma", thousands="point")) == ["x1", "x2", "x3"]
    assert len(read_columns(path).columns) == 3
    path = saved(tmp_path, "a,b,kinds\n" + "1,2.5,u;v\n3,4.5,w;x\n" * 5)
    assert list(columns(path)) == ["a", "b", "kinds"]


def test_blank_and_comment_lines_at_the_end_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, "a,b,y\n" + "1,2,0\n3,4,1\n" * 5 + "\n\n# the end\n\n\n# of it")
    for size in (1 << 20, 20, 6):
        monkeypatch.setattr(input_file, "CHUNK", size)
        assert columns(path, comment="#")["a"] == [1.0, 3.0] * 5


def test_blanks_within_quotes_stay(tmp_path: Path) -> None:
    path = saved(tmp_path, "a b y\n" + '1 "New  York" 0\n2 "Los\tAngeles" 1\n' * 4)
    assert columns(path, sep="blanks")["b"] == ["New  York", "Los\tAngeles"] * 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# by a program\na,b,y\n1,2,0\n3,4,1\n", ["'# by a program'", "--comment '#'"]),
        ("A title\na,b,y\n1,2,0\n3,4,1\n", ["'A title'", "--skip-rows 1"]),
        ("# by a\n# on Monday\na,b,y\n1,2,0\n3,4,1\n", ["'# by a'", "--comment '#'"]),
        ("# by a, b, c\na,b,y\n1,2,0\n3,4,1\n", ["no header", "--comment '#'"]),
        ("A title\nof two, or three\n\na,b,y\n1,2,0\n3,4,1\n", ["first 2", "--skip-rows 2"]),
        ("a,b,y\nk,1,2,0\nl,3,4,1\n", ["3 values", "--header that the first one has no name"]),
        ("a,b,y\n'k, l',2,0\n'k, m',4,1\n'k, n',4,1\n", ["--skip-rows 1"]),
        ("a b y\n1 2 0\n3 4 1\n", ["one column", "--sep blanks"]),
        ('a b y\n1 "New York" 0\n3 "Los Angeles" 1\n', ["one column", "--sep blanks"]),
        ('"a" "y"\n"1" 2 0\n"2" 4 1\n', ["one column", "--sep blanks"]),
        ("a,a,y\n1,2,0\n3,4,1\n", ["both named 'a'", "--no-header --skip-rows 1"]),
        ("a,y\n1,0\ninf,1\n-inf,1\n", ["row 2 (line 3)", "--missing=inf,-inf"]),
        ("a:b:y\n1:2:0\n3:4:1\n", ["one column", "--sep"]),
    ],
)
def test_a_form_that_is_not_found_is_refused_with_the_option_that_reads_it(
    tmp_path: Path, text: str, says: list[str]
) -> None:
    said = refusal(saved(tmp_path, text))
    for part in says:
        assert part in said, said


def test_a_header_may_lack_the_name_of_the_rows_or_the_separator_at_the_end(
    tmp_path: Path,
) -> None:
    path = saved(tmp_path, "mpg,y\nMazda,21.0,0\nFiat,32.4,1\nVolvo,21.4,1\n")
    found = columns(path, header=True)
    assert found["column 1"] == ["Mazda", "Fiat", "Volvo"]
    assert found["mpg"] == [21.0, 32.4, 21.4]
    frame = leaky()
    lines = frame.to_csv().split("\n")
    path = saved(tmp_path, "\n".join([lines[0].removeprefix(","), *lines[1:]]))
    problem = load_file(path, "y", reading=Reading(header=True))
    assert note(problem, "column 1") == "left out: an unnamed index"
    path = saved(tmp_path, "a,y\n1,0,\n2,1,\n3,1,\n")
    found = columns(path)
    assert (found["a"], found["y"]) == ([1.0, 2.0, 3.0], [0.0, 1.0, 1.0])
    assert found["column 3"] == [None] * 3


def test_decimal_commas_in_quotes_may_stand_between_commas(tmp_path: Path) -> None:
    path = saved(tmp_path, 'a,b,y\n"1,5",k,0\n"2,25",l,1\n"3,5",k,1\n')
    assert "--decimal comma" in refusal(path)
    assert columns(path, decimal="comma")["a"] == [1.5, 2.25, 3.5]


def test_the_option_that_reads_every_column_is_named_first(tmp_path: Path) -> None:
    text = "a;b;y\n" + "".join(f"{i},5;1.{i:03d},25;{i % 2}\n" for i in range(30))
    said = refusal(saved(tmp_path, text))
    assert "'b' holds" in said
    assert "--decimal comma --thousands point" in said
    assert "also 'a'" in said


def test_a_decimal_point_beside_decimal_commas_is_not_taken_for_thousands(tmp_path: Path) -> None:
    text = "a;b;y\n" + "".join(f"{i},5;{i}.25;{i % 2}\n" for i in range(30))
    said = refusal(saved(tmp_path, text), decimal="comma")
    assert "'0.25', which --decimal comma does not read" in said
    assert "--thousands" not in said


def test_a_column_of_text_with_mostly_numbers_is_reported(tmp_path: Path) -> None:
    text = "a,y\n" + "".join(f"{'1l' if i == 5 else i % 10},{i % 2}\n" for i in range(40))
    problem = load_file(saved(tmp_path, text), "y")
    (said,) = (hint for hint in problem.hints if hint.startswith("a: "))
    assert "'1l' in row 6 (line 7) is not a number" in said
    assert "--number a" in said


def test_a_class_that_may_be_a_gap_is_reported(tmp_path: Path) -> None:
    text = "a,y\n" + "".join(f"{i * i},{['?', 'yes', 'no'][i % 3]}\n" for i in range(40))
    problem = load_file(saved(tmp_path, text), "y")
    assert any("class '?'" in hint and "--missing '?'" in hint for hint in problem.hints)
    reading = Reading(missing=("?",), skip_missing_target=True)
    assert load_file(saved(tmp_path, text), "y", reading=reading).class_names == ("no", "yes")


def test_a_column_that_is_not_there_is_found_whatever_its_case(tmp_path: Path) -> None:
    header = ",".join([*(f"column{i}" for i in range(20)), "Churn"])
    row = ",".join(map(str, range(21)))
    path = saved(tmp_path, f"{header}\n{row}\n{row}\n")
    assert "has no column 'churn'; it has Churn, ..." in refusal(path, "churn")
    path = saved(tmp_path, "".join(f"{i},{i * i},{i % 2}\n" for i in range(20)))
    assert "no column 'y'; it has x1, x2, x3 (no header found" in refusal(path, "y")


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_without_a_mark_is_refused_by_its_name(tmp_path: Path, order: str) -> None:
    text = "größe,y\n" + "1.5,0\n2.5,1\n" * 5
    path = saved(tmp_path, text.encode(f"utf-16-{order}"))
    assert f"--encoding utf-16-{order}" in refusal(path)
    assert columns(path, encoding=f"utf-16-{order}")["größe"] == [1.5, 2.5] * 5


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_names_the_encoding(tmp_path: Path, encoding: str) -> None:
    text = "a,stadt,y\n" + "1,Köln,0\n2,Ülm,1\n" * 5
    assert columns(saved(tmp_path, text.encode(encoding)))["stadt"] == ["Köln", "Ülm"] * 5


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "shift-jis"])
def test_other_encodings_are_named(tmp_path: Path, encoding: str) -> None:
    city = "東京" if encoding == "shift-jis" else "Köln"
    text = "a,stadt,y\n" + f"1,{city},0\n2,Bonn,1\n" * 5
    path = saved(tmp_path, text.encode(encoding))
    if encoding != "utf-16-le":
        assert "--encoding" in refusal(path)
    assert columns(path, encoding=encoding)["stadt"] == [city, "Bonn"] * 5


def test_a_fault_in_a_long_encoded_file_has_its_line(tmp_path: Path) -> None:
    rows = "".join(f"{i},Köln,{i % 2}\n" for i in range(60_000)) + "1,Bonn\n"
    path = saved(tmp_path, ("a,stadt,y\n" + rows).encode("latin-1"))
    assert "row 60001 (line 60002) has 2 values" in refusal(path, encoding="latin-1")
    assert "near byte" in refusal(path, encoding="ascii")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sep": "ab"}, "--sep 'ab'"),
        ({"thousands": "xy"}, "--thousands 'xy'"),
        ({"thousands": ","}, "same sign"),
        ({"encoding": "none-such"}, "--encoding 'none-such'"),
        ({"encoding": "hex"}, "--encoding 'hex'"),
        ({"number": ("q",)}, "no column 'q'"),
        ({"text": ("9",)}, "no column '9'"),
        ({"skip_rows": 99}, "leaves nothing"),
        ({"comment": ""}, None),
    ],
)
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, options: dict[str, object], says: str | None
) -> None:
    path = saved(tmp_path, "a;y\n1;0\n2;1\n3;0\n")
    if "thousands" in options:
        options = {**options, "decimal": ","}
    if says is not None:
        assert says in refusal(path, **options)


def test_options_without_effect_are_refused(tmp_path: Path) -> None:
    path = written(customers(60), tmp_path / "t.parquet")
    assert "--sep has no effect on PARQUET" in refusal(path, "churn", sep=",")
    np.savez(tmp_path / "t.npz", X=np.eye(4), y=[0, 1, 0, 1])
    with pytest.raises(ProblemError, match="--decimal has no effect on NPZ"):
        load_file(str(tmp_path / "t.npz"), reading=Reading(decimal=","))


# the header ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "rows", "header"),
    [
        ("country,code,1960,1961", "Aruba,ABW,{i},{i2}", True),
        ("country,code,1960,1961", "country,ABW,{i},{i2}", False),
        ("Aruba,ABW,5,17", "Chad,TCD,{i},{i2}", False),
        ("Aruba,ABW,5,6", "Chad,TCD,{i},{i1}", False),
        ("1990,1991,1992", "{i},{i2},{i}", True),
        ("1,2,3", "{i},{i2},{i}", False),
        ("1990,1991,1992", "1993,1994,{i}", True),
        ("2000,2001,2002", "2003,2004,2005", False),
        ("group,10,20,30,40", "a,{i},{i2},{i},{i2}", True),
        ("group,10,20,30", "a,{i},{i2},{i}", False),
        (",0,1,3", "{i},{i2},{i},{i2}", True),
        (",0,1,3", ",{i2},{i},{i2}", False),
        (",0,0,3", "{i},{i2},{i},{i2}", False),
    ],
)
def test_a_header_of_years_is_told_from_numbers(
    tmp_path: Path, first: str, rows: str, header: bool
) -> None:
    body = "".join(rows.format(i=7 * i % 31, i1=7 * i % 31 + 1, i2=i * i) + "\n" for i in range(40))
    path = saved(tmp_path, f"{first}\n{body}")
    names = [f"x{i + 1}" for i in range(first.count(",") + 1)]
    stated = [name or "column 1" for name in first.split(",")]
    assert list(columns(path)) == (stated if header else names)
    table = read_columns(path)
    assert any("no header found" in remark for remark in table.remarks) != header
    # the option overrules
    if len(set(names)) == len(set(first.split(","))):
        assert list(columns(path, header=True)) == stated
    assert list(columns(path, header=False)) == names
    assert not read_columns(path, reading=Reading(header=False)).remarks


def test_a_missing_header_is_reported(tmp_path: Path) -> None:
    path = saved(tmp_path, "".join(f"{i * i},{i % 2}\n" for i in range(40)))
    hints = load_file(path, "x2").hints
    assert any("no header found" in hint and "--header" in hint for hint in hints)


# indices and identifiers -----------------------------------------------------


def leaky(rows: int = 90) -> pd.DataFrame:
    """Random features, and classes in blocks, so that the number of a row tells its class."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.standard_normal(rows), "b": rng.standard_normal(rows)})
    frame["y"] = np.repeat(["p", "q", "r"], rows // 3)
    return frame


def note(problem: Problem, name: str) -> str:
    return next(note.done for note in problem.about if note.name == name)


def test_an_index_without_a_name_is_left_out_with_gaps_too(tmp_path: Path) -> None:
    frame = leaky()
    frame.drop(index=[4, 5, 50]).to_csv(tmp_path / "t.csv")
    problem = load_file(str(tmp_path / "t.csv"), "y")
    assert problem.feature_names == ("a", "b")
    assert note(problem, "column 1") == "left out: an unnamed index"
    assert any("left out: column 1" in hint for hint in problem.hints)
    # a person may want it
    named = Reading(number=("column 1",))
    assert load_file(str(tmp_path / "t.csv"), "y", reading=named).features == 3


def test_a_nameless_column_elsewhere_or_with_other_numbers_stays(tmp_path: Path) -> None:
    frame = leaky()
    rng = np.random.default_rng(0)
    for position, numbers in ((2, rng.permutation(200)[:90]), (0, rng.standard_normal(90))):
        other = frame.copy()
        other.insert(position, "", numbers)
        other.to_csv(tmp_path / "t.csv", index=False)
        assert load_file(str(tmp_path / "t.csv"), "y").features == 3


@pytest.mark.parametrize("name", ["t.parquet", "t.feather"])
@pytest.mark.parametrize("index", [None, "key"])
def test_what_pandas_calls_an_index_is_left_out(
    tmp_path: Path, name: str, index: str | None
) -> None:
    frame = leaky().sample(frac=1.0, random_state=0).drop(index=3)
    frame.index.name = index
    if name.endswith("parquet"):
        frame.to_parquet(tmp_path / name)
    else:
        import pyarrow as pa
        from pyarrow import feather

        feather.write_feather(pa.Table.from_pandas(frame), str(tmp_path / name))
    problem = load_file(str(tmp_path / name), "y")
    assert problem.feature_names == ("a", "b")
    assert note(problem, index or "__index_level_0__") == "left out: the index of the table"


def test_columns_of_distinct_whole_numbers_get_a_hint(tmp_path: Path) -> None:
    frame = leaky(600)
    frame["id"] = np.random.default_rng(0).permutation(5000)[:600]
    frame["big"] = frame["a"] * 1000
    hints = load_file(written(frame, tmp_path / "t.csv"), "y").hints
    assert "id differs in every row: --drop id if that only names the rows" in hints
    frame["id"] = frame["id"] // 2
    hints = load_file(written(frame, tmp_path / "t.csv"), "y").hints
    assert not any("every row" in hint for hint in hints)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.json", "t.parquet"])
@pytest.mark.parametrize("first", [2**53 + 1, -(2**62) - 2, 2**63 + 1])
def test_rounded_whole_numbers_are_said_and_text_keeps_them_apart(
    tmp_path: Path, name: str, first: int
) -> None:
    numbers = [first, first + 1, first + 2] * 20
    frame = pd.DataFrame({"id": numbers, "y": ["a", "b"] * 30})
    frame["large"] = [1.5, 2e16] * 30
    path = str(tmp_path / name)
    if name.endswith(".json"):
        frame.to_json(path, orient="records", double_precision=15)
    else:
        written(frame, tmp_path / name)
    hints = load_file(path, "y").hints
    assert [hint for hint in hints if "rounded" in hint] == [
        "id: whole numbers from 9,007,199,254,740,992 on are rounded: --text id keeps them apart"
    ]
    assert columns(path, text=("id",))["id"] == list(map(str, numbers))
    assert not any("rounded" in hint for hint in load_file(path, "y", drop=("id",)).hints)
    measured = frame.assign(id=[5.123456789012345e17, 2.5e17, 1e17] * 20)
    assert not any(
        "rounded" in hint for hint in load_file(written(measured, tmp_path / name), "y").hints
    )
    small = frame.assign(id=[2**53 - 1, 5, 7] * 20)
    small.to_csv(tmp_path / "small.csv", index=False)
    assert not any("rounded" in hint for hint in load_file(str(tmp_path / "small.csv"), "y").hints)


ROWS = "".join(f"r{i % 7},{i / 8},{i % 2}\n" for i in range(90))


@pytest.mark.parametrize(
    ("footer", "count"),
    [("Total,31.5,9\n", 1), ("\n\nSource: somebody\nof 2024, June\n \n", 2), ("x\n" * 20, 20)],
)
@pytest.mark.parametrize("chunk", [1 << 20, 100, 30])
def test_a_footer_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, footer: str, count: int, chunk: int
) -> None:
    monkeypatch.setattr(input_file, "CHUNK", chunk)
    whole = columns(saved(tmp_path, "region,a,y\n" + ROWS, "whole.csv"))
    path = saved(tmp_path, "region,a,y\n" + ROWS + footer)
    assert columns(path, skip_footer=count) == whole
    assert columns(saved(tmp_path, "region,a,y\n" + ROWS), skip_footer=3) == {
        name: values[:-3] for name, values in whole.items()
    }
    assert "is empty" in refusal(path, skip_footer=1000)


@pytest.mark.parametrize("chunk", [1 << 20, 1000])
def test_a_header_may_stand_below_many_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(input_file, "CHUNK", chunk)
    whole = columns(saved(tmp_path, "region,a,y\n" + ROWS, "whole.csv"))
    path = saved(tmp_path, "# a remark of a program\n" * 300 + "region,a,y\n" + ROWS)
    assert columns(path, comment="#") == whole


def test_remarks_on_a_file_to_test_on_are_hints(tmp_path: Path) -> None:
    train = saved(tmp_path, "region,a,y\n" + ROWS)
    test = saved(tmp_path, "region,a,y\n" + ROWS + "Total,512,1\n", "test.csv")
    remark = "test.csv: the last row begins with 'Total': --skip-footer 1 leaves it out"
    assert any(remark in hint for hint in load_file(train, "y", test=test).hints)


@pytest.mark.parametrize("header", ["a,a,y", "A title"])
def test_rows_that_are_skipped_are_counted_in_what_is_named(tmp_path: Path, header: str) -> None:
    path = saved(tmp_path, f"by hand\n\n{header}\n" + "1,2,0\n3,4,1\n" * 9)
    assert "--skip-rows 3" in refusal(path, skip_rows=1)


def test_what_looks_like_a_footer_names_the_option(tmp_path: Path) -> None:
    path = saved(tmp_path, "region,a,y\n" + ROWS + "\nSource: somebody\nof 2024, June\n")
    says = "row 91 (line 93) has 1 value, not 3, separated by ','; correct the line, or leave out"
    assert refusal(path).endswith(f"{says} what is below the table with --skip-footer 2")
    inside = saved(tmp_path, "region,a,y\n" + ROWS + "odd\n" + ROWS)
    assert refusal(inside).endswith("; correct the line")
    total = saved(tmp_path, "region,a,y\n" + ROWS + "Grand Total,512,1\n")
    remark = "the last row begins with 'Grand Total': --skip-footer 1 leaves it out if it sums up"
    assert any(hint.startswith(remark) for hint in load_file(total, "y").hints)
    left_out = load_file(total, "y", reading=Reading(skip_footer=1))
    assert not any("the last row" in hint for hint in left_out.hints)
    above = saved(tmp_path, "region,a,y\n" + ROWS + "Grand Total,512,1\nby hand\n")
    hints = load_file(above, "y", reading=Reading(skip_footer=1)).hints
    assert any(hint.startswith(remark.replace(" 1 ", " 2 ")) for hint in hints)


def test_many_whole_numbers_as_classes_name_the_task_that_learns_numbers(tmp_path: Path) -> None:
    def hint(kinds: int, text: str = "") -> list[str]:
        rows = "".join(f"{i / 7},{text}{i % kinds}\n" for i in range(90))
        problem = load_file(saved(tmp_path, "a,y\n" + rows), "y")
        assert len(problem.class_names) == kinds
        return [hint for hint in problem.hints if "--task regression" in hint]

    assert hint(11) == ["--task regression learns y as a number"]
    assert hint(10) == []
    assert hint(11, "k") == []


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (
            ["00501", "10001", "02134"],
            "a: the zeros before numbers such as 00501 are lost: --text a",
        ),
        (["01", "12", "07"], ""),
        (["0.5", "00.5", "0"], ""),
        (["-999", "5", "17.5"], "a: -999 may mean a missing value: --missing=-999"),
        (["-999", "-5", "17.5"], ""),
        (["9999", "5", "17.5"], "a: 9999 may mean a missing value: --missing 9999"),
        (["999", "500", "1750"], ""),
        (
            ["9999", "-99", "3"],
            "a: 9999 may mean a missing value: --missing 9999; -99 may mean a missing value:"
            " --missing=-99",
        ),
        (["999.0", "NA", "3"], "a: 999.0 may mean a missing value: --missing 999.0"),
    ],
)
def test_numbers_that_may_be_names_or_gaps_are_said(
    tmp_path: Path, texts: list[str], says: str
) -> None:
    rows = "".join(f"{texts[i % 3]},{i / 7},{i % 2}\n" for i in range(60))
    path = saved(tmp_path, "a,b,y\n" + rows)

    def said(**options: object) -> list[str]:
        hints = load_file(path, "y", **options).hints  # type: ignore[arg-type]
        return [hint for hint in hints if hint.startswith("a: ")]

    assert [hint.removesuffix(" keeps them") for hint in said()] == [says] * bool(says)
    assert said(drop=("a",)) == said(reading=Reading(text=("a",))) == []


def test_gaps_are_looked_for_in_numbers_as_they_are_written(tmp_path: Path) -> None:
    def said(texts: list[str]) -> list[str]:
        rows = "".join(f"{texts[i % 4]};{i};{i % 2}\n" for i in range(60))
        path = saved(tmp_path, "a;b;y\n" + rows)
        reading = Reading(decimal="comma", sep="semicolon")
        return [hint for hint in load_file(path, "y", reading=reading).hints if "gap" in hint or
                "missing" in hint]  # fmt: skip

    assert said(["-99", "-1,5", "3", "2,5"]) == []
    assert said(["-99", "1,5", "3", "2,5"]) == ["a: -99 may mean a missing value: --missing=-99"]


def test_whole_numbers_that_may_be_dates_are_said(tmp_path: Path) -> None:
    days = pd.date_range("2023-12-01", periods=60).strftime("%Y%m%d").tolist()
    rows = "".join(f"{day},{i % 2}\n" for i, day in enumerate(days))
    said = "a: numbers such as 20231201 may be dates: written as 2023-MM-DD they become year, month"
    hints = load_file(saved(tmp_path, "a,y\n" + rows), "y").hints
    assert [hint for hint in hints if "dates" in hint] == [f"{said} and day"]
    hints = load_file(saved(tmp_path, "a,y\n" + rows.replace("20231207", "20231307")), "y").hints
    assert not [hint for hint in hints if "dates" in hint]


def test_classes_that_differ_in_case_alone_are_said(tmp_path: Path) -> None:
    rows = "".join(f"{i / 7},{['Yes', 'no', 'yes'][i % 3]}\n" for i in range(60))
    said = "classes 'Yes' and 'yes' differ in case alone: make them the same"
    assert said in load_file(saved(tmp_path, "a,y\n" + rows), "y").hints
    rows = "".join(f"{i / 7},{'aAbBcC'[i % 6]}\n" for i in range(60))
    hints = load_file(saved(tmp_path, "a,y\n" + rows), "y").hints
    assert [hint for hint in hints if "in case" in hint] == [
        "classes 'A' and 'a' differ in case alone (and 2 other pairs): make them the same"
    ]
