"""Loss, data and report: what they say, against numpy and scikit-learn."""

import math
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics
from sklearn.metrics import (
    classification_report,
    confusion_matrix,
    precision_recall_fscore_support,
)

from tests import tutorial
from tests.ui.driving import WEIGHTS, Driver, driving, write_weights
from tests.ui.viewing import text_of, view_of
from tui_gd.plots.cells import BRAILLE
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems import load_problem
from tui_gd.runs.share import open_line, share_line
from tui_gd.session.report import RegressionReport, surface_report
from tui_gd.ui.panels.data import DataPanel
from tui_gd.ui.panels.panel import TakeThreshold
from tui_gd.ui.panels.report import ReportPanel

W = np.array(WEIGHTS)


def descended(alpha: float, epochs: int) -> tuple[np.ndarray, list[float]]:
    """The tutorial's weights and losses after so many epochs from WEIGHTS."""
    data = tutorial.data()
    weights, losses, _ = tutorial.descend(data.train_x, data.train_y, W, alpha, epochs)
    return np.ravel(weights), losses


def legend(driver: Driver) -> str:
    return driver.read("#loss").split("\n")[0]


# The report


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (200, 50), (80, 24)])
async def test_the_report_is_scikit_learns(columns, rows, tmp_path) -> None:
    data = tutorial.data()
    truth, predicted = data.test_y[:, 0], (data.test_x @ W > 0).astype(int)
    expected = classification_report(truth, predicted, output_dict=True)
    matrix = confusion_matrix(truth, predicted)
    assert len(np.unique(matrix)) > 2  # numbers that cannot be mistaken for each other
    async with driving(columns, rows, init=write_weights(tmp_path)) as driver:
        await driver.press("3")
        await driver.settled()
        text = driver.read("#report")
        assert "epoch 0" in text.split("\n")[0]
        assert re.search(r"│ +prec(\.|ision) +recall +f1 +rows", text)
        digits = 3 if columns == 80 else 4
        shown = {"0": "class 0", "1": "class 1", "macro avg": "macro", "weighted avg": "weighted"}
        for name, words in shown.items():
            row = re.search(rf"^│ {words}(?: avg)? +([\d. ]+)", text, re.M)[1].split()
            values = expected[name]
            measures = ("precision", "recall", "f1-score")
            assert row[:3] == [f"{values[measure]:.{digits}f}" for measure in measures]
            assert row[3] == f"{values['support']:.0f}"
        accuracy = re.search(r"accuracy +([\d.]+) +(\d+)", text)
        assert accuracy.groups() == (f"{expected['accuracy']:.{digits}f}", "500")
        counts = [re.findall(rf"class {label} +(\d+) +(\d+) ", text) for label in (0, 1)]
        assert [tuple(map(int, row[-1])) for row in counts] == [tuple(row) for row in matrix]


async def test_the_report_follows_every_step_and_lane() -> None:
    async with driving() as driver:
        for epoch in (1, 2, 3):
            await driver.press("full_stop")
            await driver.until(lambda e=epoch: f" epoch {e} " in driver.read("#report"))
        await driver.press("b")
        await driver.until(lambda: "epoch 3, lane B " in driver.read("#report"))
        await driver.press("1", "down")
        await driver.until(lambda: "epoch 3, lane A " in driver.read("#report"))


async def test_while_running_a_report_is_made_once_a_second(monkeypatch) -> None:
    made = []
    from tui_gd.ui.panels import report

    def counted(*arguments):
        made.append(arguments)
        return original(*arguments)

    original = report.report_on
    monkeypatch.setattr(report, "report_on", counted)
    async with driving(epochs=10**9) as driver:
        clock = [time.monotonic() + 100]
        driver.screen.board.studies._clock = lambda: clock[0]
        await driver.press("space")
        await driver.until(lambda: " epoch 0 " not in driver.read("#report"))
        before = len(made)
        start = driver.read_status().epoch
        await driver.until(lambda: driver.read_status().epoch > start + 2000)
        assert len(made) == before
        clock[0] += 1.1
        await driver.until(lambda: len(made) > before)
        await driver.press("space")
        await driver.settled()


