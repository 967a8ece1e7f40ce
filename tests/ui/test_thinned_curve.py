"""The loss panel of a run of which early epochs are thinned: what a person reads there."""

import numpy as np
import pytest

from tests.ui.test_loss_panel import Run
from tui_gd.training import series as series_module
from tui_gd.training import spans as points_module
from tui_gd.ui.panels.loss import LossPanel, Window

EPOCHS = 40_000


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run at epoch 40,000 whose record is whole from about epoch 36,000 on."""
    monkeypatch.setattr(points_module, "FINENESS", 64)
    monkeypatch.setattr(series_module, "DENSE_EPOCHS", 2048)
    made = Run(epochs=0, alpha=(0.001,))
    made.trainer = made.settings.make_trainer(made.problem, bounded=True)
    made.observer._trainer = made.trainer
    made.trainer.record_norms()
    made.advance(EPOCHS)
    assert 30_000 < made.trainer.history.train_loss.dense_from < EPOCHS - 2000
    return made


def columns_with_dots(run: Run) -> list[bool]:
    """Which columns within the frame have a dot of the curve in them."""
    lines = run.lines(rows=24, columns=100)
    frame = max(i for i, sign in enumerate(lines[2][:20]) if sign in "│┤┼|")
    inside = [line[frame + 1 : 98] for line in lines[1:-3]]
    return [
        any(0x2800 < ord(line[i]) < 0x2900 for line in inside if i < len(line))
        for i in range(len(inside[0]) - 2)
    ]


@pytest.mark.parametrize("window", [None, (20_000, 20_400), (35_000, 39_000)])
def test_the_curve_has_no_hole(run: Run, window: tuple[int, int] | None) -> None:
    if window:
        run.panel._choose(Window(*window), run.view)
    run.lines(rows=24, columns=100)
    dots = columns_with_dots(run)
    drawn = np.flatnonzero(dots)
    assert len(drawn) > 80
    assert np.diff(drawn).max() == 1


def test_the_cursor_says_where_nothing_is_on_record_and_is_exact_after_going_there(
    run: Run,
) -> None:
    panel: LossPanel = run.panel
    run.lines()
    panel.begin_cursor(run.view)
    panel._cursor = 20_001
    run.observer.look = panel.wanted_look(run.view)
    reading = run.view.snapshot.lane.reading
    assert reading is not None
    assert np.isnan(reading.train)
    run.trainer.go_to(20_003)
    reading = run.view.snapshot.lane.reading
    assert reading is not None
    whole = run.settings.make_trainer(run.problem)
    whole.advance(20_003)
    assert reading.train == whole.losses()[20_001]
    assert reading.test == whole.test_losses()[20_001]
    # the verdict has the numbers before that epoch, too
    recent = run.view.snapshot.recent
    assert recent.train[-2:].tolist() == whole.losses()[-2:].tolist()


def test_the_numbers_are_of_epochs_on_record_alone(run: Run) -> None:
    run.panel._choose(Window(20_000, 20_800), run.view)
    run.lines()
    lines = run.panel.numbers(run.view)
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("epoch lane train")) :]
    whole = run.settings.make_trainer(run.problem)
    whole.advance(20_801)
    rows = [line.split() for line in table[1:]]
    assert 4 < len(rows) < 100
    for epoch, _, train, test in rows:
        assert float(train) == whole.losses()[int(epoch)]
        assert test in {"-", repr(float(whole.test_losses()[int(epoch)]))}
