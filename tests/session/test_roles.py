"""Roles of columns, and offers: a message about a file names what helps, and that does help."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tui_gd.cli.options import find_command, settings_of
from tui_gd.errors import ProblemError, TargetMissing, way
from tui_gd.problems.problem import ColumnLook
from tui_gd.session.roles import (
    Asked,
    Columns,
    Role,
    asked_about,
    becomes,
    changed_roles,
    offers_for,
    roles_for,
)
from tui_gd.session.settings import RunSettings

ROWS = 40


def table(header: str, *columns: str, sep: str = ",", rows: int = ROWS) -> str:
    """A table of the columns' values, each with blanks between them, over and over."""
    values = [one.split() for one in columns]
    lines = [sep.join(one[i % len(one)] for one in values) for i in range(rows)]
    return "\n".join([header, *lines] if header else lines) + "\n"


NUMBERS = " ".join(f"{i * 37 % 40}.5" for i in range(ROWS))
DATES = " ".join(f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(ROWS))
TYPO = NUMBERS.replace(" 34.5 ", " 3l ", 1)
GAPS = table("a,y", NUMBERS, "no yes no yes no").replace("yes", "", 1)
LATIN = table("a,name,y", NUMBERS, "Müller Maier", "0 1")


def read_by(words: str, path: Path) -> RunSettings:
    """The settings that the command line makes of these words."""
    command, rest = find_command(["run", str(path), "--seed", "1", *shlex.split(words)])
    return settings_of(command.parser().parse_args(rest))


def asked_for(path: Path, words: str) -> Asked:
    """What is asked about a file that these options do not read."""
    settings = read_by(words, path)
    with pytest.raises(ProblemError) as caught:
        settings.load_problem()
    asked = asked_about(settings, caught.value, in_run=False)
    assert asked is not None, caught.value
    return asked