async def test_a_short_panel_scrolls_the_table() -> None:
    async with driving(60, 12, problem="digits", epochs=5) as driver:
        await driver.press("3")
        await driver.until(lambda: "pgdn 1-4/" in driver.read("#report"))
        assert "weighted avg" not in driver.read("#report")
        for _ in range(12):
            if "weighted avg" not in driver.read("#report"):
                await driver.press("pagedown")
        assert "weighted avg" in driver.read("#report")
        assert "precision" in driver.read("#report")  # the header stays
        await driver.settled()
        await driver.press(*["pagedown"] * 40, "up")  # no key is lost beyond the end
        found = re.search(r"pgdn [0-9]+-([0-9]+)/([0-9]+)", driver.read("#report"))
        assert found is not None
        assert int(found[1]) == int(found[2]) - 1


def rows_read(text: str) -> dict[str, list[str]]:
    """The numbers of the report's table by the name of their row."""
    names = "accuracy|ROC AUC|average precision|log loss"
    table = re.findall(rf"^│ ({names}) +([\d. ]+)", text, re.M)
    return {name: numbers.split() for name, numbers in table}


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
async def test_arrows_move_the_threshold_of_the_report(columns, rows, tmp_path) -> None:
    data = tutorial.data()
    truth, p = data.test_y[:, 0], 1 / (1 + np.exp(-data.test_x @ W))
    digits = 3 if columns == 80 else 4
    async with driving(columns, rows, init=write_weights(tmp_path)) as driver:
        await driver.press("3")
        await driver.settled()
        assert "threshold" not in driver.read("#report")
        scores = (
            ("ROC AUC", metrics.roc_auc_score),
            ("average precision", metrics.average_precision_score),
            ("log loss", metrics.log_loss),
        )
        shown = rows_read(driver.read("#report"))
        for name, measure in scores:
            assert shown[name] == [f"{measure(truth, p):.{digits}f}"]
        await driver.press("enter")
        await driver.until(lambda: "threshold 0.5 " in driver.read("#report").split("\n")[0])
        usual = driver.read("#report")
        for keys, threshold in ((["up"], 0.6), (["left"] * 3, 0.57), (["down"] * 2, 0.37)):
            await driver.press(*keys)
            title = f"threshold {threshold} "
            await driver.until(lambda t=title: t in driver.read("#report").split("\n")[0])
            text, said = driver.read("#report"), p > threshold
            expected = precision_recall_fscore_support(truth, said)
            for label in (0, 1):
                numbers = [f"{each[label]:.{digits}f}" for each in expected[:3]]
                row = re.search(rf"^│ class {label} +([\d. ]+)", text, re.M)[1].split()
                assert row[:4] == [*numbers, str(expected[3][label])]
            counts = [re.findall(rf"class {label} +(\d+) +(\d+) ", text) for label in (0, 1)]
            matrix = confusion_matrix(truth, said)
            assert [tuple(map(int, row[-1])) for row in counts] == [tuple(row) for row in matrix]
            assert f"predict ID FILE --threshold {threshold}" in text
            assert rows_read(text)["accuracy"][0] == f"{np.mean(said == truth):.{digits}f}"
        assert text != usual
        assert "← → threshold of p(class 1)" in driver.read("#keys")
        await driver.press("escape")
        await driver.until(lambda: "← → threshold" not in driver.read("#keys"))
        await driver.press("right")  # the epoch, not the threshold
        await driver.status(epoch=1)
        await driver.until(lambda: "epoch 1 " in driver.read("#report"))
        assert "threshold 0.37" in driver.read("#report")


async def test_the_threshold_stays_between_0_and_1_and_its_numbers_are_copied(tmp_path) -> None:
    data = tutorial.data()
    truth, p = data.test_y[:, 0], 1 / (1 + np.exp(-data.test_x @ W))
    async with driving(80, 24, init=write_weights(tmp_path)) as driver:
        panel = driver.screen.board.report
        await driver.press("3", "enter", *["up"] * 7)
        await driver.until(lambda: "threshold 0.99 " in driver.read("#report"))
        await driver.settled()
        numbers = "\n".join(panel.numbers(driver.screen.view))
        assert "threshold 0.99: class 1 is predicted above it" in numbers
        assert "gd-tui predict ID FILE --threshold 0.99" in numbers
        assert classification_report(truth, p > 0.99, zero_division=0.0).rstrip("\n") in numbers
        assert f"ROC AUC: {metrics.roc_auc_score(truth, p)}" in numbers
        await driver.press(*["down"] * 11)
        await driver.until(lambda: "threshold 0.01 " in driver.read("#report"))


