"""The runner: drives a run on its own thread; commands go in, snapshots come out.

The thread owns the trainer. It takes commands between epochs and, on large data, between blocks.
What the interface may know stands in one frozen `Snapshot`, which is swapped whole.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Protocol

from tui_gd.learning.engine import EngineMaker, Interrupted, computing
from tui_gd.learning.models import Predictor
from tui_gd.session.commands import (
    CALLING_OFF,
    LIGHT,
    LOOKING,
    Branch,
    CheckGradient,
    CloseLane,
    Command,
    GoTo,
    LookAt,
    Mark,
    Pause,
    RenameLane,
    Reset,
    Resume,
    SelectLane,
    SetLearningRate,
    SetPace,
    SetStart,
    Step,
    StepBack,
    TakeBack,
    TakeCheckpoint,
)
from tui_gd.session.observer import Observer
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.trainer import Trainer

# a burst ends with the epoch in progress when a command comes or a frame is to be drawn
BURST_SECONDS = 0.005
RECORD_SECONDS = 0.5
# the thread waits at most this long for a frame to be drawn, and for a key to become a command
FRAME_SECONDS = 0.05
KEY_SECONDS = 0.03
# a checkpoint waits for the steps that were asked for before it, and for at most one block of rows
CHECKPOINT_SECONDS = 30.0


class Keeper(Protocol):
    """What keeps a run: it is told on the runner's thread, and writes on one of its own."""

    def take(self, trainer: Trainer, state: str, seed: int) -> object:
        """Copy what is new of the run; `state` is the word of the status line."""