CASES = {
    "a date that is refused": (
        table("day,a,y", DATES, NUMBERS, "0 1"),
        "--target y --dates refuse",
        [
            "make features of dates: year, month, day of the week, days",
            "leave day out",
            "read day as text",
        ],
    ),
    "several dates that are refused": (
        table("day,a,end,y", DATES, NUMBERS, DATES, "0 1"),
        "--target y --dates refuse",
        [
            "make features of dates: year, month, day of the week, days",
            "leave out all 2 that are refused: day, end",
            None,  # one date alone does not help
            None,
        ],
    ),
    "a gap in the target": (
        GAPS,
        "--target y",
        ["skip the rows without a target", None],
    ),
    "a typing error among numbers": (
        table("a,b,y", TYPO, NUMBERS, "0 1"),
        "--target y",
        ["take 3l for a missing value", "read a as text", "leave a out"],
    ),
    "a decimal comma": (
        table("a;b;y", NUMBERS.replace(".", ","), "u v w", "0 1", sep=";"),
        "--target y",
        ["read numbers with a decimal comma", "read a as text", "leave a out"],
    ),
    "units": (
        table("a,b,y", " ".join(f"${i}" for i in range(ROWS)), NUMBERS, "0 1"),
        "--target y",
        ["read a as numbers, without signs and units", "read a as text", "leave a out"],
    ),
    "units and a decimal comma": (
        table("a;b;y", " ".join(f"${i},5" for i in range(ROWS)), "u v w", "0 1", sep=";"),
        "--target y",
        [
            "read a as numbers, without signs and units, and read numbers with a decimal comma",
            "read a as text",
            "leave a out",
        ],
    ),
    "lists": (
        "\n".join(f'{{"a": [{i}], "b": {i}, "y": {i % 2}}}' for i in range(ROWS)) + "\n",
        "--target y",
        ["leave a out"],
    ),
    "another encoding": (LATIN, "--target y", ["read the text as latin-1"]),
    "a remark above the header": (
        "# by a program\n" + table("a,b,y", NUMBERS, NUMBERS, "0 1"),
        "--target y",
        ["leave out lines that begin with #"],
    ),
    "a title above the header": (
        "A title\n" + table("a,b,y", NUMBERS, NUMBERS, "0 1"),
        "--target y",
        ["leave out the first line"],
    ),
    "two columns of one name": (
        table("a,a,x3", NUMBERS, NUMBERS, "0 1"),
        "--target x3",
        ["take the first line as a row, and leave out the first line"],
    ),
    "a header without its first name": (
        table(",a,y", " ".join(f"r{i}" for i in range(ROWS)), NUMBERS, "0 1")[1:],
        "--target y",
        ["take the first line as names"],
    ),
    "an infinite number": (
        table("a,b,y", " ".join(["inf", *NUMBERS.split()[1:]]), NUMBERS, "0 1"),
        "--target y",
        ["take inf, -inf for a missing value", "leave a out", None],
    ),
    "a point where a comma is said": (
        table("a;b;y", " ".join(f"{i}.5" for i in range(ROWS)), "u v w", "0 1", sep=";"),
        "--target y --decimal comma",
        ["read it without --decimal", "leave a out", "read a as text"],
    ),
    "numbers written as text": (
        "\n".join(f'{{"a": "{i}", "b": {i}, "y": {i % 2}}}' for i in range(ROWS)) + "\n",
        "--target y",
        ["read a as numbers, without signs and units", "read a as text", "leave a out"],
    ),
    "blanks between the fields": (
        table("a b y", NUMBERS, NUMBERS, "0 1", sep=" "),
        "--target y",
        ["separate the fields at blanks"],
    ),
    "a regression of text": (
        table("a,y", NUMBERS, "no yes"),
        "--target y --task regression",
        ["read it without --task", None],
    ),
    "a target with one value": (table("a,b,y", NUMBERS, NUMBERS, "1"), "--target y", [None]),
    "a date as the target": (table("a,day", NUMBERS, DATES), "--target day", [None]),
    "a class with one row": (
        table("a,y", NUMBERS, "0 1").replace(",1\n", ",2\n", 1),
        "--target y --stratify",
        ["read it without --stratify"],
    ),
    "an option without effect": (
        "\n".join(f'{{"a": {i}, "y": {i % 2}}}' for i in range(ROWS)) + "\n",
        "--target y --decimal comma",
        ["read it without --decimal"],
    ),
    "a column to leave out that is not there": (
        table("a,y", NUMBERS, "0 1"),
        "--target y --drop b",
        ["read it without --drop b"],
    ),
    "the target left out": (
        table("a,y", NUMBERS, "0 1"),
        "--target y --drop y",
        ["read it without --drop", None],
    ),
    "only an index left": (
        table(",y", " ".join(map(str, range(ROWS))), "0 1"),
        "--target y",
        ["read column 1 as numbers, without signs and units", None],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_offer_reads_the_table_as_the_same_words_on_the_command_line_do(
    tmp_path: Path, name: str
) -> None:
    content, words, helping = CASES[name]
    path = tmp_path / "table.txt"
    path.write_bytes(content.encode("latin-1" if content is LATIN else "utf-8"))
    asked = asked_for(path, words)
    assert len(asked.offers) == len(helping), [one.words for one in asked.offers]
    for offer, wanted in zip(asked.offers, helping, strict=True):
        if wanted is None:
            continue
        assert offer.words == wanted
        assert offer.settings is not None
        problem = offer.settings.load_problem()
        assert problem.train_rows > 10
        if offer.typed and "--dates" not in words and "--drop" not in words:
            assert read_by(f"{words} {offer.typed}", path) == offer.settings


def test_a_target_that_will_not_do_is_chosen_anew(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for content, words in (
        (table("a,b,y", NUMBERS, NUMBERS, "1"), "--target y"),
        (table("a,day", NUMBERS, DATES), "--target day"),
        (table("a,b", NUMBERS, "0 1"), "--target c"),
    ):
        path.write_text(content)
        assert [one.leads for one in asked_for(path, words).offers] == ["target"]


def test_an_unknown_separator_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table("a~b~y", NUMBERS, NUMBERS, "0 1", sep="~"))
    (offer,) = asked_for(path, "--target y").offers
    assert offer.ask is not None
    assert offer.ask.name == "sep"


def test_a_file_that_nothing_helps_is_refused_but_with_a_run_another_one_is_offered(
    tmp_path: Path,
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table("a,b,y", NUMBERS, NUMBERS, "0 1") + "1,2\n1,2,0\n")
    settings = read_by("--target y", path)
    with pytest.raises(ProblemError, match="has 2 values, not 3") as caught:
        settings.load_problem()
    assert asked_about(settings, caught.value, in_run=False) is None
    asked = asked_about(settings, caught.value, in_run=True)
    assert asked is not None
    assert [one.leads for one in asked.offers] == ["file"]
    assert asked_about(RunSettings(problem="blobs"), caught.value, in_run=True) is None


def test_lines_below_a_table_are_offered_to_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table("a,b,y", NUMBERS, NUMBERS, "0 1") + "\nSource: a,b\nof June\n")
    (offer,) = asked_for(path, "--target y").offers
    assert (offer.words, offer.typed) == ("leave out the last 2 lines", "--skip-footer 2")
    assert offer.settings is not None
    assert offer.settings.load_problem().train_rows == ROWS // 2


@pytest.mark.parametrize("name", ["--drop a", "a --sep x", "it's, so", 'say "--text b"', "a' b"])
def test_a_name_that_looks_like_an_option_is_only_a_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name.replace('/', '')}.csv"
    quoted = '"' + name.replace('"', '""') + '"'
    path.write_text(table(f"{quoted},b,y", TYPO, NUMBERS, "0 1"))
    asked = asked_for(path, "--target y")
    assert [one.words for one in asked.offers] == [
        "take 3l for a missing value",
        f"read {name} as text",
        f"leave {name} out",
    ]
    for offer in asked.offers:
        assert offer.settings is not None
        assert offer.settings.load_problem().train_rows == ROWS // 2


