"""The race panel: what it shows of a race, and what its keys ask for."""

import dataclasses
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from tests import tutorial
from tests.making import make_problem
from tests.ui.driving import driving
from tui_gd.insight import race as racing
from tui_gd.learning.engine import Interrupted
from tui_gd.learning.optimizers import OPTIMIZERS, make_optimizer
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems import load_problem
from tui_gd.session.commands import Branch, SetLearningRate
from tui_gd.session.settings import RunSettings
from tui_gd.ui.panels.lines import draw_footer
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.race import RacePanel, contender_curves
from tui_gd.ui.studies import Progress

WEIGHTS = np.array([0.5, -0.25, 0.125])
SETTINGS = RunSettings(seed=1, epochs=20)
BLOBS = load_problem("blobs")


def view_of(
    *,
    problem=BLOBS,
    settings=SETTINGS,
    weights=WEIGHTS,
    rate=0.01,
    epoch=12,
    optimizer="sgd",
    loss="sse",
    symbols=UNICODE,
    depth="256",
) -> View:
    lane = SimpleNamespace(
        weights=weights,
        learning_rate=rate,
        optimizer=make_optimizer(optimizer),
        loss_name=loss,
        number=0,
        diverged=None,
    )
    return View(
        snapshot=SimpleNamespace(lane=lane, epoch=epoch, lanes=(lane,)),
        problem=problem,
        predictor=None,
        settings=settings,
        style=Style(palette_for(depth, True), symbols),
        make_engine=None,
    )


def held(mode="rates", view=None) -> tuple[RacePanel, View]:
    """A panel with its race held."""
    view = view or view_of()
    panel = RacePanel()
    panel.start(mode, view)
    hold(panel, view)
    return panel, view


def hold(panel: RacePanel, view: View) -> None:
    study = panel.study(view)
    panel.take(study.key, study.compute(Progress(lambda _: None)))


def text(panel: RacePanel, view: View, rows=24, columns=100) -> str:
    return "\n".join(panel.draw(view, rows, columns).text())


def table(panel: RacePanel, view: View) -> list[list[str]]:
    """The lanes in the copied numbers."""
    lines = panel.numbers(view)
    begin = next(i for i, line in enumerate(lines) if line.startswith("alpha\t"))
    return [line.split("\t") for line in lines[begin + 1 :]]


def test_before_the_race_is_held_it_says_so() -> None:
    panel, view = RacePanel(), view_of()
    assert "racing" in text(panel, view)
    assert panel.numbers(view) == []
    assert not panel.begin_cursor(view)
    assert panel.confirm(view) is None
    assert panel.click_at(20, 5, view) is None


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize(("rows", "columns"), [(24, 100), (11, 58), (35, 120)])
def test_the_title_says_what_races_from_where(symbols, rows, columns) -> None:
    panel, view = held(view=view_of(symbols=symbols))
    shown = text(panel, view, rows, columns)
    alpha = "a" if symbols.plain else "α"
    assert ("64 learning rates, 20 epochs each from epoch 12" in shown) == (columns >= 100)
    assert "64 " in shown.split("\n")[0]
    assert f"{alpha} 0.01" in shown
    assert shown.isascii() or not symbols.plain


def test_the_losses_are_those_of_the_tutorials_script() -> None:
    panel, view = held()
    data = tutorial.data()
    rows = table(panel, view)
    assert len(rows) == 64
    final = []
    for alpha, *_ in rows:
        _, losses, _ = tutorial.descend(data.train_x, data.train_y, WEIGHTS, float(alpha), 21)
        final.append(losses[-1])
    assert [float(row[2]) for row in rows] == pytest.approx(final, rel=1e-7)
    best = int(np.argmin(final))
    assert rows[best][-1].startswith(("best", "least train loss"))
    tested = int(np.argmin([float(row[3]) for row in rows]))
    shown = text(panel, view, 24, 120)
    assert f"● train: best {float(rows[best][0]):.2g}" in shown
    assert f"○ test: best {float(rows[tested][0]):.2g}" in shown
    assert next(row for row in rows if row[0] == "0.01")[-1] == "current"


