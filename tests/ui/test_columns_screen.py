"""The columns of a table: the target is chosen on the screen, and what was done is shown there."""

from dataclasses import replace

import pytest

from tests.ui.driving import Driver, driving
from tui_gd.errors import ProblemError, TargetMissing
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems import Problem, load_problem
from tui_gd.problems.problem import ColumnNote
from tui_gd.session.settings import RunSettings
from tui_gd.ui.screens.pages import ColumnsScreen, column_notes, draw_columns
from tui_gd.ui.screens.questions import Choice, found

PALETTE = palette_for("256", True)
NAMES = ["age", "Churn", "churn date", "monthly \x1b[31mcharge", "no churn", "漢字"]
HOSTILE = "\x1b[2J\u202e漢字" + "x" * 300 + "\n"
SIZES = [
    (rows, columns) for rows in (0, 1, 2, 3, 5, 12, 40) for columns in (0, 1, 2, 3, 9, 40, 120)
]


# Finding


def test_what_begins_with_the_text_comes_first_in_the_order_of_the_file() -> None:
    lowered = [name.casefold() for name in NAMES]
    assert found(lowered, "") == [0, 1, 2, 3, 4, 5]
    assert found(lowered, "churn") == [1, 2, 4]
    assert found(lowered, "n") == [4, 1, 2, 3]
    assert found(lowered, "漢") == [5]
    assert found(lowered, "x") == []


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
async def test_no_column_name_harms_the_screen(monkeypatch, symbols) -> None:
    def load(_):
        raise TargetMissing("table.csv", (HOSTILE, *NAMES))

    monkeypatch.setattr(RunSettings, "load_problem", load)
    async with driving(40, 12, ready=False, problem="table.csv", symbols=symbols) as driver:
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.until(lambda: "age" in driver.text())
        for columns, rows in ((1, 1), (2, 30), (3, 5), (9, 3), (40, 12), (120, 40)):
            await driver.pilot.resize_terminal(columns, rows)
            await driver.answered()
            assert "\x1b" not in driver.text()
            assert "\u202e" not in driver.text()
            assert symbols is UNICODE or driver.text().isascii()


async def test_of_a_hundred_thousand_columns_any_one_is_found(monkeypatch) -> None:
    names = tuple(f"column {i}" for i in range(100_000))

    def load(self):
        if self.target is None:
            raise TargetMissing("table.csv", names)
        return replace(load_problem("blobs"), name="table.csv")

    monkeypatch.setattr(RunSettings, "load_problem", load)
    async with driving(ready=False, problem="table.csv") as driver:
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.press("end", *["pagedown"] * 60)
        await driver.until(lambda: "and 99500 more" in driver.text())
        await driver.type("77777")
        await driver.until(lambda: "column 77777" in driver.text())
        await driver.press("enter")
        await driver.status(epoch=0)
        assert driver.run.settings.target == "column 77777"


# Choosing the target on the screen


@pytest.fixture
def table(monkeypatch) -> list[str | None]:
    """`table.csv` in place of a file: its targets are `Churn`, and nothing else."""
    asked: list[str | None] = []
    usual = RunSettings.load_problem

    def load(self: RunSettings):
        if self.problem != "table.csv":
            return usual(self)
        asked.append(self.target)
        if self.target is None:
            raise TargetMissing("table.csv", tuple(NAMES))
        if self.target != "Churn":
            raise ProblemError(f"table.csv: {self.target} is always 1")
        return replace(load_problem("blobs"), name="table.csv", target_name="Churn")

    monkeypatch.setattr(RunSettings, "load_problem", load)
    return asked


async def asked_for(driver: Driver) -> Choice:
    await driver.until(lambda: isinstance(driver.app.screen, Choice))
    await driver.until(lambda: "target: which column of table.csv?" in driver.text())
    screen = driver.app.screen
    assert isinstance(screen, Choice)
    return screen


@pytest.mark.parametrize(("rows", "columns"), [(40, 120), (24, 80), (16, 50), (12, 40)])
async def test_the_target_is_found_by_typing_and_loaded(table, rows, columns) -> None:
    async with driving(columns, rows, ready=False, problem="table.csv") as driver:
        await asked_for(driver)
        await driver.until(lambda: "age" in driver.text())
        await driver.type("chur")
        await driver.until(lambda: "age" not in driver.text())
        await driver.press("enter")
        await driver.status(state="PAUSED", epoch=0)
        assert table == [None, "Churn"]
        assert driver.run.settings.target == "Churn"
        await driver.press("full_stop")
        await driver.status(epoch=1)


async def test_the_target_is_chosen_by_arrows_and_typing_is_taken_back(table) -> None:
    async with driving(ready=False, problem="table.csv") as driver:
        await asked_for(driver)
        await driver.press("z", "z")
        await driver.until(lambda: "none has that in its name" in driver.text())
        await driver.press("enter")  # nothing to take
        await driver.press("backspace", "backspace", "pagedown", "up", "up", "up", "up")
        await driver.press("enter")
        await driver.status(epoch=0)
        assert table == [None, "Churn"]


