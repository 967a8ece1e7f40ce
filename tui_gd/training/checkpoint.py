"""Where a run stands, as copies that last: all of it to go on from, or what is new since."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer
from tui_gd.training.history import Entry, History, Lane, Method
from tui_gd.training.keyframes import Keyframes
from tui_gd.training.run import Run
from tui_gd.training.spans import KnownPoints

# of the keyframes of a run so many are given, the first and the last among them
KEYFRAMES = 64
SERIES = ("train", "test", "norm", "cosine")


@dataclass(frozen=True)
class LaneRecord:
    """A lane in plain values.

    `rates` are (epoch, learning rate), `methods` (since, optimizer, loss); the other numbers mean
    what they mean in `tui_gd.training.history.Lane`. `current`: it is the run's current lane.
    """

    number: int
    name: str
    parent: int | None
    branched_at: int
    recorded: int
    diverged: int | None
    rates: tuple[tuple[int, float], ...]
    methods: tuple[tuple[int, str, str], ...]
    proposed: tuple[int, float] | None = None
    current: bool = False

    @classmethod
    def of(cls, lane: Lane, current: int) -> "LaneRecord":
        """Return the record of a lane of a run whose current lane has the number `current`."""
        methods = tuple((one.since, one.optimizer.name, one.loss) for one in lane.methods)
        return cls(
            lane.number,
            lane.name,
            lane.parent,
            lane.branched_at,
            lane.recorded,
            lane.diverged,
            tuple(lane.rates),
            methods,
            lane.proposed,
            lane.number == current,
        )

    def lane(self, optimizer: Callable[[str], Optimizer]) -> Lane:
        """Return the lane again; `optimizer` makes a rule from its name."""
        return Lane(
            self.number,
            self.name,
            [(int(epoch), float(rate)) for epoch, rate in self.rates],
            [Method(since, optimizer(name), loss) for since, name, loss in self.methods],
            self.parent,
            self.branched_at,
            self.recorded,
            self.diverged,
            self.proposed,
        )


@dataclass(frozen=True, eq=False)
class Keyframe:
    """The state (lanes, 1 + slots, parameters) after `epoch` epochs of the lanes of `numbers`."""

    epoch: int
    numbers: tuple[int, ...]
    state: Floats


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a run needs to go on from where it is.

    `keyframes` are in order of their epochs; that of epoch 0 is among them, and one at or before
    `epoch`. `series[name][number]` is what is known of epochs 0 … recorded of one lane: `train`,
    `test`, `norm`, `cosine`. `seed` is the one of the newest random start.
    """

    epoch: int
    newest: int
    lanes: tuple[LaneRecord, ...]
    keyframes: tuple[Keyframe, ...]
    series: Mapping[str, Mapping[int, KnownPoints]]
    entries: tuple[Entry, ...] = ()
    seed: int = 0
    next_number: int = 1

    @property
    def weights(self) -> dict[int, Floats]:
        """Every lane's weights (parameters,) at `epoch`, by its number."""
        here = [frame for frame in self.keyframes if frame.epoch == self.epoch]
        return {
            number: frame.state[i, 0] for frame in here for i, number in enumerate(frame.numbers)
        }


@dataclass(frozen=True, eq=False)
class LaneDelta:
    """What is new of one lane: what is known of epochs `first` … recorded, by the series' names."""

    number: int
    first: int
    values: Mapping[str, KnownPoints]


@dataclass(frozen=True, eq=False)
class Delta:
    """What is new of a run since it was asked before.

    `keyframe` is that of `epoch`. `begun` is the keyframe of epoch 0 of a run that began, or began
    again: nothing told before holds any more. Else keyframes told of epochs after `kept` no longer
    hold, for a lane went another way from there; and of a lane that is not among `lanes` nothing
    holds.
    """

    epoch: int
    newest: int
    lanes: tuple[LaneRecord, ...]
    keyframe: Keyframe
    begun: Keyframe | None
    kept: float
    changes: tuple[LaneDelta, ...]
    entries: tuple[Entry, ...]
    next_number: int