def test_enter_takes_the_rate_at_the_cursor_which_begins_at_the_advised_one() -> None:
    panel, view = held()
    rows = table(panel, view)
    best = next(i for i, row in enumerate(rows) if row[-1].startswith("best"))
    assert panel.begin_cursor(view)
    assert panel.confirm(view) == SetLearningRate(float(rows[best][0]))
    panel.move_cursor(-1, 0, view)
    panel.move_cursor(-1, 0, view)
    wanted = float(rows[best - 2][0])
    assert panel.confirm(view) == SetLearningRate(wanted)
    shown = text(panel, view)
    assert f"α {wanted:.6g}, train {float(rows[best - 2][2]):.5g}" in shown
    for _ in range(100):
        panel.move_cursor(1, 0, view)
    assert panel.confirm(view) == SetLearningRate(float(rows[-1][0]))
    panel.end_cursor()
    assert "64 learning rates" in text(panel, view)


def test_a_click_moves_the_cursor_to_the_rate_there_and_takes_nothing() -> None:
    panel, view = held()
    lines = text(panel, view).split("\n")
    row = next(line for line in lines if "α 0.01" in line)
    assert panel.click_at(row.index("α 0.01") - 1, 5, view) is None
    assert panel.cursor_on
    assert panel.confirm(view).learning_rate == pytest.approx(0.01, rel=0.1)
    panel.click_at(-50, 5, view)
    assert panel.confirm(view) == SetLearningRate(float(table(panel, view)[0][0]))


def test_while_the_run_goes_on_the_race_stays_and_is_not_held_again() -> None:
    panel, view = held()
    key = panel.study(view).key
    later = view_of(epoch=40, weights=WEIGHTS + 1, rate=0.3)
    assert panel.study(later).key == key
    assert "from epoch 12" in text(panel, later, 24, 120)
    assert "α 0.2" in text(panel, view_of(epoch=40, rate=0.2))
    panel.start("rates", later)
    assert panel.study(later).key != key
    assert "racing anew" in text(panel, later, 24, 120)
    hold(panel, later)
    assert "from epoch 40" in text(panel, later, 24, 120)
    assert "racing anew" not in text(panel, later, 24, 120)


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "cross-entropy"},
        {"optimizer": "adam"},
        {"settings": dataclasses.replace(SETTINGS, epochs=30)},
        {"settings": dataclasses.replace(SETTINGS, batch_size=10)},
        {"settings": dataclasses.replace(SETTINGS, noise=0.5), "weights": WEIGHTS + 1, "epoch": 0},
        {"weights": np.zeros(5)},
    ],
)
def test_another_loss_optimizer_or_problem_is_raced_again(change) -> None:
    panel, view = held()
    key = panel.study(view).key
    assert panel.study(view_of(**change)).key != key
    assert panel.study(view_of(**change)).key == panel.study(view_of(**change)).key


def test_the_epochs_raced_are_those_of_the_run_up_to_a_thousand() -> None:
    panel = RacePanel()
    for epochs, raced in ((1, 1), (100, 100), (10**9, 1000)):
        view = view_of(settings=dataclasses.replace(SETTINGS, epochs=epochs))
        panel.start("rates", view)
        (settings,) = [part for part in panel.study(view).key if isinstance(part, RunSettings)]
        assert settings.epochs == raced


def test_a_part_of_a_race_is_shown_with_how_far_it_is(monkeypatch) -> None:
    monkeypatch.setattr(racing, "SHOW_SECONDS", 0.0)
    view = view_of(problem=make_problem(50), settings=dataclasses.replace(SETTINGS, epochs=2))
    panel, parts = RacePanel(), []
    panel.start("rates", view)
    study = panel.study(view)
    progress = Progress(parts.append)
    study.compute(progress)
    assert [part.result.done for part in parts] == [1]
    panel.take(study.key, parts[0])
    assert "2 epochs each from epoch 12, 1 done" in text(panel, view, 24, 120)


def test_a_race_no_longer_wanted_is_given_up() -> None:
    panel, view = RacePanel(), view_of()
    progress = Progress(lambda _: None)
    progress.wanted = False
    with pytest.raises(Interrupted):
        panel.study(view).compute(progress)


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize(("rows", "columns"), [(30, 100), (11, 70)])
def test_every_optimizer_stands_in_the_table_with_its_best_rate(symbols, rows, columns) -> None:
    panel, view = held("optimizers", view_of(symbols=symbols))
    shown = text(panel, view, rows, columns)
    assert "7 optimizers, 20 epochs each from epoch 12" in shown
    lanes = table(panel, view)
    assert len(lanes) == 7 * 16
    for number, name in enumerate(OPTIMIZERS, 1):
        own = [lane for lane in lanes if lane[1] == name]
        best = min(own, key=lambda lane: float(lane[2]))
        line = next(
            one
            for one in shown.split("\n")
            if f" {number}  {name}"[:-1] in one or f" {number} {name} " in one
        )
        fields = line.strip("│| ▸>").split()
        assert fields[:2] == [str(number), name]
        assert float(fields[2]) == pytest.approx(float(best[0]), rel=1e-3)
        assert float(fields[3]) == pytest.approx(float(best[2]), rel=1e-4)
        assert float(fields[4]) == pytest.approx(float(best[3]), rel=1e-4)
    assert shown.isascii() or not symbols.plain


