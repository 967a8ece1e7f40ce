"""The columns of a table: what was done to each of them is shown on the screen."""

from dataclasses import replace

import pytest

from tests.ui.driving import driving
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems import Problem, load_problem
from tui_gd.problems.problem import ColumnNote
from tui_gd.session.settings import RunSettings
from tui_gd.ui.screens.pages import ColumnsScreen, column_notes, draw_columns
from tui_gd.ui.screens.table_page import TableScreen

PALETTE = palette_for("256", True)
NAMES = ["age", "Churn", "churn date", "monthly \x1b[31mcharge", "no churn", "漢字"]
HOSTILE = "\x1b[2J\u202e漢字" + "x" * 300 + "\n"
SIZES = [
    (rows, columns) for rows in (0, 1, 2, 3, 5, 12, 40) for columns in (0, 1, 2, 3, 9, 40, 120)
]


# What was done to every column


NOTES = (
    ColumnNote("age", "number", "18 to 90", "as it is", ("age",)),
    ColumnNote(
        "contract",
        "text",
        "3 values",
        "one feature for each value",
        ("contract=month", "contract=one year", "contract=two year"),
    ),
    ColumnNote("id", "text", "500 values", "left out: nearly every value differs"),
    ColumnNote(HOSTILE, "text", HOSTILE, HOSTILE, (HOSTILE,) * 3),
)


def noted(notes=NOTES, hints=()) -> Problem:
    return replace(load_problem("blobs"), about=notes, hints=hints)


def page(problem, rows: int = 24, columns: int = 120, offset: int = 0, symbols=UNICODE) -> str:
    notes = column_notes(problem, RunSettings())
    cells, _ = draw_columns(
        rows, columns, offset, problem=problem, notes=notes, style=Style(PALETTE, symbols)
    )
    assert cells.shape == (rows, columns)
    return "\n".join(cells.text())


def test_every_column_shows_what_it_was_and_what_became_of_it() -> None:
    text = page(noted(NOTES[:3], ("features differ in scale by 4,300",)), columns=150)
    assert "binary of 2 classes: class from 2 features; 500 train and 500 test rows" in text
    assert "features differ in scale by 4,300" in text
    rows = [" ".join(line.strip("│ ").split()) for line in text.split("\n")]
    assert "age number 18 to 90 as it is itself" in rows
    assert (
        "contract text 3 values one feature for each value"
        " 3: contract=month, contract=one year, contract=two year"
    ) in rows
    assert "id text 500 values left out: nearly every value differs -" in rows


def test_where_there_is_room_long_words_take_several_lines_and_nothing_is_cut() -> None:
    done = "gaps filled with the median 63.87, and standardized"
    notes = (ColumnNote("bill", "number", "8.4 to 269.52", done, ("bill", "bill missing")),)
    lines = page(noted((*notes, *NOTES[:3])), columns=80).split("\n")
    at = next(row for row, line in enumerate(lines) if "bill" in line)
    place = lines[at].index("gaps filled")
    end = next(row for row, line in enumerate(lines) if line[2:].startswith("age"))
    words = [line[place : place + 24].split("  ")[0].strip() for line in lines[at:end]]
    assert " ".join(words) == done
    assert "…" not in "".join(lines)
    assert "…" in page(noted((*notes, *NOTES[:3]) * 6), columns=80)


def test_features_of_built_in_data_are_columns_that_nothing_was_done_to() -> None:
    problem = load_problem("blobs")
    assert column_notes(problem, RunSettings())[0] == ColumnNote(
        "x1", "number", "", "as it is", ("x1",)
    )
    line = column_notes(problem, RunSettings(standardize=True))[1]
    assert line == ColumnNote("x2", "number", "", "mean 0, variance 1", ("x2",))


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_columns_of_any_name_are_drawn_at_any_size(symbols) -> None:
    problem = noted(NOTES * 30, hints=(HOSTILE,) * 3)
    for rows, columns in SIZES:
        for offset in (-5, 0, 7, 10**6):
            text = page(problem, rows, columns, offset, symbols)
            assert "\x1b" not in text
            assert "\u202e" not in text
            assert symbols is UNICODE or text.isascii()


def test_a_hundred_thousand_columns_are_scrolled_to_the_last() -> None:
    notes = tuple(ColumnNote(f"c{i}", "number", "", "as it is", (f"c{i}",)) for i in range(100_000))
    text = page(noted(notes), offset=10**9)
    assert "of 100000" in text
    assert "c99999" in text
    assert "c99900" not in text


@pytest.mark.parametrize(("rows", "columns"), [(40, 120), (24, 80), (16, 50), (12, 40)])
async def test_the_columns_are_scrolled_and_left(rows, columns) -> None:
    async with driving(columns, rows, problem="digits", standardize=True) as driver:
        await driver.press("D")
        await driver.until(lambda: isinstance(driver.app.screen, ColumnsScreen))
        await driver.until(lambda: " digits " in driver.text())
        assert "mean 0, variance 1" in driver.text() or columns < 60
        await driver.until(lambda: "columns: 1–" in driver.text())
        await driver.press("down")
        await driver.until(lambda: "columns: 2–" in driver.text())
        await driver.press("end")
        await driver.until(lambda: "–64 of 64" in driver.text())
        await driver.press("home")
        await driver.until(lambda: "columns: 1–" in driver.text())
        await driver.press("q")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert not driver.app._exit


async def test_a_surface_has_no_columns_and_says_so() -> None:
    async with driving(problem="surface:himmelblau") as driver:
        await driver.press("D")
        await driver.until(lambda: driver.notices() == ["a surface has no columns"])
        assert driver.app.screen is driver.screen


async def test_a_table_is_loaded_with_the_chosen_target_and_shows_its_columns(tmp_path) -> None:
    rows = [
        f"{20 + i},{'month' if i % 3 else 'two years'},{'yes' if i % 2 else 'no'}"
        for i in range(60)
    ]
    path = tmp_path / "customers.csv"
    path.write_text("\n".join(["age,contract,churn", *rows]) + "\n")
    async with driving(ready=False, problem=str(path)) as driver:
        await driver.until(lambda: isinstance(driver.app.screen, TableScreen))
        await driver.until(lambda: "which column of customers.csv?" in driver.text())
        await driver.type("churn")
        await driver.press("enter")
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.problem.class_names == ("no", "yes")
        driver.app.clear_notifications()
        await driver.press("D")
        await driver.until(lambda: isinstance(driver.app.screen, ColumnsScreen))
        await driver.until(lambda: "customers.csv" in driver.text())
        read = driver.text()
        assert "binary of 2 classes: churn from" in read
        for note in driver.run.problem.about:
            assert note.name in read
            assert note.kind in read
        assert "contract=two years" in read
