"""The panel of many starts: what is read from it, against the tutorial's loop."""

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pytest

from tests import tutorial
from tests.making import make_rows, problem_of
from tui_gd.insight.many_starts import draw_starts
from tui_gd.learning.engine import Interrupted
from tui_gd.learning.models import Predictor
from tui_gd.learning.optimizers import make_optimizer
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems.surfaces import TYPED
from tui_gd.session.commands import SetStart
from tui_gd.session.settings import RunSettings
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.starts import StartsPanel
from tui_gd.ui.panels.starts_study import other_loss, telling_weights
from tui_gd.ui.studies import Progress

SIZES = ((40, 120), (50, 200), (30, 100), (24, 80), (10, 60), (12, 40))


def view_of(settings: RunSettings, problem=None) -> View:
    problem = problem or settings.load_problem()
    trainer = settings.make_trainer(problem)
    lane = SimpleNamespace(
        learning_rate=settings.alpha[0],
        optimizer=make_optimizer(settings.optimizer[0], None),
        loss_name=settings.loss_for(problem),
    )
    return View(
        SimpleNamespace(lane=lane, lanes=(lane,), seed=settings.seed, epoch=0),
        problem,
        Predictor(trainer.model, problem.task),
        settings,
        Style(palette_for("256", True), UNICODE),
        trainer.engines.make,
    )


def compute(panel: StartsPanel, view: View) -> None:
    study = panel.study(view)
    with np.errstate(all="ignore"):
        panel.take(study.key, study.compute(Progress(lambda _: None)))


@pytest.fixture(scope="module")
def view() -> View:
    return view_of(RunSettings(seed=3))


@pytest.fixture(scope="module")
def found(view):
    """What is found with the second spread: the tests share it."""
    panel = StartsPanel()
    panel.move(1, view)
    study = panel.study(view)
    with np.errstate(all="ignore"):
        return study.key, study.compute(Progress(lambda _: None))


@pytest.fixture
def panel(view, found) -> StartsPanel:
    panel = StartsPanel()
    panel.move(1, view)
    panel.take(*found)
    return panel


@pytest.fixture(scope="module")
def naive():
    """Starts, final losses and accuracies after the tutorial's 100 epochs."""
    data, starts = tutorial.data(), draw_starts(3, 256, 5.0, 3)
    x, y = data.train_x, data.train_y
    weights = starts.T.copy()
    with np.errstate(over="ignore"):
        for _ in range(100):
            p = tutorial.sigmoid_activation(x @ weights)
            weights -= 0.01 * (x.T @ ((p - y) * tutorial.sigmoid_deriv(p)))
        p = tutorial.sigmoid_activation(x @ weights)
    return starts, ((p - y) ** 2).sum(axis=0), ((p > 0.5) == y).mean(axis=0)


def reached(losses) -> int:
    y = tutorial.data().train_y
    alike = ((y - y.mean()) ** 2).sum()
    return int((losses <= alike - 0.9 * (alike - losses.min())).sum())


def test_the_counts_are_those_of_the_tutorials_loop(view, panel, naive) -> None:
    count = reached(naive[1])
    assert 100 < count < 200
    text = "\n".join(panel.draw(view, 50, 200).text())
    assert "spread 5" in text
    y, losses = tutorial.data().train_y, naive[1]
    constant = ((y - y.mean()) ** 2).sum()
    alike = int((losses >= constant - 0.1 * (constant - losses.min())).sum())
    said = f"sse, α 0.01: {count} of 256 reach the bottom, {256 - count - alike} stop half-way"
    assert f"{said}, {alike} are stuck" in text
    assert re.search(r"cross-entropy, α \d+: 256 of 256 reach the bottom", text)
    assert "final sse, summed over samples" in text
    assert "final cross-entropy, nats per sample" in text
    assert re.search(r"where they start[^│]*: ● at the bottom, ▲ half-way, ■ stuck", text)