def confirmed(panel: RacePanel, view: View) -> str | None:
    """The optimizer that is branched with, at the best of its own learning rates."""
    command = panel.confirm(view)
    assert isinstance(command, Branch)
    assert panel._found is not None
    found = {one.optimizer: one.rate for one in panel._found.result.contenders}
    assert command.learning_rate == found[str(command.optimizer)]
    return command.optimizer


def test_up_and_down_choose_an_optimizer_and_enter_branches_with_it() -> None:
    panel, view = held("optimizers")
    panel.move(1, view)
    panel.move(1, view)
    assert panel.begin_cursor(view)
    assert confirmed(panel, view) == "nesterov"
    shown = text(panel, view, 30, 100)
    assert any("▸ 3" in line and "nesterov" in line for line in shown.split("\n"))
    assert "nesterov train" in shown
    panel.move_cursor(0, -1, view)
    assert confirmed(panel, view) == "momentum"
    row = next(i for i, line in enumerate(shown.split("\n")) if "adagrad" in line)
    assert panel.click_at(5, row, view) is None
    assert confirmed(panel, view) == "adagrad"


def footer(panel: RacePanel, view: View) -> str:
    return draw_footer(panel.hints(view), view.keys, view.style, 120).cells.text()[0]


def test_in_the_race_of_rates_up_and_down_choose_its_width() -> None:
    panel, view = held()
    for width in (3, 6, 1):
        hold(panel, view)
        rates = [float(row[0]) for row in table(panel, view)]
        assert rates[-1] / rates[0] == pytest.approx(10**width)
        assert 0.01 in rates
        assert f"↑ ↓ {width} powers of ten wide" in footer(panel, view)
        panel.move(1, view)


def test_a_race_from_the_cursor_is_held_around_the_rate_there() -> None:
    panel, view = held()
    panel.begin_cursor(view)
    panel.move_cursor(-9, 0, view)
    wanted = panel.confirm(view).learning_rate
    assert f"← → move  enter take α {wanted:.2g}  R race around {wanted:.2g}" in footer(panel, view)
    panel.start("rates", view)
    assert not panel.cursor_on
    hold(panel, view)
    rates = [float(row[0]) for row in table(panel, view)]
    assert rates[32] == wanted
    # without a cursor it is around the rate of the lane again
    panel.start("rates", view)
    hold(panel, view)
    assert float(table(panel, view)[32][0]) == 0.01


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_next_to_a_cliff_the_panel_says_which_rate_to_take(symbols) -> None:
    settings = RunSettings(seed=8)
    problem = settings.load_problem()
    weights = settings.make_trainer(problem).weights[0].copy()
    panel, view = held(view=view_of(settings=settings, weights=weights, symbols=symbols))
    shown = text(panel, view, 16, 58).split("\n")
    assert "take 0.19: above 0.24 the loss jumps" in shown[-2]
    assert "train: best 0.24" in shown[0]
    assert "test: best 0.19" in shown[0]
    plot = "\n".join(shown[1:-2])
    assert "0.19" in plot
    assert "0.24" in plot
    panel.begin_cursor(view)
    assert panel.confirm(view).learning_rate == pytest.approx(0.19, rel=0.02)


def test_the_copied_numbers_have_all_their_digits() -> None:
    panel, view = held()
    lines = panel.numbers(view)
    assert lines[0].startswith("64 learning rates, 20 epochs each from epoch 12")
    p = 1 / (1 + np.exp(-(BLOBS.x_train @ WEIGHTS)))
    start = float(lines[0].rpartition(" ")[2])
    assert start == pytest.approx(np.sum((p - BLOBS.y_train) ** 2), rel=1e-12)
    panel, view = held("optimizers")
    assert sum(line.split("\t")[0] in OPTIMIZERS for line in panel.numbers(view)) == 7


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "mono"])
@pytest.mark.parametrize("mode", ["rates", "optimizers"])
def test_every_size_is_drawn(mode, symbols, depth) -> None:
    view = view_of(symbols=symbols, depth=depth)
    panel, _ = held(mode, view)
    panel.begin_cursor(view)
    for rows in (0, 1, 2, 3, 5, 9, 16, 17, 40):
        for columns in (0, 1, 2, 4, 16, 39, 80, 160):
            cells = panel.draw(view, rows, columns)
            assert cells.shape == (rows, columns)
            assert not symbols.plain or (cells.code < 127).all()


