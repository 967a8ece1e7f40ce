"""Copies of a run that last: a checkpoint, to go on from, and a delta, what is new since."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer
from tui_gd.training.evaluation import Best
from tui_gd.training.history import Branch, Entry, History, Keyframes, Lane, Method, Reset
from tui_gd.training.spans import KnownPoints

# a checkpoint has up to this many of a run's keyframes, the first and the last among them
KEYFRAMES = 64
_ALIKE = ("number", "name", "parent", "branched_at", "recorded", "diverged", "proposed")
"""What a lane and its record hold in the same form."""


@dataclass(frozen=True)
class LaneRecord:
    """A lane in plain values.

    `rates` are (epoch, learning rate), `methods` (since, optimizer, loss); the other numbers are
    those of `tui_gd.training.history.Lane`. `current` marks the run's selected lane.
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
    def of(cls, lane: Lane, current: int) -> Self:
        """Return the record of a lane; `current` is the number of the run's selected lane."""
        alike = {name: getattr(lane, name) for name in _ALIKE}
        methods = tuple((one.since, one.optimizer.name, one.loss) for one in lane.methods)
        is_current = lane.number == current
        return cls(**alike, rates=tuple(lane.rates), methods=methods, current=is_current)

    def lane(self, make_optimizer: Callable[[str], Optimizer]) -> Lane:
        """Return the lane of this record; `make_optimizer` makes a rule from its name."""
        alike = {name: getattr(self, name) for name in _ALIKE}
        rates = [(int(epoch), float(rate)) for epoch, rate in self.rates]
        methods = [Method(since, make_optimizer(name), loss) for since, name, loss in self.methods]
        return Lane(**alike, rates=rates, methods=methods)


@dataclass(frozen=True, eq=False)
class Keyframe:
    """The state (lanes, 1 + slots, parameters) after `epoch` epochs, of the lanes in `numbers`."""

    epoch: int
    numbers: tuple[int, ...]
    state: Floats

    @classmethod
    def of(cls, epoch: int, lanes: list[Lane], state: Floats) -> Self:
        """Return the keyframe of all lanes at an epoch."""
        return cls(epoch, tuple(lane.number for lane in lanes), state)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Everything that a run needs to go on from `epoch`.

    `keyframes`, each of all lanes, are in order of their epochs; epoch 0 is among them, and one at
    or before `epoch`.
    `series[name][number]` is what is known of epochs 0 … recorded of one lane; the names are those
    of `tui_gd.training.history.SERIES`. `seed` is that of the newest random start; `stopped` and
    `stopped_at` are the trainer's. `best` is what counts of each lane, by its number, where that is
    not `epoch`.
    """

    epoch: int
    newest: int
    lanes: tuple[LaneRecord, ...]
    keyframes: tuple[Keyframe, ...]
    series: Mapping[str, Mapping[int, KnownPoints]]
    entries: tuple[Entry, ...] = ()
    seed: int = 0
    next_number: int = 1
    stopped: str = ""
    stopped_at: float = math.inf
    best: Mapping[int, Best] = field(default_factory=dict)

    @property
    def weights(self) -> dict[int, Floats]:
        """Every lane's weights (parameters,) at `epoch`, by its number."""
        here = [frame for frame in self.keyframes if frame.epoch == self.epoch]
        return {
            number: frame.state[i, 0] for frame in here for i, number in enumerate(frame.numbers)
        }


@dataclass(frozen=True, eq=False)
class LaneDelta:
    """What is new of one lane: what is known of epochs `first` … recorded, by series name."""

    number: int
    first: int
    values: Mapping[str, KnownPoints]


@dataclass(frozen=True, eq=False)
class Delta:
    """What is new of a run since the last delta.

    `keyframe` is that of `epoch`. `restart` is the keyframe of epoch 0 if the run is new or was
    reset: everything saved before is void. Otherwise saved keyframes after epoch `valid_to` are
    void, because a lane took another way from there, and so is any lane that is not in `lanes`.
    `best` is the checkpoint's.
    """

    epoch: int
    newest: int
    lanes: tuple[LaneRecord, ...]
    keyframe: Keyframe
    restart: Keyframe | None
    valid_to: float
    changes: tuple[LaneDelta, ...]
    entries: tuple[Entry, ...]
    next_number: int
    best: Mapping[int, Best] = field(default_factory=dict)