def test_the_boundary_is_drawn_at_the_threshold() -> None:
    """p > t is z > log(t / (1 − t)): as with ½ and a bias that is less by that much."""
    problem = load_problem("blobs")
    moved = W - [0.0, 0.0, math.log(0.9 / 0.1)]
    view, same = view_of(problem, W), view_of(problem, moved)
    view = replace(view, predictor=replace(view.predictor, threshold=0.9))
    drawn, wanted, other = (
        text_of(DataPanel(), one, 24, 60) for one in (view, same, view_of(problem, W))
    )
    assert "line: boundary, p = 0.9" in drawn
    assert drawn.replace("p = 0.9", "p = 0.5") == wanted != other


def test_enter_alone_does_not_change_the_threshold() -> None:
    view = view_of(load_problem("blobs"), W)
    view = replace(view, settings=replace(view.settings, threshold=0.3))
    panel = ReportPanel()
    assert panel.begin_cursor(view)
    assert panel.confirm(view) is None
    panel.move_cursor(5, 0, view)
    assert panel.confirm(view) == TakeThreshold(0.55)


async def test_enter_gives_the_run_the_threshold_and_undo_takes_it_back(tmp_path) -> None:
    data = tutorial.data()
    truth = data.test_y[:, 0]
    async with driving(120, 40, init=write_weights(tmp_path)) as driver:
        await driver.press("right", "3")
        await driver.status(epoch=1)
        weights = driver.screen.run.exported().checkpoint.keyframes[-1].state[0, 0]
        p = 1 / (1 + np.exp(-data.test_x @ weights))
        right = {at: int(((p > at) == truth).sum()) for at in (0.5, 0.2)}
        assert right[0.5] != right[0.2]
        await driver.until(lambda: f"right {right[0.5]} of 500" in driver.read("#status"))
        await driver.press("enter", *["down"] * 3)
        await driver.until(lambda: "take 0.2" in driver.read("#keys"))
        await driver.press("enter")
        await driver.until(lambda: f"right {right[0.2]} of 500" in driver.read("#status"))
        await driver.until(lambda: "0 brings back threshold 0.5" in driver.text())
        record = driver.screen.run.exported()
        assert record.settings.threshold == record.predictor.threshold == 0.2
        assert record.checkpoint.epoch == 1
        assert np.array_equal(record.checkpoint.keyframes[-1].state[0, 0], weights)
        assert open_line(share_line(record)).settings.threshold == 0.2
        await driver.until(lambda: "threshold 0.2 " in driver.read("#report"))
        await driver.press("0")
        await driver.until(lambda: f"right {right[0.5]} of 500" in driver.read("#status"))
        assert driver.screen.run.exported().settings.threshold == 0.5


async def test_a_report_of_three_classes_has_no_threshold() -> None:
    async with driving(problem="iris") as driver:
        await driver.press("3", "enter")
        await driver.until(driver.notices)
        assert "threshold" not in driver.read("#report")


def test_the_report_of_a_surface_says_where_the_point_is() -> None:
    problem, at = load_problem("surface:booth"), np.array([1.0, 3.0])
    panel, view = ReportPanel(), view_of(problem, at)
    panel.take((), (surface_report(problem.surface, at), "epoch 37", at, None))
    lines = text_of(panel, view, 10, 40).split("\n")
    pairs = [re.split("  +", line.strip("│ ")) for line in lines[1:8]]
    assert pairs == [
        ["x", "1"],
        ["y", "3"],
        ["value", "0"],
        ["nearest minimum", "(1, 3)"],
        ["its value", "0"],
        ["distance", "0"],
        ["reached", "global minimum"],
    ]


# The data


@pytest.mark.parametrize("train", [False, True])
async def test_the_wrong_ones_are_counted(train, tmp_path) -> None:
    data = tutorial.data()
    x, y = (data.train_x, data.train_y) if train else (data.test_x, data.test_y)
    wrong = int(np.sum((x @ W > 0) != y[:, 0]))
    assert 0 < wrong < 500
    async with driving(init=write_weights(tmp_path)) as driver:
        if train:
            await driver.press("p")
        await driver.until(lambda: f" {wrong} wrong ╮" in driver.read("#data"))