@pytest.mark.usefixtures("table")
async def test_letters_that_are_keys_elsewhere_are_typed() -> None:
    async with driving(ready=False, problem="table.csv") as driver:
        await asked_for(driver)
        await driver.type("qjk ?:")
        await driver.until(lambda: "qjk ?:" in driver.text())
        assert not driver.app._exit


async def test_a_column_that_does_for_no_target_is_told_and_asked_again(table) -> None:
    async with driving(ready=False, problem="table.csv") as driver:
        await asked_for(driver)
        await driver.type("age")
        await driver.press("enter")
        await driver.until(lambda: "table.csv: age is always 1" in driver.notices())
        await asked_for(driver)
        await driver.press("pageup", "down", "enter")
        await driver.status(epoch=0)
        assert table == [None, "age", "Churn"]


@pytest.mark.usefixtures("table")
async def test_leaving_the_question_leaves_the_program_with_the_line() -> None:
    async with driving(ready=False, problem="table.csv") as driver:
        await asked_for(driver)
        await driver.press("escape")
        await driver.until(lambda: driver.app.return_value)
        assert driver.app.return_value.startswith("table.csv: name the column to learn: --target")
        assert driver.app.return_code == 2
        assert driver.app.run_screen.run.runner is None


@pytest.mark.usefixtures("table")
async def test_where_there_is_a_run_leaving_the_question_keeps_it() -> None:
    async with driving() as driver:
        await driver.press("full_stop")
        before = await driver.status(epoch=1)
        driver.run.begin(replace(driver.run.settings, problem="table.csv"))
        await asked_for(driver)
        await driver.press("escape")
        await driver.until(lambda: "name the column to learn" in " ".join(driver.notices()))
        assert (await driver.status(epoch=1)).loss == before.loss
        driver.run.begin(replace(driver.run.settings, problem="table.csv", target="age"))
        await driver.until(lambda: "table.csv: age is always 1" in driver.notices())
        assert (await driver.status(epoch=1)).loss == before.loss
        assert driver.run.settings.problem == "blobs"


async def test_hints_of_a_problem_are_shown_once(monkeypatch) -> None:
    usual = RunSettings.load_problem
    hints = ("features differ in scale by 4,300: --standardize would help",)
    monkeypatch.setattr(RunSettings, "load_problem", lambda self: replace(usual(self), hints=hints))
    async with driving(80, 24) as driver:
        (notice,) = driver.notices()
        assert "--standardize would help" in notice
        driver.app.clear_notifications()
        driver.run.begin(replace(driver.run.settings, alpha=(0.5,)))  # on the same problem
        await driver.status(alpha=0.5)
        assert driver.notices() == []


async def test_of_every_column_its_kind_and_number_of_values_can_be_read(tmp_path) -> None:
    kinds = ("yes", "no", "")
    rows = [f"2024-0{1 + i % 9}-05,{i % 50},{'abc'[i % 3]},{kinds[i % 3]}" for i in range(90)]
    path = tmp_path / "clients.csv"
    path.write_text("\n".join(["since,age,Label,loyal", *rows]) + "\n")
    async with driving(80, 24, ready=False, problem=str(path)) as driver:
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.until(lambda: "Values in its first 90 rows:" in driver.text())
        lines = [" ".join(line.strip(" │").split()) for line in driver.text().split("\n")]
        for line in ("since date 9 values", "age number 50 values", "Label text 3 values"):
            assert line in lines
        assert "loyal text 2 values" in lines  # what is missing is no value
        await driver.type("date")  # of a name, not of a kind
        await driver.until(lambda: "none has that in its name" in driver.text())
        await driver.press(*["backspace"] * 4)
        await driver.until(lambda: "loyal" in driver.text())
        await driver.press("pageup", "down", "down", "enter")
        await driver.status(epoch=0)
        assert driver.run.problem.class_names == ("a", "b", "c")


async def test_the_column_that_is_named_as_a_target_is_chosen_already(tmp_path) -> None:
    path = tmp_path / "clients.csv"
    path.write_text("since,Label,age\n" + "\n".join(f"{i},{i % 2},{i % 7}" for i in range(60)))
    async with driving(80, 24, ready=False, problem=str(path)) as driver:
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.until(lambda: "2 values" in driver.text())
        await driver.press("enter")
        await driver.status(epoch=0)
        assert driver.run.settings.target == "Label"


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


def test_of_every_column_it_is_said_what_it_was_and_what_became_of_it() -> None:
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


def test_features_of_built_in_data_are_columns_that_nothing_was_done_to() -> None:
    problem = load_problem("blobs")
    assert column_notes(problem, RunSettings())[0] == ColumnNote(
        "x1", "number", "", "as it is", ("x1",)
    )
    line = column_notes(problem, RunSettings(standardize=True))[1]
    assert line == ColumnNote("x2", "number", "", "mean 0, variance 1", ("x2",))


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_the_columns_have_no_size_and_no_name_at_which_they_fail(symbols) -> None:
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
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
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
