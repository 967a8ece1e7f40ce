"""The landscape panel: what a person reads, chooses and clicks, on real runs."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.ui.driving import driving
from tui_gd.learning.engine import Interrupted
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.session.commands import SetStart
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState
from tui_gd.ui.panels.landscape import LandscapePanel
from tui_gd.ui.panels.landscape_study import choices, usual_choice
from tui_gd.ui.panels.panel import View
from tui_gd.ui.studies import Progress, Studies


def view_of(epochs=30, back=0, depth="256", symbols=UNICODE, state=None, **settings) -> View:
    """A run `epochs` epochs on, looked at `back` epochs before; at rest, or in `state`."""
    chosen = RunSettings(**{"seed": 3, **settings})
    problem = chosen.load_problem()
    trainer = chosen.make_trainer(problem)
    trainer.advance(epochs)
    trainer.back(back)
    trainer.look_ahead()
    runner = Runner(trainer, epochs)
    snapshot = runner.snapshot if state is None else replace(runner.snapshot, state=state)
    palette = palette_for(depth, True)
    return View(
        snapshot, problem, runner.predictor, chosen, Style(palette, symbols), runner.make_engine
    )


def later(view: View, epochs: int, **settings) -> View:
    """The same run at another epoch."""
    return replace(view, snapshot=view_of(epochs, **settings).snapshot)


def computed(panel: LandscapePanel, view: View, rows=30, columns=100):
    """Draw, compute what the panel wants, take it, draw again."""
    panel.draw(view, rows, columns)
    study = panel.study(view)
    parts = []
    result = study.compute(Progress(parts.append))
    for part in [*parts, result]:
        panel.take(study.key, part)
    return panel.draw(view, rows, columns)


def loss_at(view: View, weights) -> float:
    engine = view.make_engine(view.snapshot.lane.loss_name)
    return float(engine.loss(np.array([weights], float))[0])


def numbers_of(panel, view):
    """What is copied: heading, held weights, {place: loss}, [(lane, epoch, place)]."""
    heading, *lines = panel.numbers(view)
    held, losses, paths, part = {}, {}, [], "held"
    for line in lines:
        if line.startswith("held "):
            _, name, value = line.split()
            held[name] = float(value)
        elif line.startswith("lane epoch"):
            part = "paths"
        elif line.endswith(" loss"):
            part = "losses"
        elif part == "losses":
            *place, loss = map(float, line.split())
            losses[tuple(place)] = loss
        else:
            lane, epoch, *place = line.split()
            paths.append((lane, int(epoch), tuple(map(float, place))))
    return heading, held, losses, paths


def test_the_title_says_what_is_shown_and_what_is_held():
    view, panel = view_of(1), LandscapePanel()
    text = "\n".join(computed(panel, view).text())
    bias = view.snapshot.lane.weights[2]
    lines = text.split("\n")
    assert "Landscape sse, x1 × x2 ─" in lines[0]
    assert f" bias held at {bias:.4g} ╯".replace("-", "−") in lines[-1]
    for sign in "◆◇●":
        assert sign in text.split("\n", 1)[1]
    assert "epoch 1 " in text


def test_the_losses_are_those_of_the_weights_at_each_place():
    view, panel = view_of(), LandscapePanel()
    computed(panel, view)
    _, held, losses, paths = numbers_of(panel, view)
    assert held == {"bias": view.snapshot.lane.weights[2]}
    assert len(losses) > 1000
    for (x1, x2), loss in list(losses.items())[::500]:
        assert loss == pytest.approx(loss_at(view, (x1, x2, held["bias"])), rel=1e-12)
    lane = view.snapshot.lane
    assert [epoch for _, epoch, _ in paths] == lane.path_epochs.tolist()
    assert [place for _, _, place in paths] == [tuple(w[:2]) for w in lane.path.tolist()]


def test_with_two_weights_the_background_stays_while_the_run_goes_on():
    view, panel = view_of(20, problem="line"), LandscapePanel()
    cells = computed(panel, view)
    assert "Landscape mse, x1 × bias ─" in cells.text()[0]
    key = panel.study(view).key
    after = later(view, 21, problem="line")
    assert not np.array_equal(after.snapshot.lane.weights, view.snapshot.lane.weights)
    assert panel.study(after).key == key


def test_with_three_weights_the_background_depends_on_the_held_one():
    view, panel = view_of(20), LandscapePanel()
    computed(panel, view)
    key = panel.study(view).key
    assert panel.study(view).key == key
    assert panel.study(later(view, 19)).key != key


def test_while_running_a_study_is_finished_before_a_newer_one_begins():
    view = view_of(20, state=RunState.RUNNING)
    panel = LandscapePanel()
    panel.draw(view, 30, 100)
    study, studies = panel.study(view), Studies(lambda: 0.0)
    progress = studies.begin("landscape", study, running=True, show=lambda _: None)
    after = replace(later(view, 22), snapshot=replace(view_of(22).snapshot, state=RunState.RUNNING))
    newer = panel.study(after)
    assert newer.key != study.key
    assert studies.begin("landscape", newer, running=True, show=lambda _: None) is None
    panel.take(study.key, study.compute(progress))
    # at rest what is viewed is wanted at once
    rest = panel.study(later(view, 24))
    assert rest.key != newer.key
    assert studies.begin("landscape", rest, running=False, show=lambda _: None) is None
    assert not progress.wanted


def test_a_study_that_is_no_longer_wanted_gives_up_and_can_be_asked_for_again():
    view, panel = view_of(20), LandscapePanel()
    panel.draw(view, 30, 100)
    study = panel.study(view)
    progress = Progress(lambda _: None)
    progress.wanted = False
    with pytest.raises(Interrupted):
        study.compute(progress)
    again = panel.study(view)
    assert again is not study
    assert again.key == study.key
    again.compute(Progress(lambda _: None))


def test_much_work_is_shown_coarse_first_and_then_fine():
    view, panel = view_of(1, samples=40_000), LandscapePanel()
    panel.draw(view, 20, 60)
    study = panel.study(view)
    parts = []
    fine = study.compute(Progress(parts.append))
    assert len(parts) == 1
    assert parts[0].values.size * 10 < fine.values.size
    assert 20_000 * 2 * fine.values.size <= 20_000_000
    panel.take(study.key, parts[0])
    coarse_picture = panel.draw(view, 20, 60)
    panel.take(study.key, fine)
    assert coarse_picture.text()[0][:40] == panel.draw(view, 20, 60).text()[0][:40]


@pytest.mark.parametrize(("rows", "columns"), [(30, 100), (14, 50), (40, 160)])
def test_a_click_starts_where_it_is_seen(rows, columns):
    view, panel = view_of(), LandscapePanel()
    cells = computed(panel, view, rows, columns)
    row, column = np.argwhere(cells.code[1:] == ord("◆"))[0] + (1, 0)
    command = panel.click_at(int(column), int(row), view)
    assert isinstance(command, SetStart)
    weights, lane = np.array(command.weights), view.snapshot.lane
    found = panel._shown(view)
    cell = np.diff(np.reshape(found.limits, (2, 2)))[:, 0] / (columns - 8, rows - 5)
    assert (np.abs(weights[:2] - lane.weights[:2]) <= cell).all()
    assert weights[2] == lane.weights[2]
    assert panel.click_at(0, 0, view) is None
    assert panel.click_at(columns - 1, rows - 1, view) is None


def test_the_cursor_begins_at_the_viewed_weights_moves_by_cells_and_starts_there():
    view, panel = view_of(), LandscapePanel()
    computed(panel, view)
    assert panel.confirm(view) is None
    assert panel.begin_cursor(view)
    np.testing.assert_allclose(panel.confirm(view).weights, view.snapshot.lane.weights)
    for _ in range(5):
        panel.move_cursor(1, 0, view)
    panel.move_cursor(0, -1, view)
    cells = panel.draw(view, 30, 100)
    row, column = np.argwhere(cells.code[1:] == ord("["))[0] + (1, 1)
    clicked = panel.click_at(int(column), int(row), view).weights
    here = panel.confirm(view).weights
    limits = panel._shown(view).limits
    assert abs(here[0] - clicked[0]) <= (limits[1] - limits[0]) / 90
    assert abs(here[1] - clicked[1]) <= (limits[3] - limits[2]) / 24
    assert f"x1 {here[0]:.5g}, x2 {here[1]:.5g}".replace("-", "−") in cells.text()[0]
    for _ in range(500):
        panel.move_cursor(-1, 1, view)
    at = panel.confirm(view).weights
    assert limits[0] < at[0] < limits[1]
    assert limits[2] < at[1] < limits[3]
    panel.end_cursor()
    assert panel.confirm(view) is None


def test_moving_goes_round_all_planes():
    view, panel = view_of(), LandscapePanel()
    titles = []
    for _ in range(5):
        lines = computed(panel, view).text()
        titles.append(f"{lines[0][4:36].strip(' ─')} and {lines[-2].strip('│ ')}")
        panel.move(1, view)
    assert titles[:3] == [
        "Landscape sse, x1 × x2 and x2 ↑   x1 →",
        "Landscape sse, x1 × bias and bias ↑   x1 →",
        "Landscape sse, x2 × bias and bias ↑   x2 →",
    ]
    assert "direction 1" in titles[3]
    assert titles[4] == titles[0]
    panel.move(-1, view)
    panel.move(-1, view)
    assert titles[3].partition(" and ")[2] in computed(panel, view).text()[-2]


def test_with_many_weights_the_principal_plane_comes_first_then_the_steepest_pairs():
    gradient = np.array([0.1, -9.0, 0.2, 5.0, np.nan, -7.0, 6.0])
    assert usual_choice(7) == ()
    assert choices(gradient) == [(), (1, 3), (1, 5), (1, 6), (3, 5), (3, 6), (5, 6)]
    assert choices(np.zeros(2)) == [(0, 1)]
    assert choices(np.zeros(1)) == [(0,)]


def test_a_picture_stays_until_the_next_one_is_there():
    view, panel = view_of(), LandscapePanel()
    before = computed(panel, view)
    panel.move(1, view)
    assert panel.draw(view, 30, 100).text() == before.text()
    assert computed(panel, view).text() != before.text()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("x2, bias", "x2 × bias"), ("3,1", "bias × x1"), ("X1 , BIAS", "x1 × bias"),
     ("principal", "direction 1"), (" Principal ", "direction 1")],
)  # fmt: skip
def test_a_plane_can_be_named(text, shown):
    view, panel = view_of(), LandscapePanel()
    assert panel.choose_plane(text, view) is None
    assert shown in computed(panel, view).text()[0]


@pytest.mark.parametrize("text", ["", "x1", "x1, x1", "x1, y", "0, 1", "1, 4", "1, 2, 3", "²,1",
                                  "1, 99999999999999999999", "\x1b, 1"])  # fmt: skip
def test_words_that_name_no_plane_are_refused_in_one_line(text):
    view, panel = view_of(), LandscapePanel()
    fault = panel.choose_plane(text, view)
    assert fault
    assert "\n" not in fault
    assert "\x1b" not in fault
    assert "x1" in fault
    assert panel._chosen(view) == (0, 1)


def test_a_network_is_shown_along_its_principal_directions():
    view = view_of(40, 15, problem="moons", hidden=(4,), loss="cross-entropy", optimizer=("adam",))
    panel = LandscapePanel()
    text = computed(panel, view).text()
    assert "Landscape" in text[0]
    assert re.search(r"direction 2 \(\S+ %\) ↑   direction 1 \(\S+ %\) →", text[-2])
    assert "◆" in "".join(text[1:])
    # the plane goes through the viewed weights: the loss there is the viewed one
    assert panel.begin_cursor(view)
    weights = panel.confirm(view).weights
    np.testing.assert_allclose(weights, view.snapshot.lane.weights, atol=1e-12)
    assert loss_at(view, weights) == pytest.approx(view.snapshot.lane.loss, rel=1e-9)
    panel.move(1, view)
    assert "15 weights held" in computed(panel, view).text()[-1]


def test_every_lane_has_its_path_and_its_sign():
    view, panel = view_of(20, alpha=(0.001, 0.01, 0.1)), LandscapePanel()
    cells = computed(panel, view)
    text = "\n".join(cells.text()[1:])
    assert "B" in text
    assert "C" in text
    assert "◆" in text
    assert "A α 0.001" in cells.text()[0]
    # where there is room for either, it is told which lane is which rather than what is held
    assert "B α 0.01" in panel.draw(view, 16, 60).text()[0]
    hidden = replace(view, hidden=frozenset({1}))
    assert "B" not in "\n".join(panel.draw(hidden, 30, 100).text()[1:])
    _, _, _, paths = numbers_of(panel, hidden)
    assert {lane for lane, _, _ in paths} == {"A", "C"}


def test_zooming_shows_less():
    view, panel = view_of(), LandscapePanel()
    computed(panel, view)
    before = panel._shown(view).limits
    assert panel.zoom(2.0, view)
    computed(panel, view)
    after = panel._shown(view).limits
    here = view.snapshot.lane.weights[:2]
    for axis in (0, 1):
        low, high = before[2 * axis : 2 * axis + 2]
        near, far = after[2 * axis : 2 * axis + 2]
        assert far - near == pytest.approx((high - low) / 2)
        share = (here[axis] - low) / (high - low)
        assert (here[axis] - near) / (far - near) == pytest.approx(share)
    assert panel.pan(0.5, view)
    computed(panel, view)
    assert panel._shown(view).limits[0] == pytest.approx((after[0] + after[1]) / 2)


def test_a_surface_is_shown_within_its_limits_with_its_minima():
    view, panel = view_of(5, problem="surface:himmelblau", alpha=(0.001,)), LandscapePanel()
    cells = computed(panel, view)
    (low_x, high_x), (low_y, high_y) = view.problem.surface.limits
    assert panel._shown(view).limits == (low_x, high_x, low_y, high_y)
    assert "Landscape value, x × y" in cells.text()[0]
    assert "\n".join(cells.text()[1:]).count("★") == 4
    _, held, losses, _ = numbers_of(panel, view)
    assert held == {}
    for (x, y), value in list(losses.items())[::300]:
        assert value == pytest.approx((x * x + y - 11) ** 2 + (x + y * y - 7) ** 2, rel=1e-12)


def test_a_surface_of_one_weight_is_a_curve():
    view = view_of(5, problem="surface:two-valleys-1d", alpha=(0.01,))
    panel = LandscapePanel()
    cells = computed(panel, view)
    text = "\n".join(cells.text()[1:])
    for sign in "◆★☆":
        assert sign in text
    row, column = np.argwhere(cells.code[1:] == ord("◆"))[0] + (1, 0)
    command = panel.click_at(int(column), int(row), view)
    low, high = view.problem.surface.limits[0]
    assert command.weights[0] == pytest.approx(
        float(view.snapshot.lane.weights[0]), abs=(high - low) / 80
    )
    assert panel.begin_cursor(view)
    panel.move_cursor(1, 0, view)
    assert panel.confirm(view).weights[0] > view.snapshot.lane.weights[0]
    assert "[+]" in "\n".join(panel.draw(view, 30, 100).text())
    panel.move(1, view)


def test_a_lane_that_runs_away_does_not_hide_the_others():
    view, panel = view_of(60, problem="line", alpha=(0.05, 3.0)), LandscapePanel()
    computed(panel, view)
    limits = panel._shown(view).limits
    assert max(map(abs, limits)) < 1e7
    assert np.abs(view.snapshot.lanes[1].path).max() > 1e12


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "mono"])
def test_it_can_be_read_in_every_terminal(depth, symbols):
    view, panel = view_of(20, depth=depth, symbols=symbols), LandscapePanel()
    cells = computed(panel, view)
    text = "\n".join(cells.text())
    assert ("@" if symbols.plain else "◆") in "\n".join(cells.text()[1:])
    if symbols.plain:
        assert text.isascii()
        assert "Landscape sse, x1 x x2 -" in text
        assert " bias held at -" in text or " bias held at 0" in text
    if depth == "mono":
        assert {"3", "5", "7"} <= set(text)


@pytest.mark.parametrize("settings", [
    {}, {"problem": "surface:two-valleys-1d"}, {"problem": "iris", "standardize": True},
])  # fmt: skip
@pytest.mark.parametrize("rows", [0, 1, 2, 4, 7, 12])
@pytest.mark.parametrize("columns", [0, 1, 5, 17, 40])
def test_any_size_can_be_drawn(settings, rows, columns):
    view, panel = view_of(2, **settings), LandscapePanel()
    assert computed(panel, view, rows, columns).shape == (rows, columns)
    panel.begin_cursor(view)
    panel.move_cursor(1, 1, view)
    assert panel.draw(view, rows, columns).shape == (rows, columns)
    panel.click_at(0, 0, view)


def test_another_problem_begins_anew():
    panel = LandscapePanel()
    computed(panel, view_of())
    panel.choose_plane("x2, bias", view_of())
    other = view_of(3, problem="line")
    assert "x1 × bias" in panel.draw(other, 30, 100).text()[0]
    computed(panel, other)


@pytest.mark.parametrize(
    ("surface", "epochs", "line", "arrow"),
    [
        ("surface:booth", 5, "Learning.", True),
        ("surface:himmelblau", 10, "At a minimum. The gradient is zero", False),
        ("surface:booth", 160, "At a minimum. The gradient is zero", False),
    ],
)
async def test_no_arrow_downhill_where_the_verdict_says_that_the_gradient_is_zero(
    surface, epochs, line, arrow
):
    async with driving(problem=surface, epochs=epochs) as driver:
        await driver.press("space")
        await driver.status(state="FINISHED", epoch=epochs)
        await driver.settled()
        await driver.until(lambda: line in driver.read("#verdict"), line)
        await driver.answered()
        picture = driver.read("#landscape")
        assert ("−g" in picture) == arrow
        signs = re.findall("[←↑→↓↖↗↘↙]", picture.split("\n", 1)[1])
        # those of the axes' names are always there
        assert len(signs) - 2 == arrow
