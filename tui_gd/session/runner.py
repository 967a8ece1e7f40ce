"""The runner: drives a run on its own thread; commands go in, snapshots come out.

The thread owns the trainer. It takes commands between epochs and, on large data, between blocks of
rows. All that the interface may know is in one frozen `Snapshot`, which is replaced as a whole.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from enum import Enum, auto

from tui_gd.errors import MachinesLost
from tui_gd.learning.engine import Interrupted, computing
from tui_gd.session import commands
from tui_gd.session.commands import CALLING_OFF, LIGHT, LOOKING, Command
from tui_gd.session.observer import Observer
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.training.bursts import LONGEST, Bursts
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.trainer import Trainer

BURST_SECONDS = 0.005
"""A command or a frame waits for the burst in progress at most, which then ends with its epoch."""
RECORD_SECONDS = 0.5
FRAME_SECONDS = 0.05
"""Training waits at most this long for a frame to be drawn."""
KEY_SECONDS = 0.03
"""Training waits at most this long for a key to become a command."""
GLANCE_SECONDS = 0.002
"""How often a thread beside training looks whether it still has to wait."""
CHECKPOINT_SECONDS = 30.0
"""A checkpoint waits for the steps that were asked for before it, then for a block of rows."""
SPEED_SECONDS = 0.5
"""Epochs a second are measured over this time."""


class Mode(Enum):
    """What the run is to do."""

    PAUSED = auto()
    RUNNING = auto()
    """Go on to the last epoch wanted."""
    STEPPING = auto()
    """Do the epochs asked for; a command that depends on the epoch waits for them."""
    SEEKING = auto()
    """Go to an epoch that may be far; any command calls it off."""
    STOPPED = auto()
    """Paused because a stop rule is fulfilled."""


GOING = {Mode.RUNNING, Mode.STEPPING, Mode.SEEKING}


class Doing(Enum):
    """What the thread does at the moment, which decides what may come between two blocks."""

    COMMAND = auto()
    TRAINING = auto()
    CATCHING_UP = auto()
    """Computing what nobody waits for."""
    RESTING = auto()
    ENDED = auto()


class Runner:
    """Drives `trainer` on a thread of its own, at first paused, or stopped as the trainer is.

    The trainer is only to be touched before `start` and after `stop`. `snapshot` is the latest one;
    `make_engine` makes engines on the run's data for other threads. `changed`, if set, is called on
    the thread whenever a command has been carried out or the run has come to rest by itself: then
    `snapshot` is new. While running, `want_snapshot` asks for a fresh one. `pace` is in epochs a
    second. `record`, if given, gets the trainer, the word of the status line, the seed and the last
    epoch wanted, on that thread: twice a second, and whenever the run has come to rest. A run that
    has reached its last epoch and goes on gets `extension` more, by default `epochs`.
    """

    def __init__(
        self,
        trainer: Trainer,
        epochs: int,
        *,
        seed: int = 0,
        pace: float | None = None,
        record: Callable[[Trainer, str, int, int], object] | None = None,
        extension: int | None = None,
    ) -> None:
        self.changed: Callable[[], None] | None = None
        self.failure: BaseException | None = None
        self.predictor = trainer.predictor
        self.trainer = trainer
        self.make_engine = trainer.engines.make
        self._epochs, self._extension = epochs, extension or epochs
        self._seed = self._newest_seed = seed
        self._pace = pace
        self._recorder = record
        self._recorded_at = -math.inf
        self._mode = Mode.STOPPED if trainer.stopped else Mode.PAUSED
        self._doing = Doing.CATCHING_UP
        self._goal = 0
        self._notice = ""
        self._lost = False  # the machines that hold the rows
        self._inbox: deque[Command] = deque()
        self._wake = threading.Condition()
        # set by other threads: the thread is to end, a fresh snapshot is wanted
        self._ending = self._wanted = False
        # until when, by `time.monotonic`, training waits for a frame, and for a key that came
        self._frame_until = self._key_until = 0.0
        self._key_before_frame = False
        self._bursts = Bursts(trainer, BURST_SECONDS)
        self._observer = Observer(trainer, self.predictor)
        self._meter = (time.perf_counter(), 0)
        self._speed = 0.0
        self._resumed_at = (0.0, 0)
        # the thread's own time: up to when it is counted, of an epoch, and from the last to rest
        self._counted = self._epoch_seconds = self._rest_seconds = 0.0
        self._trained = False  # since the last rest
        trainer.record_norms()
        self.snapshot = self._take_snapshot()
        trainer.engines.between_blocks = self._between_blocks
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)

    @property
    def busy(self) -> bool:
        """Whether a command or a step that was asked for is not done yet."""
        return self._doing is Doing.COMMAND or bool(self._inbox) or self._mode in GOING

    @property
    def waits(self) -> bool:
        """Whether training waits for the interface."""
        return time.monotonic() < max(self._frame_until, self._key_until)

    @property
    def resting(self) -> bool:
        """Whether nothing is left to do until the next command: the snapshot is the last one."""
        return self._doing is Doing.RESTING and not self._inbox

    @property
    def step_seconds(self) -> float:
        """The thread's own time that a step took last, with all that follows it until at rest."""
        return self._epoch_seconds + self._rest_seconds

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """End the thread, within a block of rows, and return whether it has ended."""
        self._ending = True
        self.trainer.interrupt = True
        with self._wake:
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def post(self, command: Command) -> None:
        """Have a command carried out, after those posted before."""
        with self._wake:
            self._inbox.append(command)
            self.trainer.interrupt = True
            self._wake.notify()
        if self._doing is Doing.ENDED:
            self._cancel_answers()

    def checkpoint(self, timeout: float = CHECKPOINT_SECONDS) -> Checkpoint | None:
        """Return the run as it is now, copied; None if the runner ends first or is too slow.

        By then the recorder, if there is one, has been offered everything new. It waits:
        do not call it on the interface's thread.
        """
        command = commands.TakeCheckpoint()
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
        if self._mode is Mode.RUNNING:
            self._key_until = time.monotonic() + KEY_SECONDS
            self._key_before_frame = False
            self.trainer.interrupt = True

    def begin_frame(self) -> None:
        """Keep the interpreter lock for the interface: training waits until `end_frame`.

        Two threads that both want the lock hand it over every few milliseconds only; without
        this a frame takes ten times as long while small data is trained flat out.
        """
        self._frame_until = time.monotonic() + FRAME_SECONDS
        self._key_before_frame = True
        self.trainer.interrupt = True  # the burst in progress ends with its epoch

    def end_frame(self) -> None:
        """Let training go on."""
        with self._wake:
            self._frame_until = 0.0
            if self._key_before_frame:
                self._key_until = 0.0
            self._wake.notify()

    def let_interface_go_first(self) -> None:
        """Wait as long as training waits for the interface; for threads that work beside it."""
        end = time.monotonic() + FRAME_SECONDS
        while self.waits and not self._ending and time.monotonic() < end:
            time.sleep(GLANCE_SECONDS)

    # The thread

    def _run(self) -> None:
        try:
            with computing():
                while not self._ending:
                    self._turn()
        except Interrupted:
            pass
        except BaseException as failure:
            self.failure = failure
            self._mode = Mode.PAUSED
            self._notice = f"{type(failure).__name__}: {failure}"
            # the trainer may not be readable any more: show what was seen last, and the failure
            self.snapshot = replace(
                self.snapshot, state=RunState.FAILED, notice=self._notice, epochs_per_second=0.0
            )
            if self.changed:
                self.changed()
        finally:
            self._doing = Doing.ENDED
            self._cancel_answers()

    def _cancel_answers(self) -> None:
        """Let nobody wait for the answer of a runner that has ended."""
        with self._wake:
            for command in self._inbox:
                if isinstance(command, commands.TakeCheckpoint):
                    command.answer.cancel()

    def _turn(self) -> None:
        """Carry out commands, then do a little of what there is to do, or wait."""
        self.trainer.interrupt = False
        if self._may_take_next:
            self._doing = Doing.COMMAND
            try:
                while self._may_take_next:
                    self._carry_out(self._inbox.popleft())
            except MachinesLost as lost:
                self._lose(lost)
            finally:
                self._publish()
        try:
            self._lost = self._lost and self._mode not in GOING
            if self._mode in GOING:
                self._doing = Doing.TRAINING
                self._train()
            else:
                self._doing = Doing.CATCHING_UP
                self._catch_up_or_rest()
        except Interrupted:
            pass
        except MachinesLost as lost:
            self._lose(lost)
            self._publish()

    def _lose(self, lost: MachinesLost) -> None:
        """Pause because the machines do not answer; nothing is tried until a command comes."""
        self._lost, self._notice = True, str(lost)
        self._come_to_rest()

    @property
    def _may_take_next(self) -> bool:
        """Whether there is a command that may run now; most of them wait for earlier steps."""
        if self._mode is Mode.STEPPING:
            return bool(self._inbox) and isinstance(self._inbox[0], CALLING_OFF | commands.Step)
        return bool(self._inbox)

    def _catch_up_or_rest(self) -> None:
        if self._catch_up():
            self._publish()
            return
        with self._wake:
            if not self._inbox and not self._ending:
                spent = self._spent()
                if self._trained:
                    self._rest_seconds, self._trained = spent, False
                self._doing = Doing.RESTING
                self._wake.wait()
                self._doing = Doing.CATCHING_UP

    def _catch_up(self) -> bool:
        """At rest: compute what was left out, and what the next update leads to."""
        trainer = self.trainer
        if self._lost:
            return False
        if trainer.pending_tests:
            trainer.finish_tests()
            return True
        if not trainer.looked_ahead and not trainer.diverged.all():
            trainer.look_ahead()
            return True
        return self._observer.check_gradient()

    # Between two blocks of rows, on large data

    def _give_way(self) -> None:
        """Wait while the interface has the lock, but no longer than until a command comes."""
        with self._wake:
            while not (self._ending or self._may_take_next):
                left = max(self._frame_until, self._key_until) - time.monotonic()
                if left <= 0.0:
                    return
                self._wake.wait(left)

    def _between_blocks(self) -> None:
        if self.trainer.interrupt and self.waits:
            self._give_way()
        if self._ending:
            raise Interrupted
        if not (self.trainer.interrupt and self._inbox):
            return
        if self._doing is Doing.CATCHING_UP:
            raise Interrupted
        if self._doing is Doing.TRAINING:
            self._serve_training()

    def _serve_training(self) -> None:
        """During an epoch: while running, do at once what leaves the weights as they are.

        During a step or a seek only commands that end it are taken.
        """
        if self._mode is Mode.RUNNING:
            while self._inbox and isinstance(self._inbox[0], LIGHT):
                self._carry_out(self._inbox.popleft())
                self._publish()
            # the step asked for is the pass in progress
            if self._inbox and not isinstance(self._inbox[0], commands.Step):
                raise Interrupted
        elif self._mode is Mode.SEEKING or isinstance(self._inbox[0], CALLING_OFF):
            raise Interrupted

    # Training

    def _train(self) -> None:
        trainer = self.trainer
        if self.waits:
            self._give_way()
            trainer.interrupt = False
            if self._ending or self._may_take_next:
                return
        most = LONGEST
        if self._mode is Mode.RUNNING and self._pace:
            most = self._due(time.perf_counter())
            if most < 1:
                return
        self._count(self._bursts.once(self._goal, most))
        if trainer.stopped:
            self._come_to_rest(Mode.STOPPED)
            self._notice = f"stopped: {trainer.stopped}"
            self._publish()
        elif trainer.diverged.all() or trainer.epoch >= self._goal:
            self._come_to_rest()
            self._publish()
        else:
            if self.waits:
                self._give_way()
            if not self._may_take_next:  # a command has a snapshot of its own
                if self._wanted:
                    self._publish(tell=False)
                self._record(RECORD_SECONDS)

    def _due(self, now: float) -> int:
        """Return how many epochs the pace demands by now; wait a little if none is."""
        assert self._pace
        since, epoch = self._resumed_at
        due = epoch + math.floor((now - since) * self._pace) + 1 - self.trainer.epoch
        if due < 1:
            with self._wake:
                if not self._inbox:
                    self._wake.wait(min(0.1, 1.0 / self._pace))
            if self._wanted:
                self._publish(tell=False)
        return due

    def _spent(self) -> float:
        """Return the thread's own time since the last call."""
        before, self._counted = self._counted, time.thread_time()
        return self._counted - before

    def _count(self, done: int) -> None:
        if done:
            self._epoch_seconds, self._trained = self._spent() / done, True
        now = time.perf_counter()
        since, epochs = self._meter
        self._meter = (since, epochs + done)
        if now - since > SPEED_SECONDS:
            self._speed = (epochs + done) / (now - since)
            self._meter = (now, 0)

    def _come_to_rest(self, mode: Mode = Mode.PAUSED) -> None:
        self._mode = mode
        self._goal = self.trainer.epoch
        self._speed = 0.0

    def _go(self, mode: Mode, goal: int) -> None:
        """Begin to go to an epoch; if the run is there already, pause it."""
        self._goal = goal
        self._mode = mode if self.trainer.epoch < goal else Mode.PAUSED

    # Commands

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, commands.TakeCheckpoint):
            self._record()
            if command.answer.set_running_or_notify_cancel():
                command.answer.set_result(self.trainer.checkpoint(self._seed))
            return
        trainer = self.trainer
        self._notice = ""
        if self._mode is Mode.STOPPED and not isinstance(command, LOOKING):
            self._mode, trainer.stopped = Mode.PAUSED, ""
        match command:
            case commands.Pause():
                self._come_to_rest()
            case commands.Resume():
                self._resume()
            case commands.Step(epochs):
                self._step(epochs)
            case commands.StepBack(epochs):
                self._come_to_rest()
                trainer.back(epochs)
                self._goal = trainer.epoch
            case commands.GoTo(epoch):
                self._come_to_rest()
                goal = trainer.newest if epoch is None else epoch
                trainer.go_to_keyframe(goal)
                self._go(Mode.SEEKING, goal)
            case commands.Reset() | commands.SetStart():
                self._come_to_rest()
                self._start_again(command)
            case commands.SetEpochs() | commands.SetPace():
                self._set(command)
            case _:
                if self._mode is Mode.SEEKING:
                    self._come_to_rest()
                self._change_lanes(command)

    def _set(self, command: commands.SetEpochs | commands.SetPace) -> None:
        match command:
            case commands.SetPace(pace):
                self._pace = pace
                self._resumed_at = (time.perf_counter(), self.trainer.epoch)
            case commands.SetEpochs(epochs):
                self._epochs = self._extension = epochs
                if self._mode is Mode.RUNNING:
                    self._go(Mode.RUNNING, epochs)

    def _step(self, epochs: int) -> None:
        """Go some epochs beyond steps or a seek that are not done yet, or from here."""
        seeking, running = self._mode is Mode.SEEKING, self._mode is Mode.RUNNING
        here = self.trainer.epoch
        goal = here if running else max(self._goal, here)
        self._come_to_rest()
        if not seeking:
            self.trainer.end_visit()
        self._go(Mode.SEEKING if seeking else Mode.STEPPING, goal + epochs)

    def _resume(self) -> None:
        now, epoch = time.perf_counter(), self.trainer.epoch
        self.trainer.end_visit()
        if epoch >= self._epochs:
            self._epochs = epoch + self._extension
        self._go(Mode.RUNNING, self._epochs)
        self._resumed_at, self._meter = (now, epoch), (now, 0)

    def _change_lanes(self, command: Command) -> None:
        trainer, observer = self.trainer, self._observer
        match command:
            case commands.SetLearningRate(rate):
                trainer.set_learning_rate(rate, observer.position)
            case commands.Branch(optimizer, loss, rate):
                new = trainer.branch(observer.position, rate, optimizer=optimizer, loss=loss)
                trainer.current = trainer.lanes[new].number
            case commands.SelectLane(lane):
                if trainer.position(lane) is not None:
                    trainer.current = lane
            case commands.RenameLane(lane, name):
                if (position := trainer.position(lane)) is not None:
                    trainer.lanes[position].name = name
            case commands.CloseLane(lane):
                if (position := trainer.position(lane)) is not None:
                    trainer.close(position)
            case commands.Mark():
                observer.mark()
            case commands.LookAt():
                observer.look = command
            case commands.CheckGradient(wanted):
                observer.checking = wanted

    def _start_again(self, command: commands.Reset | commands.SetStart) -> None:
        """Go back to epoch 0."""
        trainer = self.trainer
        match command:
            case commands.Reset(new_start=True):
                self._newest_seed += 1
                self._seed = self._newest_seed
                trainer.reset(self._seed)
            case commands.Reset():
                trainer.reset()
            case commands.SetStart(weights):
                trainer.reset(weights=weights, lane=self._observer.position)
        self._goal = trainer.epoch
        self._observer.forget_mark()

    # What is handed out

    def _record(self, after: float = 0.0) -> None:
        """Offer the run to be recorded, if it was last offered `after` seconds ago or before."""
        if self._recorder is None:
            return
        now = time.perf_counter()
        if now - self._recorded_at >= after:
            self._recorded_at = now
            self._epochs = max(self._epochs, self.trainer.epoch)
            self._recorder(self.trainer, str(self._state()), self._seed, self._epochs)

    def _publish(self, *, tell: bool = True) -> None:
        self._wanted = False
        self.snapshot = self._take_snapshot()
        # while the run goes on, the answer to a key comes first
        self._record(2.0 * RECORD_SECONDS if self._mode is Mode.RUNNING else 0.0)
        if tell and self.changed:
            self.changed()

    def _take_snapshot(self) -> Snapshot:
        self._epochs = max(self._epochs, self.trainer.epoch)
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
        if self._mode in {Mode.RUNNING, Mode.SEEKING}:
            return RunState.RUNNING
        if self.trainer.diverged.all():
            return RunState.DIVERGED
        at_end = self._mode is Mode.PAUSED and self.trainer.epoch >= self._epochs
        return RunState.FINISHED if at_end or self._mode is Mode.STOPPED else RunState.PAUSED