@pytest.mark.parametrize(("rows", "columns"), SIZES)
@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "mono"])
def test_both_counts_are_read_at_every_size(view, panel, naive, rows, columns, symbols, depth):
    count = reached(naive[1])
    shown = dataclasses.replace(view, style=Style(palette_for(depth, True), symbols))
    text = panel.draw(shown, rows, columns).text()
    assert len(text) == rows
    whole = "\n".join(text)
    assert re.search(rf"spread 5( \(.*\))?: sse.*{count}( of |/)256", whole)
    assert re.search(r"cross-entropy.*256( of |/)256", whole)
    assert not symbols.plain or whole.isascii()
    # lost starts stand to the right, by a sign of their own
    assert symbols.point(2) in "".join(line[columns // 4 :] for line in text)


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_the_starts_are_drawn_at_any_size(view, panel, symbols) -> None:
    shown = dataclasses.replace(view, style=dataclasses.replace(view.style, symbols=symbols))
    for cursor in (False, True):
        panel.cursor_on = cursor
        for rows in (0, 1, 2, 3, 4, 6, 8, 11):
            for columns in (0, 1, 2, 5, 23, 24, 46, 69, 70, 71):
                assert panel.draw(shown, rows, columns).shape == (rows, columns)
                assert StartsPanel().draw(shown, rows, columns).shape == (rows, columns)


def test_where_there_is_room_for_words_alone(view, panel, naive) -> None:
    text = "\n".join(panel.draw(view, 6, 60).text())
    assert f"sse, α 0.01: {reached(naive[1])} of 256 reach the bottom" in text
    assert re.search(r"● \d+ at the bottom  ▲ \d+ half-way  ■ \d+ stuck", text)


def test_up_and_down_choose_the_spread_and_the_old_picture_stays(view, panel) -> None:
    before = panel.draw(view, 40, 120).text()
    key = panel.study(view).key
    assert panel.study(view).key == key
    panel.move(1, view)
    assert panel.study(view).key != key
    after = panel.draw(view, 40, 120).text()
    assert "spread 5 → 20" in after[0]
    assert after[1:] == before[1:]
    panel.move(1, view)
    assert "spread 5 → 1" in panel.draw(view, 40, 120).text()[0]
    panel.move(1, view)
    assert panel.draw(view, 40, 120).text() == before


def test_before_anything_is_found_it_says_what_is_coming(view) -> None:
    panel = StartsPanel()
    assert "256 random starts of spread 1 descend on sse" in "\n".join(
        panel.draw(view, 12, 60).text()
    )
    assert not panel.begin_cursor(view)
    assert panel.confirm(view) is None
    assert panel.click_at(30, 5, view) is None


def test_the_run_going_on_changes_no_study_but_its_learning_rate_does(view, panel) -> None:
    key = panel.study(view).key
    lane = view.snapshot.lane

    def key_with(**changes):
        values = {**vars(lane), **changes}
        snapshot = SimpleNamespace(**{**vars(view.snapshot), "lane": SimpleNamespace(**values)})
        return panel.study(dataclasses.replace(view, snapshot=snapshot)).key

    assert key_with(weights=np.ones(3), loss=1.0) == key
    assert key_with(learning_rate=0.03) != key
    assert key_with(loss_name="mse") != key
    assert key_with(optimizer=make_optimizer("adam", None)) != key


def test_the_cursor_goes_from_the_best_start_to_the_worst(view, panel, naive) -> None:
    starts, losses, accuracies = naive
    order = np.argsort(losses, kind="stable")
    assert panel.begin_cursor(view)
    # it begins at a lost one
    first = int(re.search(r"start (\d+) of 256", panel.draw(view, 40, 120).text()[0])[1])
    assert losses[order[first - 1]] > 100
    for _ in range(300):
        panel.move_cursor(-1, 0, view)
    for rank in (0, 1, 2):
        title = panel.draw(view, 50, 200).text()[0]
        told = re.search(rf"start {rank + 1} of 256: sse (\S+), at the bottom", title)
        assert float(told[1]) == pytest.approx(losses[order[rank]], rel=1e-4)
        assert f"accuracy {accuracies[order[rank]]:.3f}" in title
        assert panel.confirm(view) == SetStart(tuple(starts[order[rank]].tolist()))
        panel.move_cursor(1, 0, view)
    for _ in range(300):
        panel.move_cursor(1, 0, view)
    assert "start 256 of 256" in panel.draw(view, 40, 120).text()[0]
    panel.end_cursor()
    assert panel.confirm(view) is None
    assert "reach" in panel.draw(view, 40, 120).text()[0]


def test_the_start_it_hands_out_ends_where_it_says(view, panel) -> None:
    panel.begin_cursor(view)
    start = panel.confirm(view).weights
    data = tutorial.data()
    end, _, _ = tutorial.descend(data.train_x, data.train_y, np.array(start), 0.01, 100)
    loss = ((tutorial.sigmoid_activation(data.train_x @ end) - data.train_y[:, 0]) ** 2).sum()
    title = panel.draw(view, 50, 200).text()[0]
    assert float(re.search(r"sse ([\d.]+)", title)[1]) == pytest.approx(loss, rel=1e-4)


def test_down_and_up_go_to_where_others_end(view, panel) -> None:
    panel.begin_cursor(view)

    def basin() -> str:
        return re.search(r"at the bottom|half-way|stuck", panel.draw(view, 40, 120).text()[0])[0]

    seen = [basin()]
    for _ in range(3):
        panel.move_cursor(0, -1, view)
        seen.append(basin())
    assert seen == ["stuck", "half-way", "at the bottom", "at the bottom"]
    panel.move_cursor(0, 1, view)
    panel.move_cursor(0, 1, view)
    assert basin() == "stuck"


def test_a_click_takes_the_nearest_start(view, panel) -> None:
    picture = panel.draw(view, 40, 120)
    edge = picture.text()[0].index("╮╭")
    signs = [
        (x, y)
        for y, line in enumerate(picture.text()[1:-3], 1)
        for x, sign in enumerate(line)
        if x > edge + 2 and sign in "●▲■"
    ]
    assert len(signs) > 50
    for x, y in signs[::20]:
        assert panel.click_at(x, y, view) is None
        after = panel.draw(view, 40, 120).text()
        assert after[y][x - 1 : x + 2] == "[+]"
    assert panel.click_at(2, 2, view) is None


def test_numbers_are_all_of_them_with_all_digits(view, panel, naive) -> None:
    starts, losses, _ = naive
    lines = panel.numbers(view)
    assert len(lines) == 2 * (256 + 2)
    assert lines[0].startswith("256 starts, spread 5.0, sgd, sse, alpha 0.01, after 100 epochs")
    rows = [line.split("\t") for line in lines[2:258]]
    number = np.array([int(row[0]) - 1 for row in rows])
    assert sorted(number.tolist()) == list(range(256))
    assert [float(row[1]) for row in rows] == pytest.approx(losses[number], rel=1e-7)
    assert sum(row[3] == "yes" for row in rows) == reached(losses)
    weights = np.array([[float(value) for value in row[6].split()] for row in rows])
    assert (weights == starts[number]).all()


def test_a_study_that_is_not_wanted_gives_up(view) -> None:
    progress = Progress(lambda _: None)
    progress.wanted = False
    with pytest.raises(Interrupted):
        StartsPanel().study(view).compute(progress)


def test_on_a_surface_the_minima_are_counted() -> None:
    settings = RunSettings(problem="surface:himmelblau", alpha=(0.01,), epochs=300)
    view, panel = view_of(settings), StartsPanel()
    compute(panel, view)
    text = panel.draw(view, 24, 120).text()
    whole = "\n".join(text)
    counts = [
        int(re.search(re.escape(name) + r" +(\d+) ", whole)[1])
        for name in ("(3, 2)", "(−2.805, 3.131)", "(−3.779, −3.283)", "(3.584, −1.848)")
    ]
    assert min(counts) > 10
    assert sum(counts) == 256
    assert "value, α 0.01: 256 of 256" in text[0]
    panel.begin_cursor(view)
    chosen = panel.confirm(view).weights
    assert all(-5 <= at <= 5 for at in chosen)


@pytest.mark.parametrize("spread", [0, 1])
def test_only_the_lowest_ends_on_a_typed_surface_are_good(spread) -> None:
    settings = RunSettings(TYPED, surface="x^4 - 2*x^2 + 0.3*x", alpha=(0.002,), epochs=600)
    view, panel = view_of(settings), StartsPanel()
    for _ in range(spread):
        panel.move(1, view)
    compute(panel, view)
    left, _, right = np.sort(np.roots([4.0, 0.0, -4.0, 0.3]).real)  # where the slope vanishes
    value = np.polynomial.Polynomial([0.0, 0.3, -2.0, 0.0, 1.0])
    assert value(left) < value(right) - 0.5
    lines = panel.numbers(view)
    rows = [line.split("\t") for line in lines if re.match(r"\d+\t", line)]
    ended = [float(row[1]) for row in rows if row[2] != "diverged"]
    # as much higher as a hundredth of the limits' width away
    low = [one for one in ended if one < value(left - 0.1)]
    high = [one for one in ended if abs(one - value(right)) < 0.01]
    assert min(len(low), len(high)) > 20
    assert len(low) + len(high) >= len(ended) - 8  # some began on the hump
    assert [row[2] for row in rows].count("lowest") == len(low)
    assert [row[3] for row in rows].count("yes") == len(low)
    shown = panel.draw(view, 24, 120).text()[0]
    assert f"{len(low)} of {len(rows)} reach the lowest value found" in shown


def test_on_a_line_there_is_no_landscape_beside() -> None:
    view, panel = (
        view_of(RunSettings(problem="surface:two-valleys-1d", alpha=(0.05,))),
        StartsPanel(),
    )
    compute(panel, view)
    text = "\n".join(panel.draw(view, 24, 120).text())
    assert "where they start" not in text
    assert re.search(r"\(−1\.036\) +\d+", text)


def test_which_loss_stands_beside() -> None:
    pairs = {
        ("binary", "sse"): "cross-entropy",
        ("binary", "hinge"): "cross-entropy",
        ("binary", "cross-entropy"): "sse",
        ("multiclass", "cross-entropy"): "mse",
        ("multiclass", "mse"): "cross-entropy",
        ("regression", "mse"): "mae",
        ("regression", "mae"): "mse",
        ("surface", "value"): None,
    }
    for (task, loss), other in pairs.items():
        assert other_loss(task, loss) == other


def test_the_landscape_is_over_the_weights_that_tell_most() -> None:
    begin = np.array([[0.0, 5.0, 1.0, 0.1], [0.1, 5.0, -9.0, 0.0], [0.0, 9.0, 1.0, 0.0]])
    result = SimpleNamespace(begin=begin, good=np.array([True, False, True]))
    assert telling_weights(result) == (1, 2)
    assert telling_weights(SimpleNamespace(begin=begin, good=np.ones(3, bool))) == (0, 1)


def test_starts_without_a_finite_loss_are_left_out() -> None:
    x, _ = make_rows(20)
    x[:, 0] *= 1e153  # the squares of some scores are beyond all numbers
    problem = dataclasses.replace(problem_of(x, np.zeros(20)), task="regression", class_names=())
    view = view_of(RunSettings(loss="mse"), problem)
    panel = StartsPanel()
    with np.errstate(all="ignore"):
        panel.move(-1, view)
        finite = np.isfinite(view.make_engine("mse").loss(draw_starts(3, 256, 20.0, 0))).sum()
    assert 0 < finite < 256
    compute(panel, view)
    assert f"of {finite} " in panel.draw(view, 12, 120).text()[0]