async def test_the_cursor_tells_a_points_features_class_and_p(tmp_path) -> None:
    data = tutorial.data()
    async with driving(160, 50, init=write_weights(tmp_path)) as driver:
        await driver.press("2", "enter")
        rows = set()
        for key in ("left", "up", "right", "right", "down"):
            await driver.press(key)
            await driver.until(lambda: "test " in driver.read("#data").split("\n")[0])
            title = driver.read("#data").split("\n")[0].replace("−", "-")
            found = re.search(
                r"test (\d+): x1 (\S+), x2 (\S+), class (\d), p (\S+), (right|wrong)", title
            )
            row = int(found[1]) - 1
            rows.add(row)
            assert float(found[2]) == pytest.approx(data.test_x[row, 0], rel=6e-3)
            assert float(found[3]) == pytest.approx(data.test_x[row, 1], rel=6e-3)
            truth = data.test_y[row, 0]
            assert int(found[4]) == truth
            p = tutorial.sigmoid_activation(data.test_x[row] @ W)
            assert float(found[5]) == pytest.approx(p, rel=6e-3)
            assert found[6] == ("right" if (p > 0.5) == truth else "wrong")
        assert len(rows) > 2
        assert (await driver.status()).epoch == 0  # the arrows did not step
        await driver.press("escape", "right")
        await driver.status(epoch=1)


@pytest.mark.parametrize(("key", "axis", "sign"), [("left", 0, -1), ("right", 0, 1), ("up", 1, 1)])
async def test_the_cursor_goes_where_the_arrow_points(key, axis, sign) -> None:
    data = tutorial.data()
    async with driving(160, 50) as driver:
        await driver.press("2", "enter")
        places = []
        for _ in range(3):
            found = re.search(r"test (\d+):", driver.read("#data"))
            places.append(data.test_x[int(found[1]) - 1])
            await driver.press(key)
        moves = np.diff(places, axis=0)[:, axis] * sign
        assert (moves > 0).all()


async def test_among_train_points_the_cursor_is_the_sample_of_the_step_panel() -> None:
    async with driving() as driver:
        await driver.press("p", "2", "enter")
        await driver.until(lambda: "train 1:" in driver.read("#data"))
        await driver.press("right")
        await driver.until(lambda: "train 1:" not in driver.read("#data"))
        row = re.search(r"train (\d+):", driver.read("#data"))[1]
        await driver.until(lambda: f"row {row} of 500" in driver.read("#step"))


# The loss


async def test_the_legend_has_the_losses_of_this_epoch(tmp_path) -> None:
    weights, _ = descended(0.01, 2)
    data = tutorial.data()
    losses = [
        np.sum((tutorial.sigmoid_activation(x @ weights) - y[:, 0]) ** 2)
        for x, y in ((data.train_x, data.train_y), (data.test_x, data.test_y))
    ]
    async with driving(init=write_weights(tmp_path)) as driver:
        await driver.press("full_stop", "full_stop", "full_stop", "comma")
        await driver.status(epoch=2)
        await driver.settled()
        wanted = f"── train {losses[0]:#.4g}   ╌╌ test {losses[1]:#.4g} ╮"
        assert wanted in legend(driver)


async def test_the_current_lane_comes_first_and_lies_on_top() -> None:
    async with driving(160, alpha=(0.003, 0.01, 0.03)) as driver:
        await driver.press("greater_than_sign")
        await driver.status(epoch=10)
        await driver.settled()
        shape = r"─ (\w) α ([\d.]+) +╌ test +─ (\w) α ([\d.]+) "
        found = re.search(shape, legend(driver))
        assert found.groups() == ("A", "0.003", "B", "0.01")
        await driver.press("1", "up")
        await driver.until(lambda: "lane C of 3" in driver.read("#top"))
        await driver.until(lambda: " ─ C α 0.03" in legend(driver))
        found = re.search(shape, legend(driver))
        assert found.groups() == ("C", "0.03", "A", "0.003")
        # at epoch 0 all lanes have one loss: the mark there has the current lane's colour
        await driver.press("home")
        await driver.status(epoch=0)
        await driver.settled()
        cells, palette = driver.screen.query_one("#loss").cells, driver.screen.context.style.palette
        marks = cells.code == ord("●")
        current = palette.lane(2)[0]
        assert current in cells.fg[marks]
        assert set(cells.fg[marks]) <= {current, palette.test}