@dataclass
class SavedMark:
    """What was told of a run, so that `Delta` are new."""

    history: History | None = None
    entries: int = 0
    recorded: dict[int, int] = field(default_factory=dict)

    def delta(self, run: Run) -> Delta:
        """Return what is new of a run, copied, and take note of it."""
        history, keyframe, begun = run.history, _keyframe(run, run.epoch, run.state.copy()), None
        if history is not self.history:
            self.history, self.entries, self.recorded = history, 0, {}
            begun = Keyframe(0, keyframe.numbers, history.keyframes.start())
        kept, changes = float("inf"), []
        for position, lane in enumerate(history.lanes):
            firsts = {
                name: series.delta(position, lane.recorded)
                for name, series in history.series.items()
            }
            if lane.number in self.recorded and firsts["train"] <= self.recorded[lane.number]:
                kept = min(kept, firsts["train"] - 1)
            first = min(firsts.values())
            if first <= lane.recorded or self.recorded.get(lane.number) != lane.recorded:
                values = {
                    name: series.known(position, first, lane.recorded + 1)
                    for name, series in history.series.items()
                }
                changes.append(LaneDelta(lane.number, first, values))
            self.recorded[lane.number] = lane.recorded
        entries = tuple(history.entries[self.entries :])
        self.entries = len(history.entries)
        return Delta(
            run.epoch,
            history.newest,
            tuple(LaneRecord.of(lane, run.current) for lane in history.lanes),
            keyframe,
            begun,
            kept,
            tuple(changes),
            entries,
            run.next_number,
        )


def checkpoint_of(run: Run, seed: int) -> Checkpoint:
    """Return all that a run needs to go on from where it is, copied."""
    history = run.history
    epochs = history.keyframes.spread(min(run.epoch, history.common), KEYFRAMES)
    frames = {epoch: history.keyframes.before(epoch)[1] for epoch in epochs}
    frames[run.epoch] = run.state.copy()
    return Checkpoint(
        run.epoch,
        history.newest,
        tuple(LaneRecord.of(lane, run.current) for lane in run.lanes),
        tuple(_keyframe(run, epoch, state) for epoch, state in sorted(frames.items())),
        {
            name: {
                lane.number: series.known(position, 0, lane.recorded + 1, run.epoch)
                for position, lane in enumerate(run.lanes)
            }
            for name, series in history.series.items()
        },
        tuple(history.entries),
        seed,
        run.next_number,
    )


def _keyframe(run: Run, epoch: int, state: Floats) -> Keyframe:
    return Keyframe(epoch, tuple(lane.number for lane in run.lanes), state)


def restore(run: Run, checkpoint: Checkpoint) -> None:
    """Let a run of the same settings be at the last keyframe up to where another one stood.

    From there it goes forward with the same bits. `ValueError`, in one line, if it cannot be of
    these settings.
    """
    lanes = [record.lane(run.make_optimizer) for record in checkpoint.lanes]
    slots = max(method.optimizer.slots for lane in lanes for method in lane.methods)
    states = states_of(checkpoint, slots)
    if 0 not in states or states[0].shape[2] != run.state.shape[2]:
        raise ValueError("the kept weights are not those of this model")
    history = _restored_history(checkpoint, lanes, states, run.keep_epochs)
    run.current = next((one.number for one in checkpoint.lanes if one.current), lanes[0].number)
    run.take_up(history, checkpoint.epoch, checkpoint.next_number)


def states_of(checkpoint: Checkpoint, slots: int) -> dict[int, Floats]:
    """Return the states (lanes, 1 + slots, parameters) at the keyframes that hold all lanes.

    A lane that is not in one has there what its parent has, up to the epoch at which it branched.
    """
    states = {}
    for frame in checkpoint.keyframes:
        rows = [_row(lane, frame, checkpoint.lanes) for lane in checkpoint.lanes]
        if all(row is not None for row in rows):
            own = np.stack([frame.state[row] for row in rows if row is not None])
            lanes, width, parameters = own.shape
            state = np.zeros((lanes, 1 + slots, parameters), own.dtype)
            state[:, : min(width, 1 + slots)] = own[:, : 1 + slots]
            states[frame.epoch] = state
    return states


def _row(lane: LaneRecord, frame: Keyframe, lanes: tuple[LaneRecord, ...]) -> int | None:
    """Return which row of a keyframe is a lane's, None if it has none."""
    if lane.number in frame.numbers:
        return frame.numbers.index(lane.number)
    if lane.parent is None or frame.epoch > lane.branched_at:
        return None
    if lane.parent in frame.numbers:
        return frame.numbers.index(lane.parent)
    parents = [one for one in lanes if one.number == lane.parent]
    return _row(parents[0], frame, lanes) if parents else None


def _restored_history(
    checkpoint: Checkpoint, lanes: list[Lane], states: dict[int, Floats], keep_epochs: int | None
) -> History:
    """Return the history of a run that is taken up again, from its keyframes' states."""
    common = min(lane.recorded for lane in lanes)
    origin = max(epoch for epoch in states if epoch <= min(checkpoint.epoch, common))
    earlier = {epoch: state for epoch, state in states.items() if epoch < origin}
    keyframes = Keyframes(states[origin], origin=origin, earlier=earlier)
    history = History(states[origin], lanes, keyframes, keep_epochs)
    for name, series in history.series.items():
        if known := checkpoint.series.get(name):
            series.restore([known[lane.number] for lane in lanes])
    history.entries = list(checkpoint.entries)
    return history
