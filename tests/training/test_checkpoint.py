"""A run restored from a checkpoint, or from its deltas, goes on with the same bits."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.making import Floats, every, make_problem
from tests.training.test_history import COMMANDS, RATES, carry_out, check
from tests.twin import ROWS, Twin
from tui_gd.training.checkpoint import Checkpoint, Delta, Keyframe, of_all_lanes
from tui_gd.training.spans import KnownPoints
from tui_gd.training.trainer import Trainer


class Ledger:
    """Collects the deltas of a run, as a store does, naively."""

    def __init__(self) -> None:
        self.frames: list[Keyframe] = []
        self.series: dict[str, dict[int, KnownPoints]] = {}
        self.entries: list[object] = []
        self.last: Delta | None = None

    def take(self, delta: Delta) -> None:
        if delta.restart:
            self.frames, self.series, self.entries = [delta.restart], {}, []
        self.frames = [frame for frame in self.frames if frame.epoch <= delta.valid_to]
        self.frames = [frame for frame in self.frames if frame.epoch != delta.epoch]
        self.frames.append(delta.keyframe)
        for change in delta.changes:
            for name, values in change.values.items():
                of_name = self.series.setdefault(name, {})
                before = of_name.get(change.number, KnownPoints.of(np.empty(0))).between(
                    0, change.first
                )
                of_name[change.number] = KnownPoints.of(np.concatenate([before, every(values)]))
        self.entries += delta.entries
        self.last = delta

    def checkpoint(self) -> Checkpoint:
        assert self.last
        frames = sorted(self.frames, key=lambda frame: frame.epoch)
        frames = of_all_lanes(frames, self.last.lanes, self.entries)
        return Checkpoint(
            self.last.epoch,
            self.last.newest,
            self.last.lanes,
            tuple(frames),
            self.series,
            tuple(self.entries),  # type: ignore[arg-type]
            0,
            self.last.next_number,
        )


def fresh(start: Floats) -> Trainer:
    return Trainer(make_problem(ROWS), initial_weights=start)


def same(one: Checkpoint, other: Checkpoint) -> None:
    assert (one.epoch, one.newest, one.lanes) == (other.epoch, other.newest, other.lanes)
    assert (one.entries, one.next_number) == (other.entries, other.next_number)
    for name, lanes in one.series.items():
        for lane in one.lanes:
            mine, theirs = lanes[lane.number], other.series[name][lane.number]
            assert every(mine).tobytes() == theirs.between(0, lane.recorded + 1).tobytes(), name


@given(
    lanes=st.lists(st.sampled_from(RATES), min_size=1, max_size=2),
    before=st.lists(st.tuples(COMMANDS, st.booleans()), min_size=1, max_size=14),
    after=st.lists(COMMANDS, min_size=1, max_size=8),
)
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
def test_after_any_commands_a_restored_run_goes_on_as_if_never_stopped(
    lanes: list[float], before: list[tuple], after: list[tuple]
) -> None:
    start = np.random.default_rng(5).standard_normal(3)
    trainer = Trainer(make_problem(ROWS), learning_rates=lanes, initial_weights=start)
    twin, ledger = Twin(start, lanes), Ledger()
    trainer.record_norms()
    for command, saved in before:
        carry_out(command, trainer, twin)
        if saved:
            ledger.take(trainer.delta())
    ledger.take(trainer.delta())
    direct, collected = trainer.checkpoint(), ledger.checkpoint()
    same(direct, collected)
    for checkpoint in (direct, collected):
        again = fresh(start)
        again.record_norms()
        again.restore(checkpoint)
        again.finish_tests()
        check(again, twin)
        same(again.checkpoint(), direct)
        going_on = twin.copy()
        # a checkpoint does not hold the run before a reset
        going_on.replaced = going_on.checkpoint = None
        for command in after:
            carry_out(command, again, going_on)
            check(again, going_on)


def test_a_delta_has_only_what_is_new() -> None:
    trainer = fresh(np.array([0.5, -0.25, 0.125]))
    first = trainer.delta()
    assert first.restart
    assert first.restart.epoch == 0
    trainer.advance(1000)
    trainer.delta()
    trainer.advance(7)
    delta = trainer.delta()
    assert delta.restart is None
    assert delta.valid_to == np.inf
    (change,) = delta.changes
    assert change.first == 1001
    assert every(change.values["train"]).tobytes() == trainer.losses()[1001:].tobytes()
    trainer.back(500)
    assert trainer.delta().changes == ()
    trainer.advance(100)  # recorded: the same numbers again are not new
    assert trainer.delta().changes == ()
    trainer.set_learning_rate(0.5)
    trainer.advance(1)
    delta = trainer.delta()
    assert delta.valid_to == 607
    assert [(one.first, len(every(one.values["train"]))) for one in delta.changes] == [(608, 1)]
    assert len(delta.entries) == 1


def test_weights_of_another_model_are_a_one_line_error() -> None:
    checkpoint = fresh(np.zeros(3)).checkpoint()
    other = Trainer(make_problem(ROWS, 4))
    with pytest.raises(ValueError, match=r"^the saved weights do not fit this model$"):
        other.restore(checkpoint)


def test_a_restored_run_goes_back_to_early_epochs_with_the_same_bits() -> None:
    trainer = fresh(np.array([0.5, -0.25, 0.125]))
    trainer.advance(5000)
    again = fresh(np.zeros(3))
    again.restore(trainer.checkpoint())
    again.advance(3000)
    trainer.advance(3000)
    for epoch in (8000, 4999, 17, 0, 2500, 8000, 5001):
        trainer.go_to(epoch)
        again.go_to(epoch)
        assert again.weights.tobytes() == trainer.weights.tobytes()
        assert again.loss.tobytes() == trainer.loss.tobytes()
    assert again.losses().tobytes() == trainer.losses().tobytes()
