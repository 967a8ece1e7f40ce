"""The trainer: gradient descent on all lanes of a run, epoch by epoch, forward and back."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tui_gd.learning.engine import Engines, Penalty, TrainingData, model_of
from tui_gd.learning.models import Floats
from tui_gd.learning.optimizers import Optimizer, make_optimizer
from tui_gd.learning.schedules import Schedule, constant
from tui_gd.learning.starts import draw_start, lane_starts
from tui_gd.training import run as of_lanes
from tui_gd.training.checkpoint import Checkpoint, Delta, SavedMark, checkpoint_of, restore
from tui_gd.training.descent import Batches, Descent
from tui_gd.training.history import History, Lane, Reset
from tui_gd.training.run import Forward, Run, Stand, Stop
from tui_gd.training.stops import StopRules


class Trainer:
    """Gradient descent on all lanes: `W ← W − α · g`, with every epoch on record.

    At rest `epoch` epochs are done, and `weights`, `loss` and `grad` belong to them: `loss[lane]`
    is the training loss at `weights[lane]`, `grad[lane]` the direction g of the next update. Going
    forward over epochs on record computes them again and gives the same bits.

    One lane per learning rate; `optimizer` is a name for all lanes, or one for each. All lanes
    start at `make_start(start, seed, model)`, or at `initial_weights`, (parameters,) for all or
    (lanes, parameters). `ValueError`, in one line, for names and shapes that do not fit.
    `between_blocks` is called between blocks of rows, from the first pass on. With `keep_epochs`
    memory is bounded: so many newest epochs keep their losses and norms, older ones some of them.

    Lanes are named by their positions in `lanes`, which change when a lane before them is closed;
    `position` finds a lane by its number, which stays. `current` is the number of the one that is
    looked at most closely.

    >>> from tui_gd import Trainer, load_problem
    >>> trainer = Trainer(load_problem("blobs"), learning_rates=[0.01], seed=1)
    >>> trainer.advance(100)
    100
    """

    def __init__(
        self,
        problem: TrainingData,
        *,
        loss: str = "sse",
        learning_rates: Sequence[float] = (0.01,),
        optimizer: str | Sequence[str] = "sgd",
        momentum: float | None = None,
        hidden: Sequence[int] = (),
        activation: str = "tanh",
        batch_size: int = 0,
        schedule: Schedule = constant,
        l1: float = 0.0,
        l2: float = 0.0,
        stop: StopRules | None = None,
        start: str = "normal",
        seed: int = 0,
        initial_weights: ArrayLike | None = None,
        dtype: DTypeLike = np.float64,
        test_losses: bool = True,
        threads: int | None = None,
        row_weights: Floats | None = None,
        between_blocks: Callable[[], None] | None = None,
        keep_epochs: int | None = None,
    ) -> None:
        self.problem = problem
        self.model = model_of(problem, tuple(hidden), activation)
        self.engines = Engines(
            problem,
            self.model,
            penalty=Penalty(l1, l2),
            row_weights=row_weights,
            threads=threads,
            dtype=dtype,
        )
        self.engines.between_blocks = between_blocks
        self.engine = self.engines.train(loss)
        self.stop_rules = stop or StopRules()
        self._start_name = start
        rows, test_rows = len(problem.y_train), len(problem.y_test)

        def optimizer_of(name: str) -> Optimizer:
            return make_optimizer(name, momentum if name in {"momentum", "nesterov"} else None)

        lanes = of_lanes.first_lanes(learning_rates, optimizer, loss, optimizer_of)
        self.descent = Descent(
            self.engines.train,
            [lane.methods[0] for lane in lanes],
            Batches(rows, batch_size, seed),
            schedule,
        )
        self.descent.record_steepness = self.stop_rules.gradient_norm is not None
        weights = self._draw_start(seed) if initial_weights is None else initial_weights
        self._run = Run(
            self.engines,
            self.descent,
            lane_starts(weights, len(lanes), self.model.parameters, dtype),
            lanes,
            make_optimizer=optimizer_of,
            test_losses=test_rows > 0 and (test_losses or self.stop_rules.patience is not None),
            keep_epochs=keep_epochs,
        )
        self._forward = Forward(self._run, self.stop_rules, max(rows, test_rows))
        self._other: tuple[Stand, Stop] | None = None
        self._saved = SavedMark()
        self.finish_tests()

    def _draw_start(self, seed: int) -> Floats:
        return draw_start(self._start_name, seed, self.model, self.problem.surface)

    # Where it is

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return self._run.epoch

    @property
    def weights(self) -> Floats:
        """The weights (lanes, parameters) at `epoch`; a view, not to be written to."""
        return self._run.state[:, 0]

    @property
    def loss(self) -> Floats:
        """The training loss of every lane (lanes,) at `weights`."""
        return self._run.loss

    @property
    def grad(self) -> Floats:
        """The direction g of every lane's next update (lanes, parameters)."""
        return self._run.grad

    @property
    def lanes(self) -> list[Lane]:
        """The lanes of the run, in order of their numbers."""
        return self._run.lanes

    @property
    def current(self) -> int:
        """The number of the lane that is looked at most closely."""
        return self._run.current

    @current.setter
    def current(self, number: int) -> None:
        self._run.current = number

    def position(self, number: int) -> int | None:
        """Return the position of the lane of that number, None if it was closed."""
        return next((i for i, lane in enumerate(self.lanes) if lane.number == number), None)

    @property
    def learning_rates(self) -> Floats:
        """The learning rate of every lane's next update that has not begun (lanes,)."""
        return self._forward.learning_rates

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which lanes (lanes,) cannot go on from `epoch` with finite numbers."""
        return self._run.diverged

    @property
    def stopped(self) -> str:
        """Which stop rule ended the last going forward; empty if none did."""
        return self._forward.stopped

    # What is on record

    @property
    def history(self) -> History:
        """What every epoch left behind; a new one after a reset."""
        return self._run.history

    @property
    def newest(self) -> int:
        """The last epoch on record."""
        return self.history.newest

    def losses(self, lane: int = 0) -> Floats:
        """Return the training losses (recorded + 1,) of a lane: `losses()[k]` after k epochs.

        NaN where a bounded record has none.
        """
        return self.losses_between(lane, 0, self.lanes[lane].recorded + 1)

    def losses_between(self, lane: int, begin: int, stop: int) -> Floats:
        """Return the training losses after `begin` … `stop` − 1 epochs."""
        return self.history.train_loss.between(lane, begin, stop)

    def test_losses(self, lane: int = 0) -> Floats:
        """Return the losses on the test rows, as `losses`; NaN where not computed."""
        return self.history.test_loss.between(lane, 0, self.lanes[lane].recorded + 1)

    @property
    def pending_tests(self) -> bool:
        """Whether an interruption left test losses out."""
        return self._run.evaluation.pending

    def finish_tests(self) -> None:
        """Compute the test losses that an interruption left out."""
        with self._forward.working():
            self._run.evaluation.finish()

    def record_steepness(self) -> None:
        """Record norm and cosine of the directions from here on, which takes time of its own."""
        self.descent.record_steepness = True
        if self.epoch == 0:
            self._run.record_norms()

    # Forward and back

    @property
    def interrupt(self) -> bool:
        """Whether going forward is to end after the epoch in progress."""
        return self._forward.interrupt

    @interrupt.setter
    def interrupt(self, wanted: bool) -> None:
        self._forward.interrupt = wanted

    def computing(self) -> AbstractContextManager[None]:
        """Hold BLAS to one thread and numpy's warnings back while the context is open."""
        return self._run.computing()

    def advance(self, epochs: int = 1) -> int:
        """Go up to `epochs` epochs forward and return how many were done.

        Fewer are done when all lanes have diverged, when a stop rule is fulfilled (`stopped` says
        why; to go on from there is to go on without the rules), or when `interrupt` is set
        meanwhile, which is looked at after every epoch; a pass over several blocks may raise
        `Interrupted` between them, which leaves the run at the last whole epoch.
        """
        return self._forward.advance(epochs)

    def back(self, epochs: int = 1) -> None:
        """Go `epochs` epochs back, at most to epoch 0."""
        self.go_to(max(0, self.epoch - epochs))

    def go_to(self, epoch: int) -> None:
        """Go to `epoch`, with the bits that were there; computes what is not on record yet."""
        with self._forward.working():
            self.skip_to(epoch)
            self.advance(epoch - self.epoch)

    def skip_to(self, epoch: int) -> None:
        """Go to the last keyframe at or before `epoch`, unless that is no nearer than here.

        To go to an epoch on record is to look at it, not to go on: a learning rate set here, which
        would replace it, is dropped.
        """
        if epoch == self.epoch:
            return
        if epoch <= self.newest:
            self._run.drop_proposals()
        keyframe, state = self.history.keyframe_before(self.history.replayed_from(epoch))
        if not keyframe <= self.epoch <= epoch:
            with self._forward.working():
                self._run.move_to(keyframe, state)

    def look_ahead(self) -> tuple[Floats, Floats]:
        """Return weights (lanes, parameters) and loss (lanes,) after the next update.

        The run stays where it is; what was computed is used when it goes on.
        """
        chunk = self._forward.look_ahead()
        return chunk.states[0, :, 0], chunk.loss

    @property
    def looked_ahead(self) -> tuple[Floats, Floats] | None:
        """What `look_ahead` returned, if it still holds."""
        return self.look_ahead() if self._run.ahead else None

    # What is done to lanes

    def set_learning_rate(self, rate: float, lane: int = 0) -> None:
        """Let a lane descend with `rate` from here on.

        If it has later epochs on record, these are dropped when the run goes on from here, and
        not before. Set between two blocks of a pass, it holds from the next update.
        """
        self._forward.set_learning_rate(rate, lane)

    def branch(
        self,
        lane: int = 0,
        rate: float | None = None,
        *,
        optimizer: str | None = None,
        loss: str | None = None,
    ) -> int:
        """Copy a lane at `epoch` into a new lane and return its position, the last one.

        The new lane descends with `rate`, or else with the learning rate that was set here for
        the old one; the old lane keeps what it has on record. With another `optimizer` or `loss`
        it begins here with nothing kept. `ValueError` for unknown names.
        """
        with self.computing():
            position = of_lanes.branch(self._run, lane, rate, optimizer, loss)
            self.finish_tests()
        return position

    def close(self, lane: int) -> None:
        """Drop the lane at a position; those after it move up by one. The last one stays."""
        of_lanes.close(self._run, lane)

    def reset(
        self, seed: int | None = None, *, weights: Sequence[float] | None = None, lane: int = 0
    ) -> None:
        """Go back to epoch 0 and forget what came after; with `seed`, to another random start.

        With `weights` (parameters,), the lane at a position starts there. Lanes keep the learning
        rates, optimizers and losses that they have here.
        """
        start = self.history.keyframes.start()[:, 0].copy()
        if seed is not None:
            start[:] = self._draw_start(seed)
        chosen = None
        if weights is not None:
            start[lane] = weights
            chosen = tuple(map(float, weights))
        number = None if weights is None else self.lanes[lane].number
        entries = [*self.history.entries, Reset(self.epoch, seed, number, chosen)]
        before = self._run.stand(), self._forward.stop
        rates = self.learning_rates.tolist()
        self._run.begin(start, of_lanes.begun_again(self._run, rates))
        self.history.entries = entries
        self._forward.begin()
        if before[0].history.newest or not (self.other and self.other.newest):
            self._other = before
        self.finish_tests()

    @property
    def other(self) -> History | None:
        """The history that `take_back` would lead to, None if there is none."""
        return self._other[0].history if self._other else None

    def take_back(self) -> bool:
        """Be where the run stood before it was begun again; a second time, be here again.

        What was begun again where no epoch was done does not count if there is a run in which some
        were. Return whether there was anything to go back to. It is held in memory.
        """
        if self._other is None:
            return False
        (stand, stop), self._other = self._other, (self._run.stand(), self._forward.stop)
        self._run.take_back(stand)
        self._forward.stop = stop
        self._saved = SavedMark()
        return True

    # What lasts

    def delta(self) -> Delta:
        """Return what is new since this was asked before: the first time, all.

        It costs a copy of what is new. Only one may ask.
        """
        return self._saved.delta(self._run)

    def checkpoint(self, seed: int = 0) -> Checkpoint:
        """Return all that the run needs to go on from here, copied."""
        return checkpoint_of(self._run, seed)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Be where a run of the same settings stood, with the bits that were there.

        `ValueError`, in one line, if it cannot be of these settings.
        """
        with self._forward.working():
            restore(self._run, checkpoint)
            self._saved, self._other = SavedMark(), None
            self._forward.begin()
            self._forward.resume(checkpoint.epoch)
        for lane, record in zip(self.lanes, checkpoint.lanes, strict=True):
            lane.proposed = record.proposed  # the way here has dropped it