def test_a_missing_target_asks_with_what_the_first_rows_show(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table("day,a,b,y", DATES, NUMBERS, "x x", "0 1 NA"))
    settings = read_by("--drop b", path)
    with pytest.raises(TargetMissing) as caught:
        settings.load_problem()
    asked = asked_about(settings, caught.value, in_run=False)
    assert asked is not None
    assert (asked.needs_target, asked.reason, asked.offers) == (True, "", [])
    looks = {look.name: look for look in asked.look.columns}
    assert looks["day"] == ColumnLook("day", "date", 40, 0, "2024-01-01")
    assert looks["a"] == ColumnLook("a", "number", 40, 0, "0.5")
    assert looks["b"] == ColumnLook("b", "text", 1, 0, "x", left_out="one value only")
    assert looks["y"] == ColumnLook("y", "number", 2, 13, "0")
    assert asked.columns.roles(settings) == {"b": Role.DROP}


# Roles


COLUMNS = Columns(tuple(ColumnLook(name, "number") for name in ("a", "b,c", "3", "y")))
START = RunSettings(problem="t.csv", target="y")


def test_a_role_is_what_the_options_say_and_one_column_has_one() -> None:
    settings = START
    for role in (Role.NUMBER, Role.TEXT, Role.DROP):
        settings = COLUMNS.with_role(settings, "a", role)
        assert COLUMNS.roles(settings) == {"a": role, "y": Role.TARGET}
    assert settings == replace(START, drop=("a",))
    settings = COLUMNS.with_role(settings, "a", Role.TARGET)
    assert settings == replace(START, target="a")
    assert COLUMNS.with_role(settings, "a", Role.USUAL) == replace(START, target=None)


