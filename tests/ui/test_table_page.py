"""The page of a table: a person reads why it cannot be read as it is, chooses what helps, goes on.

Every table here is a real file, and what is chosen is compared with what a command line says.
"""

import asyncio
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ui.driving import Driver, driving
from tui_gd.cli.options import find_command, settings_of
from tui_gd.errors import ProblemError, TargetMissing
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems import load_problem
from tui_gd.problems.problem import ColumnLook, FirstRows
from tui_gd.runs.store import Store
from tui_gd.session.roles import Asked
from tui_gd.session.settings import RunSettings
from tui_gd.ui.context import Beginning
from tui_gd.ui.screens.pages import ColumnsScreen
from tui_gd.ui.screens.questions import Choice, Prompt, found
from tui_gd.ui.screens.settings_page import SettingsScreen
from tui_gd.ui.screens.table_page import TablePage, TableScreen, draw_table

SIZES = [(120, 40), (80, 24), (40, 12), (200, 20)]
NAMES = ["age", "Churn", "churn date", "monthly \x1b[31mcharge", "no churn", "漢字"]
HOSTILE = "\x1b[2J\u202e漢字" + "x" * 300 + "\n"
ROWS = 60


def chosen(path: Path, words: str = "") -> RunSettings:
    """The settings that the command line makes of these words."""
    command, rest = find_command(["run", str(path), "--seed", "3", *shlex.split(words)])
    return settings_of(command.parser().parse_args(rest))


def write(path: Path, *, typo: bool = False, gap: bool = False) -> Path:
    """Write clients with a date, a number, a text and whether they left."""
    lines = ["since,age,plan,id,left"]
    for i in range(ROWS):
        age = "4l" if typo and i == 7 else str(18 + i * 7 % 50)
        left = "" if gap and i == 11 else "yes" if i % 3 else "no"
        lines.append(f"2024-{1 + i % 12:02d}-05,{age},{'abc'[i % 3]},{i * 13 + 5},{left}")
    path.write_text("\n".join(lines) + "\n")
    return path


def opened(path: Path, words: str = "", columns: int = 80, rows: int = 24, **how):
    """Return the program at a file, as `gd-tui FILE WORDS` begins."""
    settings = chosen(path, words)
    return driving(columns, rows, ready=False, **how, **settings.as_dict())


async def page_of(driver: Driver) -> TableScreen:
    await driver.until(lambda: isinstance(driver.app.screen, TableScreen), "the page of a table")
    await driver.until(lambda: "columns of" in driver.text())
    screen = driver.app.screen
    assert isinstance(screen, TableScreen)
    return screen


def lines(driver: Driver) -> list[str]:
    """The lines of the page without its frame, blanks taken together."""
    return [" ".join(line.strip("│| ").split()) for line in driver.text().split("\n")]


def sentence(driver: Driver) -> str:
    """What the page says, without line ends."""
    return " ".join(filter(None, lines(driver)))


# Choosing the target: as short as can be


@pytest.mark.parametrize(("columns", "rows"), SIZES)
async def test_enter_learns_the_likely_target_at_once(tmp_path, columns, rows) -> None:
    path = write(tmp_path / "clients.csv")
    async with opened(path, columns=columns, rows=rows) as driver:
        await page_of(driver)
        assert "target: which column of clients.csv?" in sentence(driver)
        assert "enter learns left from 4 columns" in sentence(driver)
        await driver.press("enter")
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.wanted == replace(chosen(path), target="left")
        assert driver.run.problem.class_names == ("no", "yes")
        await driver.press("full_stop")
        await driver.status(epoch=1)


async def test_every_column_shows_role_kind_values_gaps_and_an_example(tmp_path) -> None:
    path = write(tmp_path / "clients.csv", gap=True)
    async with opened(path, "--drop id --text age") as driver:
        await page_of(driver)
        read = lines(driver)
        assert "column role kind values gaps example" in read
        assert "since date parts date 12 0 2024-01-05" in read
        assert "* age text number 50 0 18" in read
        assert "plan text text 3 0 a" in read
        assert "* id left out number 60 0 5" in read
        assert "▸ left target text 2 1 no" in read
        assert "columns of clients.csv, first 60 rows" in driver.text()
        await driver.press("up")
        assert "id: number, 60 values, 0 gaps, as 5; left out: not read" in sentence(driver)


