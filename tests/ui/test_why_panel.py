"""The why panel: what a person can read of the verdict, the gauge, and the numbers."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.ui.driving import driving
from tui_gd.insight.verdict import Kind
from tui_gd.learning.engine import Interrupted
from tui_gd.learning.models import Predictor
from tui_gd.plots.cells import wrapped
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.session.observer import Observer
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState
from tui_gd.ui.panels.lines import kind_colour
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.why import WhyPanel
from tui_gd.ui.studies import Progress

SIZES = [(0, 0), (1, 1), (2, 3), (3, 10), (5, 24), (10, 60), (18, 58), (35, 120), (48, 200)]
START = (0.5, -0.25, 0.125)


@cache
def view_of(epochs: int, alpha: float = 0.01, start=None, **options) -> View:
    """A run at rest after so many epochs, as the screen gets it."""
    settings = RunSettings(alpha=(alpha,), **options)
    problem = settings.load_problem()
    initial = None if start is None else np.array(start)
    trainer = settings.make_trainer(problem, initial_weights=initial)
    trainer.record_norms()
    predictor = Predictor(trainer.model, problem.task)
    observer = Observer(trainer, predictor)
    trainer.advance(epochs)
    trainer.look_ahead()
    snapshot = observer.snapshot(state=RunState.PAUSED, epochs=epochs, seed=0)
    return View(
        snapshot,
        problem,
        predictor,
        settings,
        Style(palette_for("256", True), UNICODE),
        trainer.engines.make,
    )


def studied(view: View, panel: WhyPanel | None = None) -> WhyPanel:
    """A panel that has what its study finds."""
    panel = panel or WhyPanel()
    study = panel.study(view)
    with np.errstate(all="ignore"):
        panel.take(study.key, study.compute(Progress(lambda _: None)))
    return panel


def read(panel: WhyPanel, view: View, rows: int = 35, columns: int = 120) -> str:
    return "\n".join(panel.draw(view, rows, columns).text())


def number(text: str, name: str) -> float:
    found = re.search(rf"{re.escape(name)} +([−\d.e+]+)", text)
    assert found, f"{name!r} not in\n{text}"
    return float(found[1].replace("−", "-"))


def test_a_regressions_curvature_and_its_limit_are_those_of_the_closed_form() -> None:
    view = view_of(5, 0.3, problem="plane")
    text = read(studied(view), view)
    x = view.problem.x_train
    values = np.linalg.eigvalsh(2 * x.T @ x / len(x))
    assert number(text, "steepest curvature λ") == pytest.approx(values[-1], rel=1e-2)
    assert number(text, "lowest curvature") == pytest.approx(values[0], rel=1e-2)
    limit = 2 / values[-1]
    assert f"α 0.3: {limit / 0.3:.2g} times below the largest safe step, {limit:.3g} (2/λ)" in text
    residual = x @ view.snapshot.lane.weights - view.problem.y_train
    gradient = 2 * x.T @ residual / len(x)
    assert number(text, "gradient ‖g‖") == pytest.approx(np.linalg.norm(gradient), rel=1e-2)
    start = view.snapshot.lane.path[0]
    first = np.linalg.norm(2 * x.T @ (x @ start - view.problem.y_train) / len(x))
    assert number(text, "was") == pytest.approx(first, rel=1e-2)


def test_a_smallest_eigenvalue_that_may_not_be_the_smallest_promises_nothing() -> None:
    view = view_of(5, 0.3, problem="plane")
    panel = studied(view)
    assert "uphill in every direction" in read(panel, view)
    found = panel._found
    panel.take((), replace(found, curvature=replace(found.curvature, exact=False)))
    text = read(panel, view)
    assert "uphill in every direction" not in text
    assert "none found that is negative" in text


def test_the_share_of_saturated_samples() -> None:
    view = view_of(30)
    text = read(studied(view), view)
    p = 1 / (1 + np.exp(-view.problem.x_train @ view.snapshot.lane.weights))
    share = 100 * np.mean(p * (1 - p) < 1e-3)
    assert number(text, "rows without pull") == pytest.approx(share, abs=0.5)
    assert "The tutorial's gradient leaves out the factor 2 of (p − y)²" in text


VERDICTS = [
    (Kind.BEGINNING, {"epochs": 1}),
    (Kind.DESCENDING, {"epochs": 30}),
    (Kind.ZIGZAG, {"epochs": 20, "alpha": 0.95, "problem": "line"}),
    (Kind.DIVERGING, {"epochs": 20, "alpha": 1.1, "problem": "line"}),
    (Kind.DIVERGED, {"epochs": 400, "alpha": 3.0, "problem": "line"}),
    (Kind.SATURATED, {"epochs": 20, "start": (20.0, 20.0, 160.0)}),
    (Kind.MINIMUM, {"epochs": 300, "alpha": 0.3, "problem": "line"}),
    (Kind.MINIMUM, {"epochs": 300, "problem": "surface:himmelblau"}),
    (Kind.SADDLE, {"epochs": 3, "problem": "surface:saddle", "start": (0.0, 1e-9)}),
]


@pytest.mark.parametrize(("kind", "run"), VERDICTS)
def test_every_verdict_has_words_and_a_colour(kind, run) -> None:
    view = view_of(**run)
    panel = studied(view)
    with np.errstate(all="ignore"):
        cells = panel.draw(view, 35, 120)
    verdict = panel.verdict(view)
    assert verdict.kind is kind
    assert cells.text()[1].startswith(f"│ {verdict.title.rstrip('.')}")
    assert cells.fg[1, 2] == kind_colour(kind, view.style.palette)
    said = " ".join(line.strip("│ ") for line in cells.text()[1:5])
    assert f"{verdict.text} {verdict.why}".strip() in said


def test_what_the_loss_does_is_said_as_the_verdict_says_it() -> None:
    """A step that just does not overshoot lowers the loss by less than a thousandth."""
    x = RunSettings(problem="line").load_problem().x_train
    limit = len(x) / np.linalg.eigvalsh(x.T @ x)[-1]
    view = view_of(100, 0.99999 * limit, problem="line")
    panel = studied(view)
    assert "the loss still fell by 0.0" in panel.verdict(view).why
    assert re.search(r"loss, last 10 epochs +−0\.0\d+ % +hardly falls", read(panel, view))
    # of the tutorial's plateau the verdict says that the loss stands still, and so does the table
    stuck = view_of(100, seed=6)
    panel = studied(stuck)
    assert "yet the loss stands still" in panel.verdict(stuck).line
    assert re.search(r"loss, last 10 epochs +−0\.0\d+ % +stands still", read(panel, stuck))
    # a verdict that has to follow is not denied: the number alone says that the loss moves again
    panel.verdict = lambda _: replace(
        WhyPanel.verdict(panel, stuck), numbers=moved(WhyPanel.verdict(panel, stuck).numbers, -0.02)
    )
    assert re.search(r"loss, last 10 epochs +−2 % *│", read(panel, stuck))


def moved(numbers, change: float) -> tuple[tuple[str, float], ...]:
    return tuple(
        (name, change if name == "change of the loss" else value) for name, value in numbers
    )


@pytest.mark.parametrize(("kind", "run"), VERDICTS)
@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_it_is_drawn_at_every_size_and_depth(kind, run, symbols) -> None:
    for depth in ("truecolor", "256", "16", "mono"):
        view = replace(view_of(**run), style=Style(palette_for(depth, depth != "16"), symbols))
        for panel in (WhyPanel(), studied(view)):
            for rows, columns in SIZES:
                with np.errstate(all="ignore"):
                    cells = panel.draw(view, rows, columns)
                assert cells.shape == (rows, columns)
                if symbols.plain:
                    assert (cells.code < 128).all()
                    # a character that was replaced; "?" is also the key of the help
                    assert (cells.code == ord("?")).sum() <= (kind is Kind.BEGINNING)


def test_before_a_study_there_is_a_verdict_without_curvature() -> None:
    view = view_of(300, 0.3, problem="line")
    panel = WhyPanel()
    verdict = panel.verdict(view)
    assert verdict.kind is Kind.FLAT
    assert "it may be a minimum, a saddle or a plateau" in verdict.line
    assert "the curvature follows" in read(panel, view)
    assert studied(view, panel).verdict(view).kind is Kind.MINIMUM


def test_what_was_found_elsewhere_is_shown_with_its_epoch() -> None:
    panel = studied(view_of(5, 0.3, problem="plane"))
    later = view_of(40, 0.3, problem="plane")
    text = read(panel, later)
    assert "(2/λ)" in text
    assert "(curvature of epoch 5)" in text
    # the weights have moved on: the verdict does without
    assert "steepest curvature" not in text
    assert "(curvature" not in read(studied(later, panel), later)


def test_what_was_found_of_another_lane_or_loss_is_not_shown() -> None:
    view = view_of(5, 0.3, problem="plane")
    panel = studied(view)
    lane = view.snapshot.lane
    for changed in ({"number": 7}, {"loss_name": "mae"}):
        other = replace(view.snapshot, lanes=(replace(lane, **changed),))
        assert "the curvature follows" in read(panel, replace(view, snapshot=other))


def test_a_branch_with_another_loss_is_judged_from_there_on() -> None:
    settings = RunSettings(alpha=(0.01,))
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    observer = Observer(trainer, Predictor(trainer.model, problem.task))
    trainer.advance(20)
    trainer.current = trainer.lanes[trainer.branch(0, loss="cross-entropy")].number
    before = view_of(20)
    for epochs, kind in ((1, Kind.BEGINNING), (4, Kind.DESCENDING)):
        trainer.advance(epochs)
        snapshot = observer.snapshot(state=RunState.PAUSED, epochs=25, seed=0)
        view = replace(before, snapshot=snapshot)
        verdict = WhyPanel().verdict(view)
        assert verdict.kind is kind
    fell = snapshot.recent.train[20] - snapshot.recent.train[25]
    share = fell / snapshot.recent.train[20] * 100
    assert verdict.line == f"Learning. The loss fell by {share:.2g} % in the last 5 epochs."


def test_a_study_is_made_again_only_where_weights_are_others() -> None:
    panel = WhyPanel()
    view, later = view_of(5, 0.3, problem="plane"), view_of(40, 0.3, problem="plane")
    assert panel.study(view).key == panel.study(view).key
    assert panel.study(view).key != panel.study(later).key


def test_a_study_that_is_not_wanted_any_more_gives_up() -> None:
    progress = Progress(lambda _: None)
    progress.wanted = False
    with pytest.raises(Interrupted):
        WhyPanel().study(view_of(5)).compute(progress)


def test_a_diverged_run_says_which_weight_went_where() -> None:
    view = view_of(400, 3.0, problem="line")
    lane = view.snapshot.lane
    # the line's own arithmetic, one step on
    x, y = view.problem.x_train, view.problem.y_train
    with np.errstate(all="ignore"):
        after = lane.weights - 3.0 * 2 * x.T @ (x @ lane.weights - y) / len(y)
    far = int(np.argmax(np.abs(after)))
    panel = studied(view)
    verdict = panel.verdict(view)
    value = f"{after[far]:.2g}".replace("-", "−")
    name = ("x1", "bias")[far]
    assert verdict.title == f"Blown up at epoch {view.snapshot.epoch}."
    assert verdict.why.startswith(f"the loss overflowed: weight {far + 1} ({name}) went to {value}")


@pytest.mark.parametrize("columns", [40, 58, 80, 120])
@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_nothing_is_cut_and_the_numbers_stand_in_columns(columns, symbols) -> None:
    for _, run in VERDICTS:
        view = view_of(**run)
        view = replace(view, style=replace(view.style, symbols=symbols))
        with np.errstate(all="ignore"):
            lines = studied(view).draw(view, 35, columns).text()
        inside = [line[2:-2].rstrip() for line in lines[1:-1] if line[2:-2].strip()]
        assert [line for line in inside if line.endswith("…")] == []
        values = [
            re.search(r"^(.*? [ −-]?[\d.e+−-]+)(?: %|  |$)", line)
            for line in inside
            if line.startswith(("gradient", "steepest", "lowest"))
        ]
        assert len({len(found[1]) for found in values}) <= 1


def test_on_a_panel_of_the_small_screen_all_numbers_are_in_sight() -> None:
    # 14 lines of 56 cells: at 120 × 40
    view = view_of(20, start=(20.0, 20.0, 160.0))
    text = read(studied(view), view, 16, 60)
    assert "pgdn" not in text
    assert "rows without pull" in text
    assert "w copies all digits" in text


def test_other_optimizers_and_batches_have_no_limit() -> None:
    for options in ({"optimizer": ("adam",)}, {"batch_size": 20}):
        view = view_of(20, **options)
        text = read(studied(view), view)
        assert "no limit for α" in text
        assert "the largest safe value" not in text


def test_numbers_have_all_their_digits() -> None:
    view = view_of(30)
    lines = studied(view).numbers(view)
    assert lines[0] == "why: epoch 30, lane A"
    values = dict(line.split(": ", 1) for line in lines if ": " in line)
    assert float(values["loss"]) == view.snapshot.lane.loss
    assert float(values["‖g‖"]) == pytest.approx(view.snapshot.lane.gradient_norm, rel=1e-15)
    assert float(values["learning rate"]) == 0.01
    assert len(values["largest eigenvalue"]) >= 15
    assert lines[1].startswith("Learning. ")


def test_what_does_not_fit_is_scrolled() -> None:
    view = view_of(30)
    panel = studied(view)
    assert "pgdn 1-6/" in read(panel, view, 8, 60)
    panel.scroll_by(9)
    assert "rows without pull" in read(panel, view, 8, 60)
    panel.move(-99, view)
    assert "Learning" in read(panel, view, 8, 60)


def test_wrapped_breaks_between_words() -> None:
    assert wrapped("one two three", 7) == ["one two", "three"]
    assert wrapped("one", 0) == ["one"]


@pytest.mark.parametrize(("start", "end", "lower"), [(-1.5, -1.036, False), (1.5, 0.96, True)])
def test_another_start_is_advised_only_where_one_may_end_lower(start, end, lower) -> None:
    view = view_of(300, 0.05, start=(start,), problem="surface:two-valleys-1d")
    assert view.snapshot.lane.weights == pytest.approx([end], abs=0.01)
    verdict = studied(view).verdict(view)
    assert verdict.kind is Kind.MINIMUM
    assert ("another start may end lower" in view.keys.tries(verdict.tries)) == lower


async def test_the_formula_of_the_limit_stays_on_one_line() -> None:
    async with driving(80, 24, problem="iris", optimizer=("nesterov",), alpha=(0.7,)) as driver:
        await driver.press("7", "full_stop")
        await driver.settled()

        def whole() -> bool:
            lines = [row.strip("│ ") for row in driver.read("#why").split("\n")]
            return any(line.endswith("(2(1 + μ)/((1 + 2μ)·λ))") for line in lines)

        await driver.until(whole, "the formula in one line")