@pytest.mark.parametrize("depth", ["truecolor", "256", "16"])
async def test_with_several_lanes_the_test_curve_has_no_lanes_colour(depth) -> None:
    async with driving(depth=depth, alpha=(0.01, 0.03)) as driver:
        palette = driver.screen.context.style.palette
        curves = driver.screen.board.loss._curves(driver.screen.view, None)
        test = next(curve for curve in curves if curve.label == "test")
        assert test.dashed
        assert test.colour not in palette.lanes
        assert {curve.colour for curve in curves if curve is not test} <= set(palette.lanes)


@pytest.mark.parametrize(("epochs", "at"), [(40, 20), (6000, 3000)])
async def test_a_branch_is_drawn_from_its_epoch_on_only(epochs, at) -> None:
    async with driving(160, epochs=epochs, alpha=(0.001,)) as driver:
        await driver.press("g", *str(at), "enter")
        await driver.status(epoch=at)
        await driver.press("b", "plus", "plus", "plus", "g", *str(epochs), "enter")
        await driver.status(epoch=epochs, alpha=0.03)
        await driver.settled()
        snapshot = driver.run.runner.snapshot
        assert (snapshot.lane.train.width > 1) == (epochs > 1024)
        curves = driver.screen.board.loss._curves(driver.screen.view, None)
        assert curves[0].label == "B α 0.03"
        assert at - curves[0].width < curves[0].start <= at
        cells, colour = (
            driver.screen.query_one("#loss").cells,
            driver.screen.context.style.palette.lane(1)[0],
        )
        drawn = (cells.fg == colour) & (cells.code >= BRAILLE) & (cells.code < BRAILLE + 256)
        left = np.flatnonzero(drawn.any(axis=0)).min()
        boxed = np.flatnonzero(cells.code[-3] == ord("0"))
        assert left >= cells.shape[1] // 2 - 2 > boxed[0]


async def test_the_cursor_tells_the_losses_of_an_epoch(tmp_path) -> None:
    _, losses = descended(0.02, 6)
    async with driving(init=write_weights(tmp_path), alpha=(0.02,)) as driver:
        await driver.press("g", "5", "enter")
        await driver.status(epoch=5)
        await driver.settled()
        await driver.press("enter", "left", "left")
        await driver.until(lambda: " epoch 3 ─" in legend(driver))
        shown = re.search(r"train ([\d.]+) +╌╌ test ([\d.]+) ", legend(driver))
        # the tutorial prints as epoch k + 1 what is the loss after k epochs
        assert float(shown[1]) == pytest.approx(losses[3], rel=1e-6)
        assert (await driver.status()).epoch == 5
        await driver.press(*["left"] * 5)
        await driver.until(lambda: " epoch 0 ─" in legend(driver))
        await driver.press(*["right"] * 9)
        await driver.until(lambda: " epoch 5 ─" in legend(driver))
        await driver.press("full_stop")  # still a step
        await driver.status(epoch=6)
        await driver.press("enter", "left")
        await driver.status(epoch=5)


async def test_the_cursor_shows_one_of_many_epochs_exactly() -> None:
    async with driving(160, epochs=6000, alpha=(0.001,)) as driver:
        await driver.press("g")
        await driver.type("6000")
        await driver.press("enter")
        await driver.status(epoch=6000)
        await driver.press("enter", *["left"] * 20)
        await driver.settled()
        epoch, loss = re.search(r"epoch (\d+) ─+ ── train ([\d.]+) ", legend(driver)).groups()
        assert 0 < int(epoch) < 6000
        assert loss == f"{driver.run.runner.trainer.losses(0)[int(epoch)]:#.8g}"


async def test_a_text_panel_has_no_cursor_and_says_so() -> None:
    async with driving() as driver:
        await driver.press("4", "enter")
        await driver.until(driver.notices)
        (said,) = driver.notices()
        assert said == (
            "no cursor here: loss, data, report of two classes, landscape, network, race, starts"
            " have one"
        )
        await driver.press("right")
        await driver.status(epoch=1)


