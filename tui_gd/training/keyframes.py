"""Keyframes: the state of all lanes at some epochs, in bounded memory.

At first every epoch is a keyframe; when the budget is used up, every second one, then every fourth,
and so on. The epochs between two keyframes are computed again from the one before.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats

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
