"""The loss panel: what a person reads in it, of runs whose losses are known epoch by epoch."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests import tutorial
from tui_gd.learning.models import Predictor
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.session.commands import LookAt
from tui_gd.session.observer import Observer
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState
from tui_gd.training.series import Buckets
from tui_gd.ui.panels.lanes import LanesPanel
from tui_gd.ui.panels.loss import LossPanel, Window, moved, zoomed
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.readings import lane_labels


class Run:
    """A run viewed as the screen views it: the next snapshot has what the panel asks for."""

    def __init__(self, epochs=100, back=0, **settings):
        settings = RunSettings(**{"seed": 3, **settings})
        self.problem = settings.load_problem()
        self.settings = replace(settings, loss=settings.loss_for(self.problem))
        self.trainer = self.settings.make_trainer(self.problem)
        self.advance(epochs)
        self.trainer.back(back)
        self.predictor = Predictor(self.trainer.model, self.problem.task)
        self.observer = Observer(self.trainer, self.predictor)
        self.panel = LossPanel()
        self.hidden = frozenset()
        self.wanted_epochs = 0
        self.symbols, self.depth = UNICODE, "256"

    def advance(self, epochs):
        goal = self.trainer.epoch + epochs
        while self.trainer.epoch < goal:
            self.trainer.advance(goal - self.trainer.epoch)

    @property
    def view(self):
        snapshot = self.observer.snapshot(
            state=RunState.PAUSED, epochs=max(self.wanted_epochs, self.trainer.newest), seed=3
        )
        palette = palette_for(self.depth, True)
        return View(
            snapshot,
            self.problem,
            self.predictor,
            self.settings,
            Style(palette, self.symbols),
            None,
            self.hidden,
        )

    def cells(self, rows=30, columns=110, look=True):
        if look:
            self.observer.look = self.panel.wanted_look(self.view)
        return self.panel.draw(self.view, rows, columns)

    def lines(self, rows=30, columns=110, look=True):
        return self.cells(rows, columns, look).text()

    def title(self, **more):
        return re.split(r" ──| --", self.lines(**more)[0].strip("╭╮+─- "))[0].removesuffix(" ─")


# the window ------------------------------------------------------------------


def test_zooming_in_keeps_the_viewed_epoch_where_it_is_and_the_title_says_what_is_shown():
    run = Run(400, back=300)
    whole = run.lines()
    assert run.title() == "1 Loss"
    assert run.panel.zoom(2.0, run.view)
    assert run.title() == "1 Loss, epochs 50 to 250"
    assert run.lines()[-3].strip("│").split() == ["50", "100", "150", "200", "250"]
    run.panel.zoom(0.5, run.view)
    assert run.lines() == whole


def test_the_window_is_asked_for_and_drawn_only_when_it_is_there():
    run = Run(5000, back=2000)
    before = run.lines()
    run.panel.zoom(10.0, run.view)
    assert run.lines(look=False) == before
    assert run.panel.wanted_look(run.view) == LookAt("loss", 2700, 3200)
    assert run.title() == "1 Loss, epochs 2700 to 3200"
    assert run.view.snapshot.lane.train.width == 1


def test_smoothing_asks_for_what_it_needs_beyond_the_window():
    run = Run(400, back=300)
    run.panel.zoom(2.0, run.view)
    for wanted in (5, 21, 101):
        run.panel.smooth()
        half = wanted // 2
        assert run.panel.wanted_look(run.view) == LookAt("loss", max(0, 50 - half), 250 + half)
        assert run.title() == f"1 Loss, epochs 50 to 250, smoothed over {wanted}"
    run.panel.smooth()
    assert run.title() == "1 Loss, epochs 50 to 250"


def test_with_buckets_smoothing_says_about():
    run = Run(3000)
    for _ in range(2):
        run.panel.smooth()
    assert run.title() == "1 Loss, smoothed over about 20"  # five buckets of four epochs


def test_a_window_moves_and_stays_within_the_run():
    run = Run(400, back=300)
    run.panel.zoom(4.0, run.view)
    assert run.title() == "1 Loss, epochs 75 to 175"
    run.panel.pan(0.25, run.view)
    assert run.title() == "1 Loss, epochs 100 to 200"
    run.panel.pan(-0.25, run.view)
    run.panel.pan(-0.25, run.view)
    assert run.title() == "1 Loss, epochs 50 to 150"
    for _ in range(5):
        run.panel.pan(-0.25, run.view)
    assert run.title() == "1 Loss, epochs 0 to 100"
    for _ in range(20):
        run.panel.pan(0.25, run.view)
    assert run.title() == "1 Loss, epochs 300 to 400"
    assert run.panel.restore()
    assert run.title() == "1 Loss"
    assert not run.panel.restore()


def test_the_wheel_zooms_about_the_epoch_under_it():
    run = Run(400)
    lines = run.lines()
    column = next(i for i, sign in enumerate(lines[-3]) if lines[-3][i : i + 3] == "300") + 1
    for _ in range(3):
        run.panel.zoom_at(column, 5, 2.0, run.view)
        text = run.lines()[-3]
    ticks = [(m.start() + len(m[0]) // 2, int(m[0])) for m in re.finditer(r"\d+", text)]
    place = np.interp(column, *np.array(ticks, float).T)
    assert place == pytest.approx(300, abs=2)


def test_a_window_with_the_newest_epoch_follows_the_run():
    run = Run(100)
    run.wanted_epochs = 1000
    run.panel.zoom(10.0, run.view)
    assert run.title() == "1 Loss, epochs 90 to 190"
    for newest in (150, 190, 191, 400, 1000):
        run.advance(newest - run.trainer.epoch)
        cells = run.cells()
        first, last = map(int, re.search(r"epochs (\d+) to (\d+)", cells.text()[0]).groups())
        assert last - first == 100
        assert first <= newest <= last
        marks = np.nonzero(cells.code == ord("●"))[1]
        assert len(marks)
        wanted = run.panel.wanted_look(run.view)
        assert wanted.last is None
        got = run.view.snapshot.lane.train
        assert got.width == 1
        assert got.first <= first
        assert got.low[newest - got.first] == run.trainer.losses()[newest]
    assert wanted == LookAt("loss", -101)  # so nothing is asked for again while it follows


def test_a_window_without_the_newest_epoch_stays():
    run = Run(400, back=300)
    run.panel.zoom(4.0, run.view)
    run.trainer.go_to(400)
    run.advance(200)
    assert run.title() == "1 Loss, epochs 75 to 175"


def test_after_a_reset_a_following_window_begins_again():
    run = Run(400)
    run.panel.zoom(8.0, run.view)
    assert run.title() == "1 Loss, epochs 350 to 400"
    run.trainer.reset(None)
    run.wanted_epochs = 400
    first, last = map(int, re.search(r"epochs (\d+) to (\d+)", run.title()).groups())
    assert (first, last) == (0, 50)
    assert "●" in "".join(run.lines())


@pytest.mark.parametrize("log", [False, True])
def test_zoomed_windows_keep_the_epoch_in_its_place(log):
    whole = Window(0, 10_000)
    window = whole
    for factor in (2.0, 1.25, 3.0, 0.5, 1.7):
        share = window.share(500, log=log)
        window = zoomed(window, factor, 500, whole, log=log)
        assert 0 <= window.first <= 500 <= window.last <= 10_000
        if window.first > 0 and window.last < 10_000:
            assert window.share(500, log=log) == pytest.approx(share, abs=0.02)
    assert zoomed(window, 1e-9, 500, whole, log=log) is None
    narrow = zoomed(window, 1e9, 500, whole, log=log)
    assert narrow.span == 4
    assert narrow.first <= 500 <= narrow.last
    at_the_end = zoomed(whole, 1e9, 10_000, whole, log=log)
    assert (at_the_end.first, at_the_end.last) == (9996, 10_000)
    assert moved(narrow, 1e9, whole, log=False) == Window(9996, 10_000)
    assert moved(narrow, -1e9, whole, log=False) == Window(0, 4)


# the cursor ------------------------------------------------------------------


def test_the_cursor_gives_the_tutorials_losses_to_eight_digits(tmp_path):
    data = tutorial.data()
    start = np.array([0.5, -0.25, 0.125])
    np.save(tmp_path / "w.npy", start)
    _, losses, _ = tutorial.descend(data.train_x, data.train_y, start, 0.02, 6)
    run = Run(6, alpha=(0.02,), init=str(tmp_path / "w.npy"))
    run.panel.begin_cursor(run.view)
    for epoch in (6, 5, 4, 3):
        if epoch < 6:
            run.panel.move_cursor(-1, 0, run.view)
        text = run.lines()[0]
        assert f"epoch {epoch} ─" in text
        if epoch < 6:  # the tutorial prints as epoch k + 1 what is the loss after k epochs
            assert f"train {losses[epoch]:#.8g} " in text


def test_the_cursor_is_exact_although_a_bucket_is_many_epochs():
    run = Run(6000, alpha=(0.001,))
    run.lines()
    run.panel.begin_cursor(run.view)
    for _ in range(7):
        run.panel.move_cursor(-1, 0, run.view)
    text = run.lines()[0]
    assert run.view.snapshot.lane.train.width > 1
    epoch = int(re.search(r"epoch (\d+) ─", text)[1])
    assert 5000 < epoch < 6000
    assert f"train {run.trainer.losses()[epoch]:#.8g} " in text
    assert f"test {run.trainer.test_losses()[epoch]:#.8g} " in text


def test_until_the_numbers_at_the_cursor_are_there_it_stays():
    run = Run(6000, alpha=(0.001,))
    run.panel.begin_cursor(run.view)
    before = run.lines()
    run.panel.move_cursor(-1, 0, run.view)
    assert run.lines(look=False) == before
    assert run.lines() != before


def test_a_click_puts_the_cursor_there():
    run = Run(100)
    lines = run.lines()
    column = lines[-3].index("60") + 1
    assert run.panel.click_at(column, 4, run.view) is None
    assert run.panel.cursor_on
    epoch = int(re.search(r"epoch (\d+) ─", run.lines()[0])[1])
    assert abs(epoch - 60) <= 1
    rule = run.lines()[3].rstrip("│ ")[-1]
    assert run.lines()[3][column] == "│", rule


def test_the_cursor_takes_the_window_with_it():
    run = Run(400, back=300)
    run.panel.zoom(8.0, run.view)
    run.lines()
    run.panel.begin_cursor(run.view)
    for _ in range(120):
        run.panel.move_cursor(1, 0, run.view)
    window = run.lines()
    assert "epoch 220 ─" in window[0]
    assert any(line.count("│") == 3 for line in window[1:-2])
    look = run.panel.wanted_look(run.view)
    assert look.first > 200 - 50
    assert look.first <= 220 <= look.last


def test_every_lane_is_read_at_the_cursor_and_a_dash_is_no_record():
    run = Run(50, alpha=(0.003, 0.01, 0.03))
    run.trainer.back(30)
    run.trainer.branch(1)
    run.trainer.set_learning_rate(0.1, 3)
    run.advance(40)
    run.panel.begin_cursor(run.view)
    run.panel._put_cursor(55, run.view)
    text = "\n".join(run.lines())
    assert "train" in run.lines()[1]
    for lane, name in enumerate("ABCD"):
        losses, tests = run.trainer.losses(lane), run.trainer.test_losses(lane)
        row = next(line for line in text.split("\n")[1:] if f"── {name} " in line)
        words = row.split("──")[-1].strip(" │").split()
        if len(losses) > 55:
            assert words[-2:] == [f"{losses[55]:#.8g}", f"{tests[55]:#.8g}"]
        else:
            assert words[-2:] == ["-", "-"]


def test_where_room_is_short_there_are_fewer_digits():
    run = Run(50, alpha=(0.003, 0.01))
    run.panel.begin_cursor(run.view)
    wide, narrow = "\n".join(run.lines(20, 110)), "\n".join(run.lines(20, 44))
    loss = run.trainer.losses(1)[50]
    assert f"{loss:#.8g}" in wide
    assert f"{loss:#.8g}" not in narrow
    assert f"{loss:#.5g}" in narrow


# measures and axes -----------------------------------------------------------


def test_norm_and_learning_rate_are_further_curves():
    run = Run(0, alpha=(0.02,))
    for _ in range(30):
        run.advance(1)
    run.panel.next_measure()
    assert run.title() == "1 Gradient norm"
    assert run.panel.wanted_look(run.view).measure == "norm"
    assert f"── ‖g‖ {run.view.snapshot.lane.gradient_norm:#.4g}" in run.lines()[0]
    run.panel.next_measure()
    assert run.title() == "1 Learning rate α"
    assert "── α 0.02" in run.lines()[0]
    run.symbols = ASCII
    assert all(line.isascii() for line in run.lines())
    run.panel.next_measure()
    assert run.title() == "1 Loss"


def test_the_learning_rate_is_drawn_where_it_was_changed():
    run = Run(20, alpha=(0.1,))
    run.trainer.set_learning_rate(0.5, 0)
    run.advance(20)
    for _ in range(2):
        run.panel.next_measure()
    run.cells()
    assert run.view.snapshot.lane.train.low.tolist()[:41] == [0.1] * 20 + [0.5] * 21
    run.panel.zoom(2.0, run.view)
    run.panel.begin_cursor(run.view)
    run.panel._put_cursor(19, run.view)
    assert "── α 0.1 " in run.lines()[0]
    assert run.title() == "1 Learning rate α, epoch 19"
    assert run.panel.wanted_look(run.view).first >= 0


def test_on_a_logarithmic_axis_the_first_epochs_of_every_lane_are_there_one_by_one():
    run = Run(3000)
    run.trainer.back(1000)
    run.trainer.branch(0, 0.5)
    run.advance(1500)
    lanes = run.view.snapshot.lanes
    assert [lane.train.width for lane in lanes] == [4, 4]
    assert [lane.early for lane in lanes] == [None, None]
    run.panel.log_epochs = True
    run.observer.look = run.panel.wanted_look(run.view)
    for lane in run.view.snapshot.lanes:
        for curve, exact in zip(
            lane.early, (run.trainer.losses(0), run.trainer.test_losses(0)), strict=True
        ):
            assert (curve.width, curve.first, curve.stop) == (1, 0, 1024)
            assert curve.low.tolist() == exact[:1024].tolist()


@pytest.mark.parametrize("log", [False, True])
def test_a_logarithmic_epoch_axis_says_so(log):
    run = Run(3000)
    run.panel.log_epochs = True
    run.panel.log_axis = log
    lines = run.lines()
    assert "│ epoch, as log(epoch + 1), 4 at a time from 1024 on " in re.sub(" +", " ", lines[-2])
    assert lines[-3].strip("│").split()[:2] == ["0", "1"]
    run.panel.zoom(100.0, run.view)
    assert "│ epoch, as log(epoch + 1) " in re.sub(" +", " ", run.lines()[-2])


# several lanes ---------------------------------------------------------------


def test_lanes_have_their_names_at_the_ends_of_their_curves():
    run = Run(30, alpha=(0.0001, 0.001, 0.01))
    run.panel.log_axis = True
    run.wanted_epochs = 60
    cells = run.cells()
    palette = palette_for("256", True)
    for number, name in enumerate("ABC"):
        places = np.argwhere(cells.code[1:-2, 30:80] == ord(name))
        colours = [cells.fg[row + 1, column + 30] for row, column in places]
        assert palette.lane(number)[0] in colours


def test_hidden_lanes_are_left_out():
    run = Run(30, alpha=(0.0001, 0.001, 0.01))
    run.hidden = frozenset({1, 0})
    text = "\n".join(run.lines())
    assert "── C α 0.01" in text
    assert "B α 0.001" not in text
    assert "A α 0.0001" in text  # the current lane is always there
    assert not any("B" in line for line in run.panel.numbers(run.view)[1:])


def test_lanes_are_named_by_what_differs():
    run = Run(20, alpha=(0.01,))
    run.trainer.branch(0, loss="cross-entropy")
    run.advance(5)
    assert run.title() == "1 Loss"
    top = run.lines()[0]
    assert "── A squared error" in top
    assert "── B cross-entropy" in top
    assert "╌╌ test" in top
    for _ in range(2):
        run.panel.next_measure()
    assert run.title() == "1 Learning rate α"


def test_a_list_of_many_lanes_says_how_many_are_left_out():
    run = Run(20, alpha=tuple(np.geomspace(1e-5, 1e-2, 64)))
    for cursor in (False, True):
        if cursor:
            run.panel.begin_cursor(run.view)
        text = "\n".join(run.lines(20, 110))
        listed = len(re.findall(r"── \w+ α [\d.e-]+ +[\d.e-]+.*│$", text, re.MULTILINE))
        assert f"and {64 - listed} more lanes" in text


# numbers to be copied --------------------------------------------------------


def test_the_numbers_are_those_of_every_epoch_with_all_digits():
    run = Run(50, alpha=(0.003, 0.01))
    run.lines()
    lines = run.panel.numbers(run.view)
    assert lines[0] == "Loss"
    assert lines[1] == "epoch lane alpha train test norm loss"
    lane = run.view.snapshot.lane
    assert lines[2] == (f"50 A 0.003 {lane.loss!r} {lane.test_loss!r} {lane.gradient_norm!r} sse")
    start = lines.index("epoch lane train test") + 1
    assert len(lines) == start + 2 * 51
    for line in lines[start:]:
        epoch, name, train, test = line.split()
        number = "AB".index(name)
        assert float(train) == run.trainer.losses(number)[int(epoch)]
        assert float(test) == run.trainer.test_losses(number)[int(epoch)]


def test_with_buckets_the_numbers_are_least_and_greatest():
    run = Run(3000)
    run.panel.smooth()
    run.lines()
    lines = run.panel.numbers(run.view)
    start = next(i for i, line in enumerate(lines) if line.startswith("first last lane")) + 1
    losses, tests = run.trainer.losses(), run.trainer.test_losses()
    seen = 0
    for line in lines[start:]:
        first, last, _, *numbers = line.split()
        part = np.s_[int(first) : int(last) + 1]
        expected = [losses[part].min(), losses[part].max(), tests[part].min(), tests[part].max()]
        assert [float(n) for n in numbers[:4]] == expected
        seen += int(last) - int(first) + 1
    assert seen == 3001
    assert lines[start - 1].endswith("smoothed")


def test_at_the_cursor_the_numbers_are_those_of_all_64_lanes():
    run = Run(20, alpha=tuple(np.geomspace(1e-5, 1e-2, 64)))
    run.panel.begin_cursor(run.view)
    run.panel._put_cursor(7, run.view)
    run.lines()
    heading, names, *rows = run.panel.numbers(run.view)
    assert heading == "Loss, epoch 7"
    assert names == "epoch lane alpha train test norm loss"
    assert len(rows) == 64
    for number, row in enumerate(rows):
        words = row.split()
        assert words[0] == "7"
        assert float(words[2]) == run.settings.alpha[number]
        assert float(words[3]) == run.trainer.losses(number)[7]
        assert float(words[4]) == run.trainer.test_losses(number)[7]


def test_no_more_than_a_hundred_thousand_lines_are_made():
    run = Run(1)
    view = run.view
    ones = np.ones(60_000)
    lane = replace(view.snapshot.lane, train=Buckets(1, 60_000, ones, ones))
    many = replace(view, snapshot=replace(view.snapshot, lanes=(lane, lane), newest=59_999))
    lines = run.panel.numbers(many)
    assert 99_990 < len(lines) <= 100_000
    assert lines[-1].endswith("more lines")


# every terminal and size -----------------------------------------------------


@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "mono"])
@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_every_size_can_be_drawn(depth, symbols):
    run = Run(30, alpha=(0.01, 5.0), back=10)
    run.depth, run.symbols = depth, symbols
    run.panel.smooth()
    for step in range(3):
        if step == 1:
            run.panel.zoom(3.0, run.view)
            run.panel.begin_cursor(run.view)
        if step == 2:
            run.panel.log_axis = run.panel.log_epochs = True
        for size in ((0, 0), (1, 1), (2, 5), (3, 4), (6, 16), (8, 40), (12, 200), (60, 20)):
            cells = run.cells(*size)
            assert cells.shape == size
            if symbols is ASCII:
                assert all(line.isascii() for line in cells.text())


@pytest.mark.parametrize("name", ["猫猫猫猫", "\x1b[31mred\x07", "a" * 300, "", "\u202eabc"])
def test_hostile_names_are_harmless(name):
    run = Run(5, alpha=(0.01, 0.02))
    run.trainer.lanes[0].name = name
    for cursor in (False, True):
        run.panel.cursor_on = cursor
        for size in ((20, 60), (9, 16), (35, 120)):
            text = "".join(run.cells(*size).text())
            assert "\x1b" not in text
            assert "\u202e" not in text


# which lane is which ----------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 58, 78, 120])
def test_the_lanes_panel_says_first_what_differs_and_never_cuts_a_number(columns):
    view = Run(50, alpha=(0.0123,), optimizer=("sgd", "momentum", "adam")).view
    lines = LanesPanel().draw(view, 12, columns).text()
    head = lines[1].strip("│ ").split()
    assert head[:3] == ["lane", "optimizer", "train"]
    assert lines[0].startswith("╭ 6 Lanes ─")
    assert "3 lanes" in lines[0]
    for lane, line in zip(view.snapshot.lanes, lines[2:5], strict=True):
        name, optimizer, *numbers = line.strip("│▸ ")[2:].replace(" %", "%").split()
        assert (name, optimizer) == (lane.name, lane.optimizer.name)
        known = {
            "train": f"{lane.loss:.6g}",
            "test": f"{lane.test_loss:.6g}",
            "from": "start",
            "α": "0.0123",
        }
        for word, number in zip(head[2:], numbers, strict=False):
            assert number == known.get(word, number)
        assert "…" not in line


def test_rates_that_differ_come_before_optimizers_that_do_not():
    view = Run(50, alpha=(0.001, 0.003)).view
    for columns in (40, 58, 120):
        head = LanesPanel().draw(view, 12, columns).text()[1].strip("│ ").split()
        assert head[:3] == ["lane", "α", "train"]


def test_with_two_losses_the_legend_names_them():
    run = Run(20)
    run.trainer.branch(0, loss="cross-entropy")
    run.trainer.advance(20)
    for columns in (58, 110):
        text = "\n".join(run.lines(20, columns))
        assert "A squared error" in text
        assert "B cross-entropy" in text


@pytest.mark.parametrize("columns", [40, 58])
@pytest.mark.parametrize(
    ("loss", "name", "said"),
    [
        ("mse", "A", {"sse", "mse"}),
        ("cross-entropy", "A", {"squared error", "cross-entropy"}),
        ("cross-entropy", "a name that is long", {"sse", "cross-entropy"}),
    ],
)
def test_losses_that_differ_are_in_the_rows_of_the_lanes(columns, loss, name, said):
    run = Run(20)
    run.trainer.branch(0, loss=loss)
    run.trainer.lanes[0].name = name
    run.trainer.advance(20)
    lines = LanesPanel().draw(run.view, 12, columns).text()
    assert lines[1].split()[1:4] == ["lane", "loss", "train"]
    rows = " ".join(lines[2:4])
    if columns == 40:
        assert all(f" {one} " in rows for one in said)
    names = {"sse": "sse|squared error", "mse": "mse"}
    for lane, line in zip(run.view.snapshot.lanes, lines[2:4], strict=True):
        assert re.search(names.get(lane.loss_name, lane.loss_name), line)
        assert f" {lane.loss:.6g}" in line
    labels = lane_labels(run.view.snapshot.lanes, "loss").values()
    assert len({label.split(" ", 1)[1] for label in labels}) == 2


def test_where_optimizers_and_losses_differ_a_narrow_panel_still_has_the_train_loss():
    run = Run(20)
    run.trainer.branch(0, optimizer="momentum")
    run.trainer.branch(0, loss="cross-entropy")
    run.trainer.advance(20)
    lines = LanesPanel().draw(run.view, 12, 40).text()
    assert lines[1].strip("│").split()[:4] == ["lane", "opt.", "loss", "train"]
    for lane, line in zip(run.view.snapshot.lanes, lines[2:5], strict=True):
        words = line.strip("│▸ ")[2:].split()
        assert words[:4] == [lane.name, lane.optimizer.name, lane.loss_name, f"{lane.loss:#.3g}"]