def test_columns_are_found_by_number_and_a_comma_in_a_name_is_no_trouble() -> None:
    settings = COLUMNS.with_role(START, "b,c", Role.DROP)
    assert settings.drop == ("2",)
    assert COLUMNS.roles(settings)["b,c"] is Role.DROP
    # a column of that name comes before the number
    assert COLUMNS.roles(replace(START, drop=("3",))) == {"3": Role.DROP, "y": Role.TARGET}
    assert COLUMNS.roles(replace(START, drop=("4",), target=None)) == {"y": Role.DROP}
    assert COLUMNS.with_role(settings, "b,c", Role.USUAL) == START


def test_every_kind_of_column_has_the_roles_that_it_can_have() -> None:
    usual, left = (Role.USUAL, Role.TEXT, Role.DROP, Role.TARGET), (Role.USUAL, Role.DROP)
    assert roles_for(ColumnLook("a", "number")) == usual
    assert roles_for(ColumnLook("a", "yes/no")) == usual
    assert roles_for(ColumnLook("a", "date")) == usual[:-1]
    assert roles_for(ColumnLook("a", "nested")) == left
    of_text = (Role.USUAL, Role.NUMBER, Role.DROP, Role.TARGET)
    assert roles_for(ColumnLook("a", "text")) == of_text
    index = ColumnLook("column 1", "number", left_out="an unnamed index")
    assert Role.NUMBER in roles_for(index)


def test_what_becomes_of_a_column_is_told() -> None:
    words = [
        (ColumnLook("a", "number"), Role.USUAL, "number"),
        (ColumnLook("a", "text"), Role.USUAL, "text"),
        (ColumnLook("a", "date"), Role.USUAL, "date parts"),
        (ColumnLook("a", "text", left_out="one value only"), Role.USUAL, "left out"),
        (ColumnLook("a", "text", fault="is odd"), Role.USUAL, "refused"),
        (ColumnLook("a", "text", fault="is odd"), Role.DROP, "left out"),
        (ColumnLook("a", "number"), Role.TARGET, "target"),
    ]
    for look, role, word in words:
        assert becomes(look, role, "features") == word
    assert becomes(ColumnLook("a", "date"), Role.USUAL, "drop") == "left out"
    assert becomes(ColumnLook("a", "date"), Role.USUAL, "refuse") == "refused"


def test_changed_roles_are_told_before_and_after() -> None:
    after = COLUMNS.with_role(COLUMNS.with_role(START, "a", Role.DROP), "3", Role.TARGET)
    assert changed_roles(COLUMNS, START, after) == (
        ["a as found", "3 as found", "y as the target"],
        ["a left out", "3 as the target", "y as found"],
    )
    assert changed_roles(COLUMNS, START, START) == ([], [])


def test_an_error_without_ways_offers_nothing_and_unknown_ones_are_left_out() -> None:
    assert offers_for([], None, START, COLUMNS) == []
    assert offers_for([way(nosuch=3)], "b, which is not there", START, COLUMNS) == []
    assert offers_for([way(text="not there"), way(drop=None)], None, START, COLUMNS) == []


def test_a_way_has_values_or_asks_for_them_or_leaves_an_option_out() -> None:
    ways = [way(decimal="comma", thousands="point"), way(sep=None), way(missing=("3l",))]
    first, typed, last = offers_for(ways, None, START, COLUMNS)
    assert first.typed == "--decimal comma --thousands point"
    assert first.settings == replace(START, decimal="comma", thousands="point")
    assert typed.ask is not None
    assert typed.ask.name == "sep"
    assert last.settings == replace(START, missing=("3l",))
    given = replace(START, sep="tab", missing=("3l",))
    without, same = offers_for(ways[1:], None, given, COLUMNS)
    assert (without.words, without.settings) == ("read it without --sep", replace(given, sep=None))
    assert (same.words, same.settings) == ("read it without --missing", replace(given, missing=()))
