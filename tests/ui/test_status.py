"""The lines around the panels: what is trained, the status, the verdict, the tabs, the footer."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import tutorial
from tests.making import make_problem
from tests.ui.driving import WEIGHTS, driving, write_weights
from tests.ui.viewing import view_of
from tui_gd.insight.verdict import Kind, Try, Verdict, share
from tui_gd.plots.cells import width
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.session.snapshot import RunState
from tui_gd.ui.keys import KeyNames
from tui_gd.ui.panels.lines import draw_status, draw_verdict

W = np.array(WEIGHTS)
STYLES = [Style(palette_for("truecolor", True), UNICODE), Style(palette_for("mono", True), ASCII)]


# What is trained


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {},
            "blobs · one sigmoid unit · squared error, summed · gradient descent · 500 + 500 rows",
        ),
        (
            {
                "problem": "moons",
                "hidden": (8, 4),
                "optimizer": ("adam",),
                "batch_size": 32,
                "loss": "mse",
            },
            "moons · 2-8-4-1 tanh network · squared error, mean · adam, batches of 32",
        ),
        ({"problem": "iris"}, "iris · softmax of 3 classes · cross-entropy"),
        ({"problem": "line", "l2": 0.1}, "line · linear model · squared error, mean"),
        ({"problem": "surface:booth"}, "surface:booth · point (x, y) · gradient descent"),
    ],
)
async def test_the_top_line_says_what_is_trained(options, said) -> None:
    async with driving(160, **options) as driver:
        line = re.sub(" +", " ", driver.read("#top"))
    assert line.startswith(f" gd-tui {said}")
    assert line.endswith(" seed 3 ")


@pytest.mark.parametrize("columns", [40, 50, 60, 80, 100])
async def test_what_is_trained_is_left_out_in_whole_parts(columns: int) -> None:
    async with driving(columns, 24) as driver:
        line = driver.read("#top")
        assert width(line) == columns
        parts = line.removeprefix(" gd-tui").split("  seed ")[0].strip().split(" · ")
    whole = ["blobs", "one sigmoid unit", "squared error, summed", "gradient descent"]
    short = ["blobs", "sigmoid unit", "squared error", "gradient descent"]
    assert [part.strip() for part in parts] in [list_[: len(parts)] for list_ in (whole, short)]
    assert len(parts) >= 2
    assert "seed 3" in line


# The status


async def test_words_and_numbers_in_their_order(tmp_path) -> None:
    data = tutorial.data()
    y, p = data.train_y[:, 0], tutorial.sigmoid_activation(data.train_x @ W)
    p_test = tutorial.sigmoid_activation(data.test_x @ W)
    loss, test = np.sum((p - y) ** 2), np.sum((p_test - data.test_y[:, 0]) ** 2)
    right = int(np.sum((p_test > 0.5) == data.test_y[:, 0]))
    assert 0 < right < 500
    async with driving(init=write_weights(tmp_path)) as driver:
        words = re.split("  +", driver.read("#status").strip())
    assert words == [
        "PAUSED",
        "epoch 0/100",
        f"train loss {loss:#.6g}",
        f"test loss {test:#.6g}",
        f"right {right} of 500 test rows ({right / 5:.0f} %)",
        "α 0.01",
    ]


async def test_a_regression_shows_r2() -> None:
    from sklearn.metrics import r2_score

    async with driving(problem="line", epochs=50) as driver:
        await driver.press("greater_than_sign")
        await driver.status(epoch=10)
        problem, weights = driver.run.problem, driver.run.runner.snapshot.lane.weights
        said = re.search(r"  R² (\S+) ", driver.read("#status"))[1]
    expected = r2_score(problem.y_test, problem.x_test @ weights)
    assert float(said.replace("−", "-")) == pytest.approx(expected, rel=1e-3)


async def test_with_a_schedule_the_learning_rate_of_this_epoch_is_said() -> None:
    async with driving(160, alpha=(0.02,), schedule="step:1:0.5") as driver:
        await driver.press("full_stop", "full_stop")
        await driver.status(epoch=2)
        assert "α 0.02 × 0.25 = 0.005" in driver.read("#status")


async def test_the_loss_has_six_digits_even_where_they_are_zeros(tmp_path) -> None:
    # p = 1/2 everywhere: 500 times 1/4
    start = write_weights(tmp_path, (0.0, 0.0, 0.0))
    async with driving(init=start) as driver:
        assert (await driver.status(epoch=0)).loss == "125.000"


@pytest.mark.parametrize("columns", [40, 44, 50, 60, 80, 100, 120, 200])
async def test_state_epoch_and_alpha_are_always_there_and_nothing_is_cut(columns: int) -> None:
    async with driving(columns, 24) as driver:
        line = driver.read("#status")
        whole = driver.read_status()
        assert whole.state == "PAUSED"
        assert (whole.epoch, whole.epochs, whole.alpha) == (0, 100, 0.01)
        assert whole.loss == "" or len(whole.loss) >= 7
        assert (whole.loss == "") == (columns < 44)
        assert ("right" in line) == (columns >= 60)
        assert ("test" in line) == (columns >= 80)
        assert width(line) == columns
        assert whole.rest.strip() == ""


@pytest.mark.parametrize("columns", [80, 120, 200])
async def test_no_column_of_the_status_moves_while_it_runs(columns: int) -> None:
    async with driving(columns, 24) as driver:
        places = set()
        for _ in range(12):
            await driver.press("greater_than_sign")
            line = driver.read("#status")
            places.add(tuple(line.index(word) for word in ("epoch", "train", "test", "right", "α")))
        assert len(places) == 1


@pytest.mark.parametrize("columns", [40, 44, 80, 120, 200])
async def test_with_several_lanes_the_first_line_names_the_current_one(columns: int) -> None:
    async with driving(columns, 24, alpha=(0.01, 0.03)) as driver:
        assert driver.read("#top").startswith(" lane A of 2 ")
        assert ("right" in driver.read("#status")) == (columns >= 60)
        await driver.press("6", "down")
        await driver.until(lambda: driver.read("#top").startswith(" lane B of 2 "))
        assert driver.read_status().alpha == 0.03
        await driver.press("N", *"abcdefghijklmnopqrst", "enter")
        named = " lane abcdefghijklmnopqrst of 2 "
        await driver.until(lambda: driver.read("#top").startswith(named))


async def test_in_ascii_alpha_is_spelt_out() -> None:
    async with driving(symbols=ASCII) as driver:
        for line in ("#top", "#status", "#verdict", "#tabs", "#keys"):
            assert driver.read(line).isascii()
        assert "  alpha 0.01 " in driver.read("#status")
        assert "+ - alpha" in driver.read("#keys")


# The verdict

STUCK = Verdict(
    Kind.SATURATED,
    "Stuck on a plateau.",
    "Half of the rows are wrong, yet the loss stands still.",
    "For 83 % of rows p is so near 0 or 1 that squared error hardly feels them.",
    (
        Try("branch_with", "branch with cross-entropy", short="with cross-entropy"),
        Try("new_start", "another start"),
        Try("panel('why')", "the numbers behind this", short="the numbers"),
    ),
)


def said(verdict: Verdict, rows: int, columns: int, style: Style = STYLES[0]) -> str:
    """The words of a verdict as a person reads them, line breaks aside."""
    drawn = draw_verdict(verdict, KeyNames(), style, rows, columns)
    assert drawn.cells.shape == (rows, columns)
    return re.sub(r"\s+", " ", " ".join(drawn.cells.text())).strip()


@pytest.mark.parametrize("style", STYLES, ids=["unicode", "ascii"])
@pytest.mark.parametrize("columns", range(40, 130, 3))
@pytest.mark.parametrize("rows", [2, 3, 4])
def test_a_verdict_is_made_of_whole_sentences_and_always_has_an_advice(
    rows, columns, style
) -> None:
    words = said(STUCK, rows, columns, style)
    for sentence in (STUCK.line, STUCK.why):
        start = sentence.split(" ")[0]
        assert (sentence in words) or (start not in words.replace(STUCK.title, ""))
    assert STUCK.title in words
    cap = "[B]" if style.symbols.plain else "B"
    assert re.search(rf"Try {re.escape(cap)} (branch )?with cross-entropy", words)
    # nothing is cut: what is said to try are whole entries
    rest = words.partition("with cross-entropy")[2]
    entries = " n another start", " 7 the numbers", " 7 the numbers behind this"
    if style.symbols.plain:
        entries = " [n] another start", " [7] the numbers", " [7] the numbers behind this"
    assert rest in {"", entries[0], entries[0] + entries[1], entries[0] + entries[2]}


# one of every kind of sentence there is; `{n}` and `{x}` are numbers of any length
SENTENCES = (
    ("Not started.", "With the weights of the start, {n} of {n} test rows are wrong.",
     "Each epoch moves every weight downhill; α, the learning rate, says how far.",
     (("run_or_pause", "run", ""), ("step(1)", "one step", ""), ("help", "help", ""))),
    ("Learning.", "The loss fell by {x} % in the last 10 epochs.",
     "{n} of {n} test rows are right.",
     (("learning_rate(1)", "larger steps: α is {n} times below the largest safe one",
       "larger steps"),)),
    ("At a minimum.", "The gradient is zero and every direction leads uphill.", "", ()),
    ("Going up.", "Each step leaps over the valley and lands higher.",
     "α is {x} times the largest safe value ({x}).",
     (("rescue", "back to epoch {n} with α {x}", "back with α {x}"),
      ("type_learning_rate", "an α below {x}", ""))),
    ("Blown up at epoch {n}.", "The numbers left what a computer can hold.",
     "bias reached {x}. The last good weights are kept.", (("rescue", "back to epoch {n}", ""),)),
    ("Test rows get worse", "since epoch {n} (+{x} %) while train rows get better.",
     "Still {n} of {n} right.", (("go_to", "to epoch {n}", ""), ("", "more data", ""))),
    ("Creeping along a narrow valley.", "The sides are {n} times steeper than the floor.",
     "α has to suit the sides, so the floor is slow.",
     (("race('optimizers')", "momentum or adam", ""),)),
    ("Standing still:", "the step is smaller than the computer can add.", "",
     (("learning_rate(1)", "larger steps", ""),)),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    sentence=st.sampled_from(SENTENCES),
    kind=st.sampled_from(Kind),
    count=st.integers(0, 10**7),
    value=st.floats(1e-12, 1e30),
    size=st.tuples(st.integers(2, 5), st.integers(44, 200)),
    style=st.sampled_from(STYLES),
)
def test_no_verdict_is_cut_at_any_size_and_none_is_without_its_advice(
    sentence, kind, count, value, size, style
) -> None:
    def filled(text: str) -> str:
        return text.replace("{n}", f"{count:,}").replace("{x}", f"{value:.3g}")

    title, text, why = map(filled, sentence[:3])
    tries = tuple(Try(act, filled(long), short=filled(short)) for act, long, short in sentence[3])
    words = said(Verdict(kind, title, text, why, tries), *size, style)
    spell, keys = style.symbols.words, KeyNames()
    heads = [f"{title} {text}", f"{title.rstrip(':.,')}."]
    head = next(one for one in map(spell, heads) if words[2:].startswith(one))
    rest = words[2:].removeprefix(head).strip().removeprefix(spell(why)).strip()
    entries = rest.removeprefix("Try").strip()
    assert (rest == entries) == (not tries)
    for number, one in enumerate(tries):
        key = keys.of(one.action) if one.action else ""
        cap = (f"[{key}]" if style.symbols.plain else key) if key else ""
        forms = [f"{cap} {spell(form)}".strip() for form in (one.words, one.short) if form]
        said_here = next((form for form in forms if entries.startswith(form)), "")
        assert said_here or number
        entries = entries.removeprefix(said_here).strip()
        if not said_here:
            break
    assert entries == ""


@settings(max_examples=200, deadline=None)
@given(
    losses=st.tuples(*[st.floats(1e-300, 1e300) | st.just(0.0)] * 2),
    columns=st.integers(44, 200),
    right=st.integers(0, 500),
    rate=st.sampled_from([0.01, 0.3, 1e-5, 0.123456]),
    style=st.sampled_from(STYLES),
)
def test_no_number_of_the_status_is_cut_or_touches_another(
    losses, columns, right, rate, style
) -> None:
    view = view_of(make_problem(20, test_rows=500), np.zeros(3))
    lane = SimpleNamespace(
        name="A", number=0, loss=losses[0], test_loss=losses[1], learning_rate=rate
    )
    snapshot = SimpleNamespace(
        state=RunState.FINISHED, epoch=1000, epochs=1000, lane=lane, lanes=(lane,), r2=np.nan,
        outcome=SimpleNamespace(right=right, rows=500, which="test"), rate_factor=1.0,
        epochs_per_second=0.0,
    )  # fmt: skip
    view = replace(view, snapshot=snapshot, style=style)
    (line,) = draw_status(view, columns).cells.text()
    words = line.split()
    assert words[:3] == ["FINISHED", "epoch", "1000/1000"]
    known = {f"{value:#.6g}".rstrip(".") for value in losses}
    known |= {"1000/1000", f"{right}", f"{right}/500", "500", f"{rate:g}"}
    known |= {f"({share(right / 500)}".split()[0]}
    numbers = {word for word in words if re.search(r"\d", word)}
    assert numbers <= known
    # α is always there, and the train loss if its usual width has room
    assert f"{rate:g}" in words


def test_what_is_left_out_first_where_room_is_short() -> None:
    assert said(STUCK, 3, 120).endswith("n another start 7 the numbers behind this")
    assert STUCK.why in said(STUCK, 3, 120)
    assert STUCK.why in said(STUCK, 3, 80)
    assert said(STUCK, 2, 80).startswith(f"▲ {STUCK.line} Try B ")
    narrow = said(STUCK, 2, 40)
    assert narrow == "▲ Stuck on a plateau. Try B with cross-entropy"


async def test_the_advice_of_a_stuck_run_is_seen_at_every_size() -> None:
    async with driving(80, 24, seed=6) as driver:
        await driver.press("f", "space")
        await driver.status(state="FINISHED")
        await driver.settled()
        for columns, rows in ((80, 24), (120, 40), (44, 16), (40, 12), (200, 20)):
            await driver.pilot.resize_terminal(columns, rows)
            await driver.until(lambda size=(columns, rows): driver.app.size == size)
            await driver.until(lambda: "Stuck on a plateau." in driver.read("#verdict"))
            await driver.until(
                lambda: re.search(r"Try +B +(branch )?with cross-entropy", driver.read("#verdict"))
            )


async def test_a_click_on_a_key_cap_does_what_the_key_does() -> None:
    async with driving(80, 24) as driver:
        await driver.until(lambda: "one step" in driver.read("#verdict"))
        lines = driver.read("#verdict").split("\n")
        row = next(number for number, line in enumerate(lines) if "one step" in line)
        await driver.pilot.click("#verdict", offset=(lines[row].index("one step"), row))
        await driver.status(epoch=1)


# Tabs and footer


async def test_all_panels_are_found_by_looking() -> None:
    async with driving(120, 40) as driver:
        line = driver.read("#tabs")
        for entry in ("1 loss", "5 landscape", "9 network", "R find α", "S many starts"):
            assert f" {entry} " in line
    async with driving(80, 24) as driver:
        line = driver.read("#tabs")
        assert " 1 loss 2 data 3 report 4 step 5 landscape 6 lanes 7 why 8 changes 9 net R" in line
    async with driving(80, 24, symbols=ASCII) as driver:
        assert " 8 changes 9 net R S" in driver.read("#tabs")


async def test_a_click_on_a_tab_shows_the_panel() -> None:
    async with driving(80, 24) as driver:
        line = driver.read("#tabs")
        await driver.pilot.click("#tabs", offset=(line.index("why"), 0))
        await driver.until(lambda: driver.focused() == ["why"])


@pytest.mark.parametrize("columns", [40, 50, 79, 80, 200])
async def test_help_and_quit_are_always_in_the_footer(columns: int) -> None:
    async with driving(columns, 24) as driver:
        line = driver.read("#keys")
        assert "? help" in line
        assert re.search(r" q( quit)? *$", line)
        assert line.startswith(" space run")


CURSORS = {
    "1": ("← → epoch", "z Z zoom"),
    "2": ("← → ↑ ↓ another row", "p train rows"),
    "3": ("← → threshold of p(class 1)",),
    "5": ("← → ↑ ↓ move", "enter start here", "z Z zoom"),
    "9": ("← → ↑ ↓ another unit",),
}


@pytest.mark.parametrize("key", CURSORS)
async def test_with_a_cursor_the_footer_names_its_keys_and_how_to_leave_it(key: str) -> None:
    async with driving(80, 24) as driver:
        await driver.press(key, "enter")
        await driver.until(lambda: "esc leave" in driver.read("#keys"))
        line = driver.read("#keys")
        for words in CURSORS[key]:
            assert f" {words} " in line
        assert "? help" in line
        assert " space " not in line
        await driver.press("escape")
        await driver.until(lambda: "space run" in driver.read("#keys"))


PLACES = {
    "5": ("enter place", "↑ ↓ weights", "z Z zoom"),
    "6": ("↑ ↓ lane", "b branch", "N name", "V hide", "C close"),
    "8": ("x compare", "pgdn scroll"),
    "9": ("↑ ↓ another unit", "enter the unit's map alone", "w copy"),
}


@pytest.mark.parametrize("key", PLACES)
async def test_the_footer_is_about_the_panel_with_the_focus(key: str) -> None:
    async with driving(80, 24) as driver:
        await driver.press(key)
        await driver.until(lambda: PLACES[key][0] in driver.read("#keys"))
        line = driver.read("#keys")
        for words in ("space run", *PLACES[key], "? help"):
            assert f" {words} " in line


@pytest.mark.parametrize("columns", [80, 100, 120])
async def test_no_column_of_the_status_moves_with_the_learning_rate(columns: int) -> None:
    async with driving(columns, 24, alpha=(0.01,)) as driver:
        places = []
        for alpha in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0):
            await driver.status(alpha=alpha)
            line = driver.read("#status")
            places.append([line.index(word) for word in ("epoch", "train", "test", "right", "α")])
            await driver.press("plus")
        assert places == [places[0]] * 6
