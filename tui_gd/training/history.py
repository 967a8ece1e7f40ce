"""History: a run's lanes, what every epoch left behind, and the changes that were made.

Keyframes hold the state of all lanes at some epochs, in bounded memory. At first every epoch is a
keyframe; when the budget is used up, every second one, then every fourth, and so on. The epochs
between two keyframes are computed again from the one before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer
from tui_gd.training.evaluation import Evaluation
from tui_gd.training.series import Series

# Keyframes

KEYFRAME_BYTES = 64 << 20


class Keyframes:
    """The state of all lanes every `stride` epochs, in no more than `budget` bytes.

    A state is (lanes, 1 + slots, parameters); slot 0 holds the weights. Epoch 0 is always kept.

    In a restored run, regular keyframes begin at `origin`; `earlier` has the few from before, by
    epoch, epoch 0 among them.
    """

    def __init__(
        self,
        start: Floats,
        budget: int = KEYFRAME_BYTES,
        *,
        origin: int = 0,
        earlier: Mapping[int, Floats] | None = None,
    ) -> None:
        self.stride = 1
        self.origin = origin
        self._earlier = dict(earlier or {})
        self.budget = budget
        self._frames = start[None].copy()
        self._stop = 1

    @property
    def nbytes(self) -> int:
        """Bytes reserved for keyframes."""
        return int(self._frames.nbytes)

    @property
    def _limit(self) -> int:
        return max(2, self.budget // max(1, int(self._frames[0].nbytes)))

    def write(self, first: int, states: Floats) -> None:
        """Keep the states (epochs, lanes, 1 + slots, parameters) that fall on the stride."""
        for epoch in self._earlier:
            if first <= epoch < first + len(states):
                self._earlier[epoch] = states[epoch - first].copy()
        if first < self.origin:
            first, states = self.origin, states[self.origin - first :]
        first -= self.origin
        stop = first + len(states)
        while (stop - 1) // self.stride >= self._limit:
            self._thin()
        begin = -(-first // self.stride)
        end = (stop - 1) // self.stride + 1
        if end <= begin:
            return
        if end > len(self._frames):
            self._resize(min(self._limit, max(end, 2 * len(self._frames))))
        self._frames[begin:end] = states[begin * self.stride - first :: self.stride]
        self._stop = max(self._stop, end)

    def before(self, epoch: int) -> tuple[int, Floats]:
        """Return epoch and state, a copy, of the last keyframe at or before `epoch`."""
        if epoch < self.origin:
            last = max(known for known in self._earlier if known <= epoch)
            return last, self._earlier[last].copy()
        i = min((epoch - self.origin) // self.stride, self._stop - 1)
        return self.origin + i * self.stride, self._frames[i].copy()

    def start(self) -> Floats:
        """Return a copy of the state at epoch 0."""
        start: Floats = self._earlier.get(0, self._frames[0]).copy()
        return start

    def spread(self, last: int, most: int) -> list[int]:
        """Return up to `most` evenly spread keyframe epochs up to `last`, both ends included."""
        known, count = self._known(last)
        which = np.linspace(0, count - 1, min(count, most)).astype(np.intp)
        return [int(epoch) for epoch in self._epochs(known, which)]

    def _known(self, last: int) -> tuple[list[int], int]:
        """Return the epochs of earlier keyframes up to `last`, and the number of all keyframes."""
        known = sorted(epoch for epoch in self._earlier if epoch <= last)
        strided = max(0, min((last - self.origin) // self.stride, self._stop - 1) + 1)
        return known, len(known) + strided

    def _epochs(self, known: list[int], which: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the epochs of the keyframes number `which`; the `known` earlier ones come first.

        Not of all keyframes: after a day of training there are millions.
        """
        epochs = self.origin + self.stride * (which - len(known))
        early = which < len(known)
        epochs[early] = np.array(known, np.intp)[which[early]]
        return epochs

    def path(self, last: int, most: int) -> tuple[NDArray[np.intp], Floats]:
        """Return up to `most` + 1 epochs of keyframes up to `last`, and the weights there.

        The weights are (epochs, lanes, parameters).
        """
        known, count = self._known(last)
        epochs = self._epochs(known, np.arange(0, count, -(-count // most)))
        early = [self._earlier[int(epoch)][None, :, 0] for epoch in epochs if epoch < self.origin]
        late = (epochs[len(early) :] - self.origin) // self.stride
        return epochs, np.concatenate([*early, self._frames[late, :, 0]])

    def widen(self, slots: int) -> None:
        """Make room for that many slots of an optimizer beside the weights."""
        width = self._frames.shape[2]
        if width < 1 + slots:
            self._thin_to(self.budget * width // (1 + slots))
            room = ((0, 0), (0, 0), (0, 1 + slots - width), (0, 0))
            self._each(lambda states: np.pad(states, room))

    def close_lane(self, position: int) -> None:
        """Drop a lane's states."""
        self._each(lambda states: np.delete(states, position, axis=1))

    def copy_lane(self, lane: int) -> None:
        """Add a lane with the states of the one at position `lane`."""
        lanes = self._frames.shape[1]
        self._thin_to(self.budget * lanes // (lanes + 1))
        self._each(lambda states: np.concatenate([states, states[:, lane : lane + 1]], axis=1))

    def _each(self, change: Callable[[Floats], Floats]) -> None:
        """Apply `change` to all states (epochs, lanes, 1 + slots, parameters)."""
        self._frames = change(self._frames)
        self._earlier = {epoch: change(one[None])[0] for epoch, one in self._earlier.items()}

    def _thin_to(self, most: int) -> None:
        """Thin the keyframes until they have at most `most` bytes, or there are only two."""
        while self._frames.nbytes > most and self._stop > 2:
            self._thin()
            self._resize(self._stop)

    def _thin(self) -> None:
        kept = self._frames[: self._stop : 2]
        self._frames[: len(kept)] = kept
        self._stop = len(kept)
        self.stride *= 2

    def _resize(self, length: int) -> None:
        grown = np.empty((length, *self._frames.shape[1:]), self._frames.dtype)
        grown[: self._stop] = self._frames[: self._stop]
        self._frames = grown


# Lanes and changes

SERIES = ("train", "test", "norm", "cosine", "validation")
"""The numbers that are recorded for every epoch."""
# a visit to a thinned epoch also recomputes up to this many epochs before it
RECENT_EPOCHS = 512


@dataclass(frozen=True, slots=True)
class SetLearningRate:
    """From `epoch` on, lane number `lane` descends with `learning_rate`."""

    epoch: int
    lane: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Branch:
    """At `epoch`, lane number `parent` was copied into lane number `lane`.

    From there on the new lane has the optimizer and the loss that are named, if any.
    """

    epoch: int
    parent: int
    lane: int
    optimizer: str | None = None
    loss: str | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """At `epoch`, lane number `lane` was dropped."""

    epoch: int
    lane: int


@dataclass(frozen=True, slots=True)
class Reset:
    """At `epoch`, all lanes went back to epoch 0: to the same start, or to the start of `seed`.

    If `weights` are given, lane number `lane` went there instead.
    """

    epoch: int
    seed: int | None
    lane: int | None = None
    weights: tuple[float, ...] | None = None


Entry = SetLearningRate | Branch | Close | Reset


@dataclass(frozen=True, slots=True)
class Method:
    """How a lane descends from epoch `since` on: by `optimizer`, on the loss named `loss`."""

    since: int
    optimizer: Optimizer
    loss: str


@dataclass(slots=True)
class Lane:
    """One line of descent: its origin, methods and learning rates.

    `number` is unique within a run; `parent` is the number of the lane it branched from. `methods`
    and `rates`, (epoch, learning rate), are in order of their first epochs; the first one's epoch
    is 0 and each holds until the next. `recorded` is the last recorded epoch; `diverged` is the
    epoch whose update would have made a weight or the loss infinite or not a number. `proposed` is
    an (epoch, learning rate) set at an epoch that has later ones on record: these are replaced only
    when the run goes on from there.
    """

    number: int
    name: str
    rates: list[tuple[int, float]]
    methods: list[Method]
    parent: int | None = None
    branched_at: int = 0
    recorded: int = 0
    diverged: int | None = None
    proposed: tuple[int, float] | None = None

    def rate_at(self, epoch: int) -> float:
        """Return the learning rate of the update from `epoch` to the next."""
        return next(rate for start, rate in reversed(self.rates) if start <= epoch)

    def shown_rate(self, epoch: int) -> float:
        """Return the learning rate that the next update from `epoch` would have."""
        if self.proposed and self.proposed[0] == epoch:
            return self.proposed[1]
        return self.rate_at(epoch)

    def method_at(self, epoch: int) -> Method:
        """Return the method of the update from `epoch` to the next."""
        return next(method for method in reversed(self.methods) if method.since <= epoch)

    def loss_since(self, epoch: int) -> int:
        """Return the epoch from which on the lane has had the loss that it has at `epoch`."""
        methods = [method for method in reversed(self.methods) if method.since <= epoch]
        alike = takewhile(lambda method: method.loss == methods[0].loss, methods)
        return min(method.since for method in alike)

    def next_change(self, epoch: int) -> float:
        """Return the first epoch after `epoch` at which rate or method changes, or infinity."""
        starts = [start for start, _ in self.rates] + [method.since for method in self.methods]
        return min((start for start in starts if start > epoch), default=float("inf"))

    def set_rate(self, epoch: int, rate: float) -> None:
        """Let the lane descend with `rate` from `epoch` on, replacing later changes."""
        self.rates = [(start, old) for start, old in self.rates if start < epoch]
        if not self.rates or self.rates[-1][1] != rate:
            self.rates.append((epoch, rate))

    def restarted(self, epoch: int, rate: float) -> "Lane":
        """Return the lane at epoch 0, with `rate` and the method in force at `epoch`."""
        method = replace(self.method_at(epoch), since=0)
        return Lane(self.number, self.name, [(0, rate)], [method])


def rates_at(rates: Sequence[tuple[int, float]], epochs: NDArray[np.intp]) -> Floats:
    """Return which of a lane's `rates`, (since, rate), hold at `epochs` (epochs,)."""
    starts, values = map(np.array, zip(*rates, strict=True))
    found: Floats = values[np.searchsorted(starts, epochs, side="right") - 1]
    return found


def lane_name(number: int) -> str:
    """Return the default name of the lane with that number: A, B, …, Z, AA, AB, …."""
    name, number = "", number + 1
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def first_lanes(
    rates: Sequence[float],
    optimizer: str | Sequence[str],
    loss: str,
    make_optimizer: Callable[[str], Optimizer],
) -> list[Lane]:
    """Return a lane for each learning rate; `optimizer` is one name for all lanes, or one each.

    `ValueError` if the number of names does not match.
    """
    names = [optimizer] * len(rates) if isinstance(optimizer, str) else list(optimizer)
    if len(names) != len(rates):
        raise ValueError(
            f"{len(names)} optimizers for {len(rates)} learning rates: name one, or each"
        )
    rules = {name: make_optimizer(name) for name in names}
    return [
        Lane(number, lane_name(number), [(0, float(rate))], [Method(0, rules[name], loss)])
        for number, (rate, name) in enumerate(zip(rates, names, strict=True))
    ]


class History:
    """All of a run's epochs: lanes, numbers, keyframes, and the changes made to the lanes.

    A lane's position is its index in `lanes`; it changes when an earlier lane is closed. With
    `keep_epochs`, that many of the newest epochs keep all their numbers, older ones a selection:
    see `Series`. `series` has the numbers by the names in `SERIES`. `evaluation` holds the weights
    whose test losses are still to be computed, `validation` those whose validation losses are. The
    next new lane has the number `next_number`: none is used twice, even after a reset.
    """

    def __init__(
        self,
        start: Floats,
        lanes: list[Lane],
        keyframes: Keyframes | None = None,
        keep_epochs: int | None = None,
    ) -> None:
        self.lanes = lanes
        self.series = {name: Series(len(lanes), keep_epochs) for name in SERIES}
        self.train_loss, self.test_loss = self.series["train"], self.series["test"]
        self.norms, self.cosines = self.series["norm"], self.series["cosine"]
        self.validation_loss = self.series["validation"]
        self.evaluation = Evaluation(self.test_loss)
        self.validation = Evaluation(self.validation_loss)
        self.keyframes = keyframes or Keyframes(start)
        self.entries: list[Entry] = []
        self.next_number = 1 + max(lane.number for lane in lanes)

    @property
    def newest(self) -> int:
        """The last epoch that any lane has on record."""
        return max(lane.recorded for lane in self.lanes)

    @property
    def common(self) -> int:
        """The last epoch that all lanes have on record."""
        return min(lane.recorded for lane in self.lanes)

    def keyframe_before(self, epoch: int) -> tuple[int, Floats]:
        """Return epoch and state of the last keyframe of all lanes at or before `epoch`."""
        return self.keyframes.before(min(epoch, self.common))

    def replay_start(self, epoch: int) -> int:
        """Return the first epoch to compute again when going to `epoch`.

        Where the record is thinned, that is some epochs earlier, so that the way to `epoch` can be
        shown: up to twice the distance of two keyframes, which takes up to three times as long.
        """
        if epoch >= self.train_loss.dense_from:
            return epoch
        return max(0, epoch - min(RECENT_EPOCHS, 2 * self.keyframes.stride))

    # Writing

    def write(
        self, first: int, states: Floats, train: Floats, norms: tuple[Floats, Floats] | None
    ) -> None:
        """Record epochs `first` and after: states and training losses, (epochs, lanes, …).

        `norms`, if they were computed: norms and cosines of the directions, shaped as the losses.
        """
        last = first + len(states) - 1
        given = (train, *(norms or ()))
        for position, lane in enumerate(self.lanes):
            if lane.diverged is not None and lane.diverged < last:
                for values in given:
                    values[max(0, lane.diverged + 1 - first) :, position] = np.nan
            lane.recorded = max(lane.recorded, last)
        self.train_loss.write(first, train)
        if norms:
            self.norms.write(first, norms[0])
            self.cosines.write(first, norms[1])
        self.keyframes.write(first, states)

    def queue(
        self, queue: Evaluation, first: int, weights: Floats, finite: NDArray[np.bool_]
    ) -> None:
        """Queue weights (epochs, lanes, parameters) of epochs `first` and after for evaluation.

        The methods may change at the last of these epochs, not before: it is evaluated separately.
        """
        last = first + len(weights) - 1
        before = [lane.method_at(first).loss for lane in self.lanes]
        after = [lane.method_at(last).loss for lane in self.lanes]
        if before == after:
            queue.add(first, weights, finite, before)
        else:
            queue.add(first, weights[:-1], finite[:-1], before)
            queue.add(last, weights[-1:], finite[-1:], after)

    # Lanes

    def set_rate(self, lane: int, epoch: int, rate: float) -> None:
        """Let a lane descend with `rate` from `epoch` on; what it has after `epoch` is dropped."""
        self.lanes[lane].set_rate(epoch, rate)
        self.entries.append(SetLearningRate(epoch, self.lanes[lane].number, rate))
        self.forget(lane, epoch)

    def change_method(self, lane: int, method: Method, loss: float, norm: float | None) -> None:
        """Let a lane descend by `method` from `method.since` on, its last recorded epoch.

        `loss` and `norm` are the numbers of that epoch by the new method.
        """
        one, epoch = self.lanes[lane], method.since
        loss_changed = one.method_at(epoch).loss != method.loss
        one.methods = [*(old for old in one.methods if old.since < epoch), method]
        self.keyframes.widen(method.optimizer.slots)
        for series in self.series.values():
            series.forget(lane, epoch - 1)
        for queue in (self.evaluation, self.validation):
            queue.forget(lane, epoch - 1)
            if loss_changed:
                queue.best[lane] = None
        self.train_loss.write_lane(lane, epoch, np.array([loss]))
        if norm is not None:
            self.norms.write_lane(lane, epoch, np.array([norm]))

    def forget(self, lane: int, after: int) -> None:
        """Drop what the lane at a position has after epoch `after`."""
        one = self.lanes[lane]
        if one.diverged is not None and one.diverged >= after:
            one.diverged = None
        if one.recorded > after:
            one.recorded = after
            for series in self.series.values():
                series.forget(lane, after)
        for queue in (self.evaluation, self.validation):
            queue.forget(lane, after)

    def branch(self, parent: int, epoch: int) -> Lane:
        """Copy the lane at position `parent` up to `epoch` into a new lane, the last one."""
        old, number = self.lanes[parent], self.next_number
        rates = [rate for rate in old.rates if rate[0] <= epoch]
        methods = [method for method in old.methods if method.since <= epoch]
        diverged = old.diverged if old.diverged is not None and old.diverged < epoch else None
        name = lane_name(number)
        new = Lane(number, name, rates, methods, old.number, epoch, epoch, diverged)
        self.next_number += 1
        self.lanes.append(new)
        for series in self.series.values():
            series.copy_lane(parent, epoch)
        self.keyframes.copy_lane(parent)
        for queue in (self.evaluation, self.validation):
            queue.branch(parent, len(self.lanes) - 1, epoch)
        return new

    def close(self, position: int, epoch: int) -> None:
        """Drop a lane; later positions move up by one."""
        lane = self.lanes.pop(position)
        for series in self.series.values():
            series.close_lane(position)
        self.keyframes.close_lane(position)
        for queue in (self.evaluation, self.validation):
            queue.close(position)
        self.entries.append(Close(epoch, lane.number))