@pytest.mark.parametrize(("columns", "rows"), SIZES)
async def test_any_of_five_thousand_columns_is_found_by_typing(tmp_path, columns, rows) -> None:
    path = tmp_path / "wide.csv"
    names = [f"c{i}" for i in range(5000)]
    values = [",".join(str((i * 7 + j) % 11) for j in range(5000)) for i in range(20)]
    path.write_text("\n".join([",".join(names), *values]) + "\n")
    async with opened(path, columns=columns, rows=rows) as driver:
        await page_of(driver)
        assert "enter learns c4999 from 4,999 colum" in sentence(driver)
        await driver.type("c32")
        await driver.until(lambda: "find: c32_" in driver.text())
        await driver.press("down")
        await driver.until(lambda: "enter learns c320 from" in sentence(driver))
        await driver.press("backspace", "backspace", "backspace", "home")
        await driver.until(lambda: "enter learns c0 from" in sentence(driver))
        await driver.press("end")
        await driver.until(lambda: "enter learns c4999 from" in sentence(driver))


async def test_two_columns_are_a_page_too(tmp_path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("a,b\n" + "\n".join(f"{i},{i % 2}" for i in range(ROWS)) + "\n")
    async with opened(path) as driver:
        await page_of(driver)
        assert "enter learns b from 1 column" in sentence(driver)
        await driver.press("up", "enter")
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.settings.target == "a"


# Roles


@pytest.mark.parametrize(("columns", "rows"), SIZES)
async def test_roles_are_those_of_the_command_line(tmp_path, columns, rows) -> None:
    path = write(tmp_path / "clients.csv")
    async with opened(path, columns=columns, rows=rows) as driver:
        await page_of(driver)
        await driver.type("id")
        await driver.press("delete")  # left out
        await driver.press("backspace", "backspace")
        await driver.type("age")
        await driver.press("right")  # as text
        assert "enter learns left from 3 columns, 1" in sentence(driver)
        await driver.press("enter")
        await driver.status(state="PAUSED", epoch=0)
        wanted = chosen(path, "--target left --drop id --text age")
        assert driver.run.wanted == wanted
        assert driver.run.problem.feature_names == wanted.load_problem().feature_names


async def test_left_and_right_step_through_the_roles_and_come_round(tmp_path) -> None:
    path = write(tmp_path / "clients.csv")
    async with opened(path, "--target left", columns=80) as driver:
        # with a target, the run begins; its columns are reached from it
        await driver.status(state="PAUSED", epoch=0)
        await driver.press("D", "e")
        await page_of(driver)
        await driver.press("home", "down")
        for role in ("text", "left out", "target", "number"):
            await driver.press("right")
            await driver.until(lambda role=role: f"age {role} number" in lines(driver)[4])
        await driver.press("left")
        await driver.until(lambda: "▸ age target number" in lines(driver)[4])
        assert "enter learns age from 4 columns" in sentence(driver)


async def test_once_a_role_is_given_the_target_stays_where_it_is(tmp_path) -> None:
    path = write(tmp_path / "clients.csv")
    async with opened(path) as driver:
        await page_of(driver)
        await driver.press("home", "down", "down")
        assert "enter learns plan from" in sentence(driver)
        await driver.press("delete")
        assert "enter learns left from" in sentence(driver)
        await driver.press("up", "up")
        assert "enter learns left from" in sentence(driver)
        await driver.press("down", "down", "delete")  # take it again
        assert "enter learns left from 4 columns" in sentence(driver)


async def test_the_mouse_does_what_the_keys_do(tmp_path) -> None:
    path = write(tmp_path / "clients.csv", typo=True)
    async with opened(path, "--target left") as driver:
        await page_of(driver)
        at = next(i for i, line in enumerate(driver.text().split("\n")) if "plan " in line)
        column = driver.text().split("\n")[at].index("text")
        await driver.pilot.click(offset=(column + 1, at))
        await driver.until(lambda: "▸* plan number text" in lines(driver)[at])
        driver.app.screen.on_mouse_scroll_down()
        await driver.until(lambda: "▸ id number" in lines(driver)[at + 1])
        driver.app.screen.on_mouse_scroll_up()
        offer = next(i for i, one in enumerate(lines(driver)) if "read age as text" in one)
        await driver.pilot.click(offset=(6, offer))
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.wanted.text == ("age",)


async def test_the_keys_are_in_the_foot_and_in_the_help(tmp_path) -> None:
    path = write(tmp_path / "clients.csv")
    async with opened(path) as driver:
        await page_of(driver)
        foot = lines(driver)[-2] if lines(driver)[-1] else lines(driver)[-3]
        for key in ("←→ role", "letters find", "enter learn", "esc back", "F1 keys"):
            assert key in foot
        for key in ("question_mark", "f1"):
            await driver.press(key)
            await driver.until(lambda: "Columns of a table" in driver.text())
            assert "leave the column out, or take it again" in driver.text()
            await driver.press("escape")
            await page_of(driver)


# What helps


CASES: dict[str, tuple[str, str, list[str]]] = {
    "date": (
        "--target left --dates refuse",
        "column 'since' holds dates or times, as 2024-01-05",
        [
            "make features of dates: year, month, day of the week, days",
            "leave since out",
            "read since as text",
        ],
    ),
    "gap": (
        "--target left",
        "row 12 (line 13), column 'left': the target is missing",
        ["skip the rows without a target", "choose another target"],
    ),
    "typo": (
        "--target left",
        "row 8 (line 9), column 'age': '4l' is not a number as most of the column is",
        ["take 4l for a missing value", "read age as text", "leave age out"],
    ),
}


def faulty(name: str, path: Path) -> Path:
    return write(path, typo=name == "typo", gap=name == "gap")


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize("name", CASES)
async def test_the_reason_stays_with_what_helps_and_each_offer_begins_a_run(
    tmp_path, name, columns, rows
) -> None:
    words, reason, offers = CASES[name]
    path = faulty(name, tmp_path / "clients.csv")
    for place, offer in enumerate(offers):
        async with opened(path, words, columns=columns, rows=rows) as driver:
            page = await page_of(driver)
            assert reason in sentence(driver)
            assert driver.notices() == []
            for key in ["down"] * place:
                await driver.press(key)
            assert f"▸ {offer}"[: columns - 6] in "\n".join(lines(driver))
            await driver.press("enter")
            if offer == "choose another target":
                await driver.until(lambda: "enter learns id from" in sentence(driver))
                await driver.press("enter")
                await driver.status(state="PAUSED", epoch=0)
                assert driver.run.settings.target == "id"
                continue
            await driver.status(state="PAUSED", epoch=0)
            typed = page.page.asked.offers[place].typed
            without = words.replace("--dates refuse", "") if "--dates" in typed else words
            assert driver.run.wanted == chosen(path, f"{without} {typed}")


async def test_one_fault_after_another_is_mended_and_nothing_chosen_is_lost(tmp_path) -> None:
    path = write(tmp_path / "clients.csv", typo=True, gap=True)
    async with opened(path, "--dates refuse") as driver:
        await page_of(driver)
        await driver.press("up", "delete", "enter")  # id left out, learn left
        await driver.until(lambda: "the target is missing" in sentence(driver))
        assert "* id left out number 60 0 5" in lines(driver)
        await driver.press("enter")
        await driver.until(lambda: "holds dates or times" in sentence(driver))
        assert "leave out all 2 that are refused: since, age" in sentence(driver)
        await driver.press("enter")
        await driver.until(lambda: "'4l' is not a number" in sentence(driver))
        await driver.press("down", "enter")
        await driver.status(state="PAUSED", epoch=0)
        words = "--target left --drop id --skip-missing-target --text age"
        assert driver.run.wanted == chosen(path, words)


MORE = {
    "one column": ("a b y\n" + "1.5 2 0\n2.5 1 1\n" * 30, "--target y", "has only one column"),
    "encoding": ("a,n,y\n" + "1,ü,0\n2,ä,1\n" * 30, "--target y", "is not UTF-8"),
    "decimal": ("a;b;y\n" + "1,5;u;0\n2,5;v;1\n" * 30, "--target y", "'1,5'"),
    "title": ("# of 2024\n" + "a,b,y\n" + "1,2,0\n2,1,1\n" * 30, "--target y", "the first line"),
    "task": (
        "a,y\n" + "1,no\n2,yes\n" * 30,
        "--target y --task regression",
        "holds text, which --task regression cannot learn",
    ),
}


@pytest.mark.parametrize("name", MORE)
async def test_the_first_offer_reads_what_could_not_be_read(tmp_path, name) -> None:
    text, words, reason = MORE[name]
    path = tmp_path / "table.txt"
    path.write_bytes(text.encode("latin-1"))
    async with opened(path, words) as driver:
        await page_of(driver)
        assert reason in sentence(driver)
        await driver.press("enter")
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.problem.target_name == "y"


async def test_without_a_header_the_first_line_can_be_taken_as_one(tmp_path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("".join(f"{i % 7}.5,{i % 5},{i % 2}\n" for i in range(ROWS)))
    async with opened(path) as driver:
        await page_of(driver)
        assert "enter learns x3 from 2 columns" in sentence(driver)
        assert "take the first line as names --header" in lines(driver)
        await driver.press("home", "enter")
        # two columns would be called 0: that can be taken back
        await driver.until(lambda: "columns 2 and 3 are both named '0'" in sentence(driver))
        await driver.press("down")
        assert "▸ take the last choice back" in lines(driver)
        await driver.press("enter")
        await driver.until(lambda: "enter learns x3 from 2 columns" in sentence(driver))
        path.write_text("a,b,c\n" + path.read_text())
        await driver.press("home", "enter")
        await driver.until(lambda: "enter learns c from 2 columns" in sentence(driver))


async def test_a_sign_that_is_typed_separates_the_fields(tmp_path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a~b~y\n" + "1.5~2~0\n2.5~1~1\n" * 30)
    async with opened(path) as driver:
        await page_of(driver)
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, Prompt))
        await driver.type("~")
        await driver.press("enter")
        await driver.until(lambda: "enter learns y from 2 columns" in sentence(driver))


async def test_a_target_that_is_always_the_same_is_chosen_anew(tmp_path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b,y\n" + "1.5,2,0\n2.5,1,0\n" * 30)
    async with opened(path) as driver:
        await page_of(driver)
        await driver.press("enter")
        await driver.until(lambda: "column 'y' is 0 in every row" in sentence(driver))
        assert [line for line in lines(driver) if " target " in line and "column" not in line]
        await driver.press("enter")  # the cursor goes to another column
        await driver.until(lambda: "enter learns b from 2 columns" in sentence(driver))
        await driver.press("enter")
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.settings.target == "b"


# Leaving


async def test_leaving_without_a_run_leaves_the_program_with_the_line(tmp_path) -> None:
    for words, said in (
        ("", "clients.csv: name the column to learn: --target X, X one of since"),
        ("--target left --dates refuse", "column 'since' holds dates or times"),
    ):
        async with opened(write(tmp_path / "clients.csv"), words) as driver:
            await page_of(driver)
            await driver.press("escape")
            await driver.until(lambda: driver.app.return_value)
            assert said in driver.app.return_value
            assert driver.app.return_code == 2
            assert driver.run.runner is None


async def test_a_file_that_nothing_helps_leaves_with_its_line(tmp_path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a,y\n" + "1,0\n2,1\n" * 30 + "1\n1,0\n")
    async with opened(path, "--target y") as driver:
        await driver.until(lambda: driver.app.return_value)
        assert "row 61 (line 62) has 1 value, not 2" in driver.app.return_value
        assert driver.app.return_code == 2


# From a run


async def test_a_table_is_opened_from_the_list_of_problems(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "clients.csv")
    async with driving() as driver:
        await driver.press("full_stop")
        before = await driver.status(epoch=1)
        await driver.press("d", "home")
        await driver.until(lambda: isinstance(driver.app.screen, Choice))
        await driver.press("enter")
        await driver.until(lambda: "Open a file" in driver.text())
        await driver.type("nosuch.csv")
        await driver.press("enter")
        await driver.until(lambda: "no such file" in driver.text())
        assert "nosuch.csv" in driver.text()
        await driver.press(*["backspace"] * len("nosuch.csv"))
        await driver.type("clients.csv")
        await driver.press("enter")
        await page_of(driver)
        assert "0 brings back the epoch of this run" in sentence(driver)
        await driver.press("enter")
        await driver.until(lambda: driver.run.settings.problem == "clients.csv")
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.settings.target == "left"
        await driver.press("0")
        await driver.until(lambda: driver.run.settings.problem == "blobs")
        assert (await driver.status(epoch=1)).loss == before.loss


async def test_if_nothing_helps_a_file_another_one_is_offered(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("a,y\n" + "1,0\n2,1\n" * 30 + "1\n1,0\n")
    write(tmp_path / "clients.csv")
    async with driving() as driver:
        await driver.press("d", "home", "enter")
        await driver.until(lambda: "Open a file" in driver.text())
        await driver.type("ragged.csv")
        await driver.press("enter")
        await page_of(driver)
        await driver.until(lambda: "has 1 value, not 2" in sentence(driver))
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, Prompt))
        assert "ragged.csv" in driver.text()
        await driver.press(*["end"], *["backspace"] * len("ragged.csv"))
        await driver.type("clients.csv")
        await driver.press("enter")
        await driver.until(lambda: "enter learns left" in sentence(driver))
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.screen)
        assert driver.run.settings.problem == "blobs"


async def test_roles_of_a_running_run_are_changed_from_its_settings(tmp_path) -> None:
    path = write(tmp_path / "clients.csv")
    async with opened(path, "--target left --epochs 50") as driver:
        await driver.status(state="PAUSED", epoch=0)
        await driver.press("full_stop", "full_stop")
        before = await driver.status(epoch=2)
        await driver.press("semicolon")
        await driver.until(lambda: "settings of this run" in driver.text())
        page = driver.app.screen
        page.page.at = [one.name for one in page.page.options].index("drop")
        page.draw()
        await driver.until(lambda: "space shows all columns of the table" in sentence(driver))
        await driver.press("space")
        await page_of(driver)
        assert "enter learns left from 4 columns; 0 brings back the 2 epochs" in sentence(driver)
        await driver.press("up", "delete", "escape")  # back on the settings: nothing is lost
        await driver.until(lambda: isinstance(driver.app.screen, SettingsScreen))
        assert driver.screen.draft == {"drop": ("id",)}
        await driver.press("escape")
        await driver.press("D", "e")
        await page_of(driver)
        assert "* id left out number 60 0 5" in lines(driver)
        await driver.press("enter")
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.wanted == chosen(path, "--target left --epochs 50 --drop id")
        (said,) = driver.notices()[-1:]
        assert "began again with id left out" in said
        assert "0 brings back the 2 epochs with id as found" in said
        await driver.press("0")
        await driver.status(epoch=2)
        assert (await driver.status(epoch=2)).loss == before.loss
        assert driver.run.wanted == chosen(path, "--target left --epochs 50")


async def test_another_target_in_a_running_run_has_a_loss_of_its_own(tmp_path) -> None:
    path = write(tmp_path / "clients.csv")
    async with opened(path, "--target left") as driver:
        await driver.status(state="PAUSED", epoch=0)
        await driver.press("full_stop", "D")
        await driver.until(lambda: isinstance(driver.app.screen, ColumnsScreen))
        await driver.until(lambda: "e: change roles" in driver.text())
        await driver.press("e")
        await page_of(driver)
        await driver.press("home", "down", "left")  # age becomes the target
        await driver.press("enter")
        await driver.until(lambda: driver.run.problem.task == "regression")
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.settings.loss == "mse"


async def test_roles_are_kept_with_the_run_and_come_back(tmp_path) -> None:
    path, library = write(tmp_path / "clients.csv", gap=True), tmp_path / "runs.sqlite"
    async with opened(path, library=library, beginning=Beginning(keep=True)) as driver:
        await page_of(driver)
        await driver.press("up", "delete", "enter")
        await driver.until(lambda: "the target is missing" in sentence(driver))
        await driver.press("enter")
        await driver.status(state="PAUSED", epoch=0)
        await driver.press("full_stop")
        await driver.status(epoch=1)
        await driver.until(lambda: driver.run.kept_id is not None)
        # the id is chosen first, and the run is in the store a moment later
        assert driver.run.recorder
        assert await asyncio.to_thread(driver.run.recorder.wait)
        wanted, kept = driver.run.settings, driver.run.kept_id
    with Store(library) as store:
        stored = store.find(kept)
    for name in ("target", "drop", "skip_missing_target", "number", "text"):
        value = getattr(wanted, name)
        assert stored.settings[name] == (list(value) if isinstance(value, tuple) else value)
    words = shlex.join(wanted.words())
    for option in ("--target left", "--drop id", "--skip-missing-target"):
        assert option in words


# As it is drawn


async def test_a_table_without_a_preview_still_has_a_page(monkeypatch) -> None:
    usual = RunSettings.load_problem

    def load(self: RunSettings):
        if self.problem != "table.csv":
            return usual(self)
        if self.target is None:
            raise TargetMissing("table.csv", tuple(NAMES))
        if self.target != "Churn":
            raise ProblemError(f"table.csv: {self.target} is always 1")
        return replace(load_problem("blobs"), name="table.csv", target_name="Churn")

    monkeypatch.setattr(RunSettings, "load_problem", load)
    async with driving(ready=False, problem="table.csv") as driver:
        await page_of(driver)
        await driver.type("age")
        await driver.press("enter")
        await driver.until(lambda: "│ age is always 1" in driver.text())
        await driver.type("qjk ?:")  # letters that are keys elsewhere are typed
        await driver.until(lambda: "find: qjk ?:_" in driver.text())
        await driver.until(lambda: "none has that in its name" in driver.text())
        await driver.press("enter")  # nothing to take
        await driver.press(*["backspace"] * 6)
        await driver.type("chur")
        await driver.press("enter")
        await driver.status(state="PAUSED", epoch=0)
        assert driver.run.settings.target == "Churn"


def test_names_that_begin_with_the_text_come_first_in_the_order_of_the_file() -> None:
    lowered = [name.casefold() for name in NAMES]
    assert found(lowered, "") == [0, 1, 2, 3, 4, 5]
    assert found(lowered, "churn") == [1, 2, 4]
    assert found(lowered, "n") == [4, 1, 2, 3]
    assert found(lowered, "漢") == [5]
    assert found(lowered, "x") == []


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_the_page_has_no_size_and_no_name_at_which_it_fails(symbols) -> None:
    style = Style(palette_for("256", True), symbols)
    looks = (
        ColumnLook(HOSTILE, "text", 3, 1, HOSTILE, fault=HOSTILE),
        *(ColumnLook(name, "number", 1000, 0, "1.5") for name in NAMES * 10),
    )
    for message in ("", f"column {HOSTILE!r}: {HOSTILE}; read it with --text x or --sep ';'"):
        asked = Asked(RunSettings(problem=HOSTILE), message, FirstRows(looks, 9), not message)
        for found_ in ([], range(len(looks))):
            for cursor in (0, 1, 3, 40):
                at = min(cursor, len(asked.offers) + max(len(found_) - 1, 0))
                page = TablePage(asked, "0 brings back the run")
                page.found, page.cursor, page.typed, page.target = found_, at, "x", NAMES[0]
                for rows in (0, 1, 2, 3, 5, 12, 24, 40):
                    for columns in (0, 1, 2, 3, 9, 40, 120):
                        drawn = draw_table(page, rows, columns, style)
                        assert drawn.cells.shape == (rows, columns)
                        text = "\n".join(drawn.cells.text())
                        assert "\x1b" not in text
                        assert "\u202e" not in text
                        assert symbols is UNICODE or text.isascii()