async def test_another_panel_takes_the_cursor_away() -> None:
    async with driving() as driver:
        await driver.press("enter", "tab")
        await driver.until(lambda: driver.focused() == ["data"])
        assert " epoch " not in legend(driver)
        await driver.press("right")
        await driver.status(epoch=1)


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
async def test_running_curves_end_at_the_epoch_of_the_status_line(symbols) -> None:
    async with driving(symbols=symbols) as driver:
        await driver.press("greater_than_sign")
        await driver.status(epoch=10)
        await driver.settled()
        cells = driver.screen.query_one("#loss").cells
        marks = np.nonzero(cells.code == ord(symbols.now))[1]
        zero = next(i for i, sign in enumerate(cells.text()[-3]) if sign == "0")
        hundred = cells.text()[-3].index("100") + 2
        share = (marks.max() - zero) / (hundred - zero)
        assert share == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40), (44, 20), (200, 20), (160, 50)])
async def test_background_line_and_hollow_points_are_explained(columns, rows, symbols) -> None:
    async with driving(columns, rows, symbols=symbols) as driver:
        await driver.press("2")
        await driver.until(lambda: "line: boundary" in driver.read("#data"))
        text = driver.read("#data")
        assert re.search(r"background: (what is )?predicted, ", text)
        assert ("x X: wrong" if symbols.plain else "hollow: wrong") in text


async def test_lanes_that_differ_are_told_apart_in_half_of_80_columns() -> None:
    async with driving(80, 24, seed=6) as driver:
        await driver.press("B", *("down",) * 2, "enter")
        await driver.until(lambda: "lane B of 2" in driver.read("#top"))
        names = [name.strip() for name in ("─ B", "╌ test", "─ A")]
        await driver.until(lambda: all(name in driver.read("#loss") for name in names))
        text = driver.read("#loss")
        other = driver.run.runner.snapshot.lane
        said = {"sse": "squared error", "cross-entropy": "cross-entropy", "hinge": "hinge loss"}
        assert f"─ B {said.get(other.loss_name, other.optimizer.name)}" in text
        assert re.search(r"─ A (squared error|sgd)", text)


async def test_a_logarithmic_axis_says_so_in_half_of_80_columns() -> None:
    async with driving(80, 24) as driver:
        await driver.until(lambda: "y log  s smooth" in driver.read("#loss"))
        await driver.press("y")
        await driver.until(lambda: "epoch  log, y: linear  s smooth" in driver.read("#loss"))


def test_a_measure_of_a_regression_has_as_many_digits_as_fit_and_the_minus_of_all_panels() -> None:
    problem = load_problem("plane")
    table = {"R^2": -0.00232309, "root of mean squared error": 1.20044}
    panel, view = ReportPanel(), view_of(problem, np.zeros(3))
    panel.take((), (RegressionReport("", table), "epoch 0", np.zeros(3), None))
    for columns, said in ((60, "−0.00232309"), (40, "−0.002323"), (60, "−0.00232309")):
        text = text_of(panel, view, 10, columns)
        assert re.search(rf"R\S* +{said} *│", text)
        assert "…" not in text


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
async def test_the_whole_matrix_of_three_classes_is_seen_without_scrolling(columns, rows) -> None:
    async with driving(columns, rows, problem="iris", epochs=20) as driver:
        await driver.press("space")
        await driver.status(epoch=20)
        await driver.press("3")
        await driver.settled()
        text = driver.read("#report")
        matrix = driver.screen.board.report.report.confusion
        for name, counts in zip(("setosa", "versicolor", "virginica"), matrix, strict=True):
            row = rf"│ {name} +{' +'.join(map(str, counts))}\b"
            assert re.search(row, text[text.index("predicted") :]), text
        # what is below is told in the frame, and a key leads there
        below, lines = re.search(r"pgdn 1-(\d+)/(\d+) ─╯", text).groups()
        assert int(below) < int(lines)
        seen = text
        while "log loss" not in seen:
            await driver.press("pagedown")
            await driver.settled()
            seen = driver.read("#report")
        assert re.search(rf"pgdn 1\d-\d+/{lines} ─╯", seen)