class Runner:
    """Drives `trainer` on a thread of its own, at first paused at epoch 0.

    `changed`, if set, is called on that thread whenever a command has been carried out or the
    run has come to rest by itself: then `snapshot` is new. While running, `want_snapshot` asks
    for a fresh one. `pace` is in epochs a second. `recorder` is told of the run
    twice a second, and whenever it has come to rest.
    """

    def __init__(
        self,
        trainer: Trainer,
        epochs: int,
        *,
        seed: int = 0,
        pace: float | None = None,
        recorder: Keeper | None = None,
    ) -> None:
        self.changed: Callable[[], None] | None = None
        self.failure: BaseException | None = None
        self.predictor = Predictor(trainer.model, trainer.problem.task)
        self._trainer = trainer
        self._epochs = self._extension = epochs
        self._seed = self._newest_seed = self._other_seed = seed
        self._pace = pace
        self._recorder = recorder
        self._recorded_at = -math.inf
        self._running = False
        self._taking = self._resting = False
        self._epoch_seconds = 0.0
        self._going = False  # to an epoch that may be far: any command calls it off
        self._goal = 0
        self._notice = ""
        self._inbox: deque[Command] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._stopped = False
        self._ended = False
        self._wanted = False
        # until when, by `time.monotonic`, training waits for a frame, and for a key that came
        self._frame_until = self._key_until = 0.0
        self._key_before_frame = False
        self._burst = 1
        self._observer = Observer(trainer, self.predictor)
        self._between: Callable[[], None] = self._hold
        self._meter = (time.perf_counter(), 0)
        self._speed = 0.0
        self._resumed_at = (0.0, 0)
        trainer.record_norms()
        self._snapshot = self._take_snapshot()
        trainer.engines.between_blocks = self._between_blocks
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)

    @property
    def trainer(self) -> Trainer:
        """The trainer; only to be touched before `start` and after `stop`."""
        return self._trainer

    @property
    def snapshot(self) -> Snapshot:
        """The latest snapshot."""
        return self._snapshot

    @property
    def busy(self) -> bool:
        """Whether a command or a step that was asked for is not done yet."""
        return self._taking or bool(self._inbox) or self._trainer.epoch < self._goal

    @property
    def waits(self) -> bool:
        """Whether training waits for the interface."""
        return time.monotonic() < max(self._frame_until, self._key_until)

    @property
    def resting(self) -> bool:
        """Whether nothing is left to do until the next command: the snapshot is the last one."""
        return self._resting and not self._inbox

    @property
    def epoch_seconds(self) -> float:
        """What an epoch last took of the thread's own time."""
        return self._epoch_seconds

    @property
    def make_engine(self) -> EngineMaker:
        """What makes engines on the run's data for other threads."""
        return self._trainer.engines.make

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """End the thread, within a block of rows, and return whether it has ended."""
        self._stopping = True
        self._trainer.interrupt = True
        with self._wake:
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def post(self, command: Command) -> None:
        """Have a command carried out, after those posted before."""
        with self._wake:
            self._inbox.append(command)
            self._trainer.interrupt = True
            self._wake.notify()
        if self._ended:
            self._cancel_answers()

    def checkpoint(self, timeout: float = CHECKPOINT_SECONDS) -> Checkpoint | None:
        """Return the run as it is now, copied; None if the runner ends first or is too slow.

        The recorder, if there is one, has been offered everything new by then. It waits: do not
        call it on the interface's thread.
        """
        command = TakeCheckpoint()
        self.post(command)
        try:
            return command.answer.result(timeout)
        except (TimeoutError, CancelledError):
            command.answer.cancel()
            return None

    def want_snapshot(self) -> None:
        """Ask for a fresh snapshot at the end of the epoch in progress."""
        self._wanted = True

    def expect_command(self) -> None:
        """Keep the interpreter lock for a key that has just been read, while the run goes on.

        Training waits until the frame that answers it has ended, or for `KEY_SECONDS`. Called on
        any thread.
        """
        if self._running:
            self._key_until = time.monotonic() + KEY_SECONDS
            self._key_before_frame = False
            self._trainer.interrupt = True

    def begin_frame(self) -> None:
        """Keep the interpreter lock for the interface: training waits until `end_frame`.

        Two threads that both want the lock hand it over every few milliseconds only; without
        this a frame takes ten times as long while small data is trained flat out.
        """
        self._frame_until = time.monotonic() + FRAME_SECONDS
        self._key_before_frame = True
        self._trainer.interrupt = True  # the burst in progress ends with its epoch

    def end_frame(self) -> None:
        """Let training go on."""
        with self._wake:
            self._frame_until = 0.0
            if self._key_before_frame:
                self._key_until = 0.0
            self._wake.notify()

    def _run(self) -> None:
        try:
            with computing():
                while not self._stopping:
                    self._turn()
        except Interrupted:
            pass
        except BaseException as failure:
            self.failure = failure
            self._running = False
            self._notice = f"{type(failure).__name__}: {failure}"
            # the run may be in no state to be looked at: what was seen last, and what happened
            self._snapshot = replace(
                self._snapshot, state=RunState.FAILED, notice=self._notice, epochs_per_second=0.0
            )
            if self.changed:
                self.changed()
        finally:
            self._ended = True
            self._cancel_answers()

    def _cancel_answers(self) -> None:
        """Let nobody wait for the answer of a runner that has ended."""
        with self._wake:
            for command in self._inbox:
                if isinstance(command, TakeCheckpoint):
                    command.answer.cancel()

    def _turn(self) -> None:
        """Carry out commands, then do a little of what there is to do, or wait."""
        self._trainer.interrupt = False
        if self._may_take_next:
            self._between = self._hold
            self._taking = True
            try:
                while self._may_take_next:
                    self._carry_out(self._inbox.popleft())
            finally:
                self._publish()
                self._taking = False
        try:
            if self._trainer.epoch < self._goal:
                self._between = self._serve_running if self._running else self._serve_step
                self._train()
            else:
                self._between = self._serve_idle
                self._rest_a_while()
        except Interrupted:
            pass

    def _may_take(self, command: Command) -> bool:
        """Commands follow one another: what depends on the epoch waits for steps to be done."""
        stepping = not self._running and self._trainer.epoch < self._goal
        return not stepping or self._going or isinstance(command, CALLING_OFF | Step)

    @property
    def _may_take_next(self) -> bool:
        return bool(self._inbox) and self._may_take(self._inbox[0])

    def _rest_a_while(self) -> None:
        if self._catch_up():
            self._publish()
            return
        with self._wake:
            if not self._inbox and not self._stopping:
                self._resting = True
                self._wake.wait()
                self._resting = False

    # What is done between two blocks of rows, on large data

    def _give_way(self) -> None:
        """Wait while the interface has the lock, but no longer than until a command comes."""
        with self._wake:
            while not (self._stopping or self._may_take_next):
                left = max(self._frame_until, self._key_until) - time.monotonic()
                if left <= 0.0:
                    return
                self._wake.wait(left)

    def _between_blocks(self) -> None:
        if self._trainer.interrupt and self.waits:
            self._give_way()
        if self._stopping:
            raise Interrupted
        if self._trainer.interrupt:
            self._between()

    def _hold(self) -> None:
        """While a command is carried out: the next one waits."""

    def _serve_idle(self) -> None:
        """While something is computed that nobody waits for."""
        if self._inbox:
            raise Interrupted

    def _serve_step(self) -> None:
        """During a step that was asked for: only what calls it off is heard."""
        if self._inbox and (self._going or isinstance(self._inbox[0], CALLING_OFF)):
            raise Interrupted

    def _serve_running(self) -> None:
        """While running: what leaves the weights as they are is done at once."""
        while self._inbox and isinstance(self._inbox[0], LIGHT):
            self._carry_out(self._inbox.popleft())
            self._publish()
        # the step asked for is the pass in progress
        if self._inbox and not isinstance(self._inbox[0], Step):
            raise Interrupted

    def _train(self) -> None:
        trainer = self._trainer
        if self.waits:
            self._give_way()
            trainer.interrupt = False
            if self._stopping or self._may_take_next:
                return
        begin = time.perf_counter()
        burst = self._paced(begin) if self._running and self._pace else self._burst
        if burst < 1:
            return
        computing = time.thread_time()  # waiting for other threads does not count
        done = trainer.advance(min(burst, self._goal - trainer.epoch))
        took = time.thread_time() - computing
        if done:
            self._epoch_seconds = took / done
        self._burst = max(1, min(2 * self._burst, int(done * BURST_SECONDS / max(took, 1e-9))))
        self._count(done)
        if trainer.stopped:
            self._stopped, self._notice = True, f"stopped: {trainer.stopped}"
            self._goal = trainer.epoch
        if trainer.diverged.all() or trainer.epoch >= self._goal:
            self._goal = trainer.epoch
            self._running = False
            self._speed = 0.0
            self._publish()
        elif self._wanted:
            self._publish(tell=False)
        else:
            self._record()

    def _paced(self, now: float) -> int:
        """Return how many epochs are due by now; wait a little if none is."""
        assert self._pace
        since, epoch = self._resumed_at
        due = epoch + math.floor((now - since) * self._pace) + 1 - self._trainer.epoch
        if due < 1:
            with self._wake:
                if not self._inbox:
                    self._wake.wait(min(0.1, 1.0 / self._pace))
            if self._wanted:
                self._publish(tell=False)
        return due

    def _count(self, done: int) -> None:
        now = time.perf_counter()
        since, epochs = self._meter
        self._meter = (since, epochs + done)
        if now - since > 0.5:
            self._speed = (epochs + done) / (now - since)
            self._meter = (now, 0)

    def _catch_up(self) -> bool:
        """At rest: compute what was left out, and what the next update leads to."""
        trainer = self._trainer
        if trainer.pending_tests:
            trainer.finish_tests()
            return True
        if not trainer.looked_ahead and not trainer.diverged.all():
            trainer.look_ahead()
            return True
        return self._observer.check_gradient()

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, TakeCheckpoint):
            self._record(soon=True)
            if command.answer.set_running_or_notify_cancel():
                command.answer.set_result(self._trainer.checkpoint(self._seed))
            return
        trainer = self._trainer
        self._notice = ""
        self._stopped = self._stopped and isinstance(command, LOOKING)
        match command:
            case Pause():
                self._rest()
            case Resume():
                if trainer.epoch >= self._epochs:
                    self._epochs = trainer.epoch + self._extension
                self._running = True
                self._goal = self._epochs
                self._resumed_at = (time.perf_counter(), trainer.epoch)
                self._meter = (time.perf_counter(), 0)
            case Step(epochs):
                goal = trainer.epoch if self._running else max(self._goal, trainer.epoch)
                self._rest()
                self._goal = goal + epochs
            case StepBack(epochs):
                self._rest()
                trainer.back(epochs)
                self._goal = trainer.epoch
            case GoTo(epoch):
                self._rest()
                self._goal = trainer.newest if epoch is None else epoch
                self._going = True
                trainer.go_to_keyframe(self._goal)
            case Reset() | SetStart() | TakeBack():
                self._rest()
                self._begin_again(command)
            case SetPace(pace):
                self._pace = pace
                self._resumed_at = (time.perf_counter(), trainer.epoch)
            case _:
                if self._going:
                    self._rest()
                self._change_lanes(command)

    def _change_lanes(self, command: Command) -> None:
        trainer, observer = self._trainer, self._observer
        match command:
            case SetLearningRate(rate):
                trainer.set_learning_rate(rate, observer.position)
            case Branch(optimizer, loss, rate):
                new = trainer.branch(observer.position, rate, optimizer=optimizer, loss=loss)
                trainer.current = trainer.lanes[new].number
            case SelectLane(lane):
                if trainer.position(lane) is not None:
                    trainer.current = lane
            case RenameLane(lane, name):
                if (position := trainer.position(lane)) is not None:
                    trainer.lanes[position].name = name
            case CloseLane(lane):
                if (position := trainer.position(lane)) is not None:
                    trainer.close(position)
            case Mark():
                observer.mark()
            case LookAt():
                observer.look = command
            case CheckGradient(wanted):
                observer.checking = wanted

    def _begin_again(self, command: Reset | SetStart | TakeBack) -> None:
        """Begin again, or be the run that was there before; each keeps the seed of its start."""
        trainer, other, seed = self._trainer, self._trainer.replaced, self._seed
        match command:
            case Reset(new_start=True):
                self._newest_seed += 1
                self._seed = self._newest_seed
                trainer.reset(self._seed)
            case Reset():
                trainer.reset()
            case SetStart(weights):
                trainer.reset(weights=weights, lane=self._observer.position)
            case TakeBack():
                self._seed = self._other_seed if trainer.undo_reset() else seed
        if trainer.replaced is not other:
            self._other_seed = seed
        self._goal = trainer.epoch
        self._observer.forget_mark()

    def _rest(self) -> None:
        self._running = self._going = False
        self._goal = self._trainer.epoch
        self._speed = 0.0

    def _record(self, *, soon: bool = False) -> None:
        """Tell the recorder of the run; while it goes on no more often than `RECORD_SECONDS`."""
        if self._recorder is None:
            return
        now = time.perf_counter()
        if soon or now - self._recorded_at >= RECORD_SECONDS:
            self._recorded_at = now
            self._recorder.take(self._trainer, str(self._state()), self._seed)

    def _publish(self, *, tell: bool = True) -> None:
        self._wanted = False
        self._snapshot = self._take_snapshot()
        self._record(soon=not self._running)
        if tell and self.changed:
            self.changed()

    def _take_snapshot(self) -> Snapshot:
        self._epochs = max(self._epochs, self._trainer.epoch)
        return self._observer.snapshot(
            state=self._state(),
            epochs=self._epochs,
            epochs_per_second=self._speed,
            pace=self._pace,
            seed=self._seed,
            notice=self._notice,
        )

    def _state(self) -> RunState:
        if self.failure:
            return RunState.FAILED
        if self._running or (self._going and self._trainer.epoch < self._goal):
            return RunState.RUNNING
        if self._trainer.diverged.all():
            return RunState.DIVERGED
        at_end = self._stopped or (
            self._trainer.epoch >= self._epochs and self._goal <= self._trainer.epoch
        )
        return RunState.FINISHED if at_end else RunState.PAUSED