@dataclass
class SavedMark:
    """How much of a run was returned as deltas, so that the next one has only what is new."""

    history: History | None = None
    entries: int = 0
    recorded: dict[int, int] = field(default_factory=dict)

    def delta(self, history: History, epoch: int, state: Floats, current: int) -> Delta:
        """Return a copy of what is new of a run at `epoch`, and move the mark."""
        keyframe, restart = Keyframe.of(epoch, history.lanes, state.copy()), None
        if history is not self.history:
            self.history, self.entries, self.recorded = history, 0, {}
            restart = Keyframe.of(0, history.lanes, history.keyframes.start())
        valid_to, changes = float("inf"), []
        for position, lane in enumerate(history.lanes):
            firsts = {
                name: series.take_unsaved(position, lane.recorded)
                for name, series in history.series.items()
            }
            if lane.number in self.recorded and firsts["train"] <= self.recorded[lane.number]:
                # the first bucket may have been made again, but only a restart changes the start
                valid_to = min(valid_to, max(0, firsts["train"] - 1))
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
            epoch,
            history.newest,
            tuple(LaneRecord.of(lane, current) for lane in history.lanes),
            keyframe,
            restart,
            valid_to,
            tuple(changes),
            entries,
            history.next_number,
        )


def checkpoint_of(
    history: History, epoch: int, state: Floats, current: int, seed: int
) -> Checkpoint:
    """Return a copy of everything that a run at `epoch` needs to go on; see `Checkpoint`."""
    epochs = history.keyframes.spread(min(epoch, history.common), KEYFRAMES)
    frames = {one: history.keyframes.before(one)[1] for one in epochs}
    frames[epoch] = state.copy()
    return Checkpoint(
        epoch,
        history.newest,
        tuple(LaneRecord.of(lane, current) for lane in history.lanes),
        tuple(Keyframe.of(one, history.lanes, frame) for one, frame in sorted(frames.items())),
        {
            name: {
                lane.number: series.known(position, 0, lane.recorded + 1, epoch)
                for position, lane in enumerate(history.lanes)
            }
            for name, series in history.series.items()
        },
        tuple(history.entries),
        seed,
        history.next_number,
    )


def restored_history(
    checkpoint: Checkpoint,
    make_optimizer: Callable[[str], Optimizer],
    parameters: int,
    keep_epochs: int | None,
) -> History:
    """Return the history of a checkpoint's run.

    `ValueError`, in one line, if the checkpoint's weights are not `parameters` numbers.
    """
    lanes = [record.lane(make_optimizer) for record in checkpoint.lanes]
    states = states_of(
        checkpoint, max(method.optimizer.slots for lane in lanes for method in lane.methods)
    )
    if 0 not in states or states[0].shape[2] != parameters:
        raise ValueError("the saved weights do not fit this model")
    common = min(lane.recorded for lane in lanes)
    origin = max(epoch for epoch in states if epoch <= min(checkpoint.epoch, common))
    earlier = {epoch: state for epoch, state in states.items() if epoch < origin}
    keyframes = Keyframes(states[origin], origin=origin, earlier=earlier)
    history = History(states[origin], lanes, keyframes, keep_epochs)
    for name, series in history.series.items():
        if known := checkpoint.series.get(name):
            series.restore([known[lane.number] for lane in lanes])
    history.entries, history.next_number = list(checkpoint.entries), checkpoint.next_number
    return history


def states_of(checkpoint: Checkpoint, slots: int) -> dict[int, Floats]:
    """Return the states (lanes, 1 + slots, parameters) of the keyframes, by epoch."""
    states = {}
    for frame in checkpoint.keyframes:
        own = frame.state[[frame.numbers.index(lane.number) for lane in checkpoint.lanes]]
        lanes, width, parameters = own.shape
        state = np.zeros((lanes, 1 + slots, parameters), own.dtype)
        state[:, : min(width, 1 + slots)] = own[:, : 1 + slots]
        states[frame.epoch] = state
    return states


def of_all_lanes(
    frames: Sequence[Keyframe], lanes: Sequence[LaneRecord], entries: Sequence[Entry]
) -> Iterator[Keyframe]:
    """Yield the keyframes that have, or inherit, a row for every lane.

    Before its branch a lane has the row of its ancestor, which may be closed by now.
    """
    born: dict[int, tuple[int, int]] = {}
    for entry in entries:
        if isinstance(entry, Reset):
            born = {}  # a reset restarts every lane at epoch 0
        elif isinstance(entry, Branch):
            born[entry.lane] = (entry.parent, entry.epoch)
    numbers = tuple(lane.number for lane in lanes)
    for frame in frames:
        rows = [_row_of(number, frame, born) for number in numbers]
        whole = [row for row in rows if row is not None]
        if len(whole) == len(rows):
            yield Keyframe(frame.epoch, numbers, np.ascontiguousarray(frame.state[whole]))


def _row_of(number: int, frame: Keyframe, born: dict[int, tuple[int, int]]) -> int | None:
    while number not in frame.numbers:
        if number not in born or born[number][1] < frame.epoch or born[number][0] >= number:
            return None
        number = born[number][0]
    return frame.numbers.index(number)