@pytest.mark.parametrize("mode", ["rates", "optimizers"])
def test_a_start_from_which_all_diverge_is_drawn_and_reported(mode) -> None:
    weights = np.full(3, 1e200)
    settings = dataclasses.replace(SETTINGS, problem="line")
    view = view_of(problem=load_problem("line"), settings=settings, weights=weights[:2], loss="mse")
    with np.errstate(all="ignore"):
        panel, _ = held(mode, view)
        shown = text(panel, view, 30, 120)
        assert "diverged" in shown
        assert panel.begin_cursor(view)
        # a rate is there to be taken, of an optimizer that diverged with all of its rates none
        assert (panel.confirm(view) is None) == (mode == "optimizers")
        assert math.isnan(float(table(panel, view)[0][2]))


def test_all_train_curves_have_full_colours_and_only_other_test_curves_are_dimmed() -> None:
    panel, view = held("optimizers")
    curves = contender_curves(panel._found.result, view, 2)
    palette = view.style.palette
    for at, curve in enumerate(curves):
        number = [2, 0, 1, 3, 4, 5, 6][at // 2]
        behind = curve.dashed and number != 2
        assert curve.colour == palette.lane(number)[1 if behind else 0]


async def test_after_divergence_the_race_begins_at_the_start_and_says_so() -> None:
    async with driving(problem="line", alpha=(3.0,), epochs=400) as driver:
        start = driver.run.runner.snapshot.lane.weights.copy()
        await driver.press("f", "space")
        await driver.status(state="DIVERGED")
        await driver.press("R")
        await driver.until(lambda: "racing from epoch 0; r goes back there" in driver.text())
        await driver.until(lambda: "train: best" in driver.read("#race"))
        panel = driver.screen.board.race
        await driver.until(lambda: panel._found and panel._found.result.done == 400)
        result, problem = panel._found.result, driver.run.problem
    # the same descent by hand, with the rate that the race found best
    x, y, w = problem.x_train, problem.y_train, start
    rate = result.rates[result.best]
    for _ in range(400):
        w = w - rate * 2 * x.T @ (x @ w - y) / len(y)
    loss = float(np.mean((x @ w - y) ** 2))
    assert result.train[result.best] == pytest.approx(loss, rel=1e-6)


def test_where_all_rates_diverged_the_title_says_what_to_do():
    settings = RunSettings("plane", seed=1, epochs=900)
    plane = load_problem("plane")
    panel, view = held(view=view_of(problem=plane, settings=settings, rate=1e3, loss="mse"))
    said = text(panel, view, columns=60).split("\n")[0]
    assert "All 64 learning rates diverged: press -, then R" in said
    assert "64 learning rates" in text(*held())


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize(("rows", "columns"), [(18, 40), (16, 60), (18, 80)])
def test_the_best_rate_on_train_and_on_test_rows_is_named_at_every_size(
    rows, columns, symbols
) -> None:
    settings = RunSettings(seed=8)
    weights = settings.make_trainer(settings.load_problem()).weights[0].copy()
    panel, view = held(view=view_of(settings=settings, weights=weights, symbols=symbols))
    for cursor in (False, True):
        if cursor:
            panel.begin_cursor(view)
        top, *_, bottom = text(panel, view, rows, columns).split("\n")
        train, test = ("@", "x") if symbols.plain else ("●", "○")
        words = f"{top}\n{bottom}"
        assert f"{test} test: best 0.19" in words
        if cursor and columns < 60:  # the border names them with their signs in the plot
            assert re.search(r"train [\d.e-]+, test [\d.e-]+ ", top)
        else:
            assert f"{train} train: best 0.24" in words


def test_a_number_in_the_race_is_not_covered_by_the_brackets_of_the_cursor() -> None:
    settings = RunSettings(seed=8)
    weights = settings.make_trainer(settings.load_problem()).weights[0].copy()
    panel, view = held(view=view_of(settings=settings, weights=weights))
    panel.begin_cursor(view)
    for columns in (40, 60):
        plot = "\n".join(text(panel, view, 18, columns).split("\n")[1:-2])
        assert "0.24" in plot
        assert "0.19" in plot
