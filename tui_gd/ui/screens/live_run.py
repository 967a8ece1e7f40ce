"""The run on the screen: how it begins, which commands it gets, and how undo brings back others."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from textual.screen import Screen
from textual.worker import Worker, get_current_worker

from tui_gd.errors import OutputError, ProblemError
from tui_gd.problems import Problem
from tui_gd.runs.recipe import Shared, replay
from tui_gd.runs.record import RunRecord
from tui_gd.runs.recorder import Recorder
from tui_gd.runs.resume import resume
from tui_gd.runs.store import RunLock
from tui_gd.session import commands
from tui_gd.session.commands import Command
from tui_gd.session.roles import Asked, asked_about
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.trainer import Trainer
from tui_gd.ui.context import Beginning, Context
from tui_gd.ui.panels.panel import TakeThreshold
from tui_gd.ui.screens.questions import Notices
from tui_gd.ui.screens.table_page import TableScreen

# a stop may have to wait for a pass over the data, which may take this long
STOP_SECONDS = 30.0
# a run that takes this many seconds to load is said to be loading
LOADING_SECONDS = 0.3
# a run of at most this many epochs is slowed down until it takes about this many seconds
WATCHED_EPOCHS = 1000
WATCHED_SECONDS = 3.0

LEVELS = 50
"""At most this many runs are kept …"""
BYTES = 256 << 20
"""… and the oldest go first if they take more bytes than this; the newest always stays."""


@dataclass(frozen=True)
class Change:
    """What a key does and what it replaces, in words; `both`: a branch would keep both."""

    done: str
    before: str
    both: bool = False


@dataclass(frozen=True, eq=False)
class Earlier:
    """A run as it was before a key replaced it; `words` name it: `the 100 epochs of seed 3`.

    `wanted` are its settings as given; choices that depend on the data are still open in them.
    `checkpoint` is filled on the runner's thread. `goal` is the last epoch wanted, `kept` the id of
    the kept run, if any.
    """

    words: str
    settings: RunSettings
    wanted: RunSettings
    problem: Problem
    checkpoint: "Future[Checkpoint]"
    goal: int
    kept: str | None = None


class Undo:
    """Two stacks: the runs before the one on the screen, and the runs that undo has left."""

    def __init__(self, levels: int = LEVELS, most_bytes: int = BYTES) -> None:
        self._levels, self._most_bytes = levels, most_bytes
        self._before: list[Earlier] = []
        self._after: list[Earlier] = []

    @property
    def before(self) -> Earlier | None:
        """The run that undo would bring back."""
        return self._before[-1] if self._before else None

    @property
    def after(self) -> Earlier | None:
        """The run that redo would bring back."""
        return self._after[-1] if self._after else None

    def push(self, earlier: Earlier) -> None:
        """Keep the run that is being replaced; after this, nothing can be redone."""
        self._before.append(earlier)
        self._after.clear()
        self._trim()

    def swap(self, earlier: Earlier, now: Earlier, *, back: bool) -> None:
        """Remove the run that has come back; put the run that it replaced on the other stack.

        If another key has already removed it from its stack, undo still leads to the replaced run.
        """
        source, other = (self._before, self._after) if back else (self._after, self._before)
        if earlier in source:
            source.remove(earlier)
            other.append(now)
            self._trim()
        else:
            self.push(now)

    @property
    def _too_many(self) -> bool:
        runs = [*self._before, *self._after]
        problems = {id(run.problem): run.problem for run in runs}.values()
        used = sum(map(_bytes, runs)) + sum(map(_problem_bytes, problems))
        return len(runs) > self._levels or used > self._most_bytes

    def _trim(self) -> None:
        while len(self._before) > 1 and self._too_many:
            self._before.pop(0)


def _bytes(earlier: Earlier) -> int:
    """Return the bytes of a run, as far as they are known by now."""
    if not earlier.checkpoint.done() or earlier.checkpoint.cancelled():
        return 0
    checkpoint = earlier.checkpoint.result()
    used = sum(frame.state.nbytes for frame in checkpoint.keyframes)
    for known in (one for lanes in checkpoint.series.values() for one in lanes.values()):
        used += known.values.nbytes + known.thinned.epochs.nbytes + known.thinned.values.nbytes
    return used


def _problem_bytes(problem: Problem) -> int:
    arrays = (problem.x_train, problem.y_train, problem.x_test, problem.y_test)
    return sum(array.nbytes for array in (*arrays, problem.x_validation, problem.y_validation))


class CommandSender:
    """Sends commands to one run.

    Keys come faster than snapshots. The lane and the learning rate that were last requested count
    until a snapshot shows them, so three quick presses of `+` climb three rungs.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self._lane: int | None = None
        self._rate: float | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The latest snapshot."""
        return self.runner.snapshot

    def post(self, command: Command) -> None:
        """Send a command."""
        match command:
            case commands.SetLearningRate(rate):
                self._rate = rate
            case commands.SelectLane(lane):
                self._lane, self._rate = lane, None
            case commands.Branch(learning_rate=float()):
                self._rate = None
            case commands.CloseLane():
                self._lane = self._rate = None
            case commands.StepBack() | commands.GoTo():
                self._rate = None  # another epoch may have another rate on record
        self.runner.post(command)

    @property
    def lane(self) -> int:
        """The position of the lane that is current after all commands."""
        snapshot = self.snapshot
        numbers = [lane.number for lane in snapshot.lanes]
        if self._lane not in numbers or self._lane == snapshot.lane.number:
            self._lane = None
            return snapshot.current
        return numbers.index(self._lane)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the lane at `lane`, after all commands."""
        shown = self.snapshot.lanes[self.lane].learning_rate
        if self._rate is None or self._rate == shown:
            self._rate = None
            return shown
        return self._rate

    def choose_lane(self, by: int) -> None:
        """Make the lane `by` places after the current one the current lane."""
        lanes = self.snapshot.lanes
        lane = (self.lane + by) % len(lanes)
        if lane != self.lane:
            self.post(commands.SelectLane(lanes[lane].number))


class LiveRun:
    """The run on the screen: begun, continued, replaced and kept; at first there is none.

    `wanted` are the settings as given; `settings` also contain what follows from the data.
    `recorder` keeps the run, if it is kept. `screen` has the threads, and the questions about
    tables. `show(fresh, note)`, on the interface's thread, shows the run that has replaced another
    and starts it; it is `fresh` unless it learns from the same data.
    """

    problem: Problem

    def __init__(
        self,
        screen: Screen[None],
        context: Context,
        settings: RunSettings,
        beginning: Beginning,
        notices: Notices,
        show: Callable[[bool, str], None],
    ) -> None:
        self._screen, self._context, self._notices = screen, context, notices
        self.settings, self.wanted = settings, settings
        self.keeps = beginning.keep
        self._show = show
        self._sender: CommandSender | None = None
        self.recorder: Recorder | None = None
        self.undo = Undo()
        # the answered question about a table, until a run begins
        self._asked: Asked | None = None
        # learning rates tried one after another replace the same epochs: the undo entry, lane and
        # epoch
        self._tried_rates: tuple[Earlier, int, int] | None = None
        # what is loading, in words, and the thread whose run may no longer be given up
        self._loads = f"loading {settings.problem.rpartition('/')[2]}"
        self._claimed: Worker[None] | None = None
        # the last run that was put away, and whether that has finished
        self._put_aside: tuple[str | None, threading.Event] = None, threading.Event()

    @property
    def runner(self) -> Runner | None:
        """What drives the run, if there is one."""
        return self._sender.runner if self._sender else None

    @property
    def sender(self) -> CommandSender:
        """What sends commands to the run; only for use once there is a run."""
        assert self._sender
        return self._sender

    @property
    def training(self) -> bool:
        """Whether the run goes on by itself."""
        return self.runner is not None and self.runner.snapshot.state is RunState.RUNNING

    # How a run begins

    def begin(
        self, settings: RunSettings, change: Change | None = None, shared: Shared | None = None
    ) -> None:
        """Begin a run, or repeat a shared one; keep the data if the settings name the same.

        `change` says what the new run replaces, and undo brings that back.
        """
        name = settings.problem.rpartition("/")[2]
        self.work(partial(self._load, settings, change, shared), f"loading {name}")

    def resume(self, run: str) -> None:
        """Continue a kept run in place of the one on the screen, which stays if that fails."""
        self.work(partial(self._open_kept, run), "loading the kept run")

    def work(self, load: Callable[[], None], words: str) -> None:
        """Load a run on a thread; the run that another thread is loading is given up.

        `words` say what is loading; if it takes a while, a person reads them.
        """
        self._loads = words
        self._screen.run_worker(load, group="load", description="load", exclusive=True, thread=True)
        self._screen.set_timer(LOADING_SECONDS, self._say_loading)

    def _say_loading(self) -> None:
        if self.runner and not self._notices.loading and (words := self.loading):
            leave = self._context.keys.of("restore")
            self._notices.say_loading(f"{words} · {leave} gives it up")

    @property
    def loading(self) -> str:
        """What is loading and will replace the run on the screen, in words; empty if nothing is.

        Before the first run is there, something is always loading.
        """
        return self._loads if self._loader or self.runner is None else ""

    @property
    def _loader(self) -> Worker[None] | None:
        """The thread that loads a run, until it has ended or was given up."""
        at_work = (one for one in self._screen.workers if one.group == "load")
        return next((one for one in at_work if not one.is_finished), None)

    def give_up(self) -> bool:
        """Keep the run on the screen instead of what is loading; return whether it stays."""
        loader = self._loader
        if self.runner is None or loader is None or loader is self._claimed:
            return False
        loader.cancel()
        return True

    def _claims(self) -> bool:
        """Return whether the run that this thread has loaded may replace the one on the screen.

        If so, it can no longer be given up.
        """
        worker = get_current_worker()

        def claim() -> bool:
            if not worker.is_cancelled:
                self._claimed = worker
            return self._claimed is worker

        return self._screen.app.call_from_thread(claim)

    def _load(self, settings: RunSettings, change: Change | None, shared: Shared | None) -> None:
        """Load the problem and make the runner: this imports scikit-learn."""
        app = self._screen.app
        given, same = settings, self.runner and settings.data == self.settings.data
        try:
            problem = self.problem if same else settings.load_problem()
            problem.check_dense()
            wanted, settings = settings, settings.resolved(problem)
            settings = replace(settings, loss=settings.loss_for(problem))
            trainer = settings.make_trainer(problem, bounded=True)
            if shared is not None:
                trainer.record_norms()
                replay(trainer, shared)
        except ProblemError as error:
            in_run = self.runner is not None
            asked = None if same else asked_about(given, error, self._asked, in_run=in_run)
            if not asked:
                self._refuse_load(str(error))
            elif self._claims():
                begin = partial(self._begin_with_answer, asked, change)
                app.call_from_thread(self._screen.run_worker, begin)
            return
        goal = shared.last_epoch if shared else settings.epochs
        seed = shared.newest_seed if shared else settings.seed
        recorder = self._new_recorder(settings, problem, goal)
        runner = self._new_runner(trainer, settings, recorder, seed=seed, goal=goal)
        self._hand_over(_Loaded(settings, wanted, problem, runner, recorder), change)

    def _open_kept(self, run: str) -> None:
        try:
            with self._context.open_library() as store:
                kept = resume(store, run, bounded=True)
        except (ProblemError, OutputError) as error:
            self._refuse_load(str(error))
            return
        settings = replace(kept.settings, loss=kept.settings.loss_for(kept.problem))
        recorder = kept.recorder(warn=self._notices.say_from_thread)
        runner = self._new_runner(kept.trainer, settings, recorder, seed=kept.seed, goal=kept.goal)
        self._hand_over(_Loaded(settings, settings, kept.problem, runner, recorder, kept.note))

    def _new_runner(
        self,
        trainer: Trainer,
        settings: RunSettings,
        recorder: Recorder | None,
        *,
        seed: int,
        goal: int,
    ) -> Runner:
        """Return the runner that drives a run up to epoch `goal`.

        It has the pace of the run on the screen; a short first run is slow enough to watch.
        """
        pace = settings.epochs / WATCHED_SECONDS if settings.epochs <= WATCHED_EPOCHS else None
        if self.runner:
            pace = self.runner.snapshot.pace
        record = recorder.take if recorder else None
        extension = settings.epochs
        runner = Runner(trainer, goal, seed=seed, pace=pace, record=record, extension=extension)
        if recorder:
            recorder.give_way = runner.let_interface_go_first
        return runner

    def _new_recorder(self, settings: RunSettings, problem: Problem, goal: int) -> Recorder | None:
        """Return what keeps a new run, None if runs are not kept."""
        path, warn = self._context.library, self._notices.say_from_thread
        return Recorder(settings, problem, path=path, goal=goal, warn=warn) if self.keeps else None

    def refuse(self, fault: str) -> None:
        """Say why a run cannot begin: over the run on the screen, or while leaving."""
        if self.runner:
            self._notices.say(fault, warning=True)
        else:
            self._screen.app.exit(fault, return_code=2)

    def _refuse_load(self, fault: str) -> None:
        """Say why what this thread loads cannot begin, unless it was given up."""
        if self._claims():
            self._screen.app.call_from_thread(self.refuse, fault)

    async def _begin_with_answer(self, asked: Asked, change: Change | None) -> None:
        """Ask what columns are for and how a file is to be read, and try again with the answer."""
        page = TableScreen(self._context, asked, self.replaced)
        settings = await self._screen.app.push_screen_wait(page)
        self._asked = None if settings is None else asked
        if settings is None:
            self.refuse(asked.message)
        else:
            self.begin(settings, change)

    @property
    def replaced(self) -> str:
        """What becomes of the run on the screen when another begins, in words; empty without."""
        if self.runner is None:
            return ""
        epochs = epochs_in_words(self.runner.snapshot)
        return f"{self._context.keys.of('undo')} brings back {epochs} of this run"

    def _change_threshold(self, threshold: float) -> None:
        """Go on with another threshold, as a run of its own: a kept run's settings never change."""
        runner, old = self.sender.runner, f"{self.settings.threshold:g}"
        checkpoint = runner.checkpoint()
        if runner is not self.runner:
            return  # another run has taken its place
        if checkpoint is None:
            said = "the run does not answer: pause it, and take the threshold again"
            self._notices.say_from_thread(said)
            return
        now, running = runner.snapshot, runner.snapshot.state is RunState.RUNNING
        settings, wanted = (
            replace(one, threshold=threshold) for one in (self.settings, self.wanted)
        )
        trainer = RunRecord(settings, self.problem, checkpoint).trainer(bounded=True)
        recorder = self._new_recorder(settings, self.problem, now.epochs)
        fresh = self._new_runner(trainer, settings, recorder, seed=now.seed, goal=now.epochs)
        change = Change(f"threshold {threshold:g}", f"threshold {old}")
        loaded = _Loaded(settings, wanted, self.problem, fresh, recorder)
        if self._hand_over(loaded, change) and running:
            self._screen.app.call_from_thread(self.sender.post, commands.Resume())

    # How a run makes way for another

    def _hand_over(self, loaded: "_Loaded", change: Change | None = None) -> bool:
        """Stop the run on the screen, keep it for undo, and show another; on a worker thread.

        If the other was given up, the run on the screen stays. Return whether it was replaced.
        """
        if not self._claims():
            if loaded.recorder:
                loaded.recorder.close()
            return False
        earlier = self._stopped(change.before if change else "")

        def show() -> None:
            self._take(loaded)
            if earlier:
                self.undo.push(earlier)
            if change:
                self._announce(change)

        self._screen.app.call_from_thread(show)
        return True

    def _take(self, loaded: "_Loaded") -> None:
        """Show a run in place of the one on the screen."""
        if self._loader is self._claimed:  # the run is there before its thread has ended
            self._loads = ""
        fresh = self.runner is None or loaded.problem is not self.problem
        if self.runner:
            self.runner.stop()
            if self.recorder and self.recorder is not loaded.recorder:
                done = threading.Event()
                self._put_aside = self.recorder.id, done
                put_away = partial(_put_away, self.runner, self.recorder, done)
                self._screen.run_worker(put_away, group="keep", description="keep", thread=True)
        self.settings, self.wanted, self.problem = loaded.settings, loaded.wanted, loaded.problem
        self.recorder, self._asked = loaded.recorder, None
        self._sender = CommandSender(loaded.runner)
        self._show(fresh, loaded.note)

    def _stopped(self, words: str) -> Earlier | None:
        """Stop the run on the screen and return it as undo keeps it; on a worker thread."""
        runner = self.runner
        if runner is None:
            return None
        answer: Future[Checkpoint] = Future()
        if runner.stop(STOP_SECONDS) and not runner.failure:
            answer.set_result(runner.trainer.checkpoint(runner.snapshot.seed))
        else:
            answer.cancel()
        return self._earlier(words or "the run before", answer)

    def _earlier(self, words: str, checkpoint: "Future[Checkpoint]") -> Earlier:
        goal, kept = self.sender.snapshot.epochs, self.kept_id
        return Earlier(words, self.settings, self.wanted, self.problem, checkpoint, goal, kept)

    # Keeping

    @property
    def kept_id(self) -> str | None:
        """The id of the kept run, None while it is not kept."""
        return self.recorder.id if self.recorder else None

    @property
    def missing(self) -> str:
        """Why the end of the run is not kept; ask once it has been put away."""
        return self.recorder.missing if self.recorder else ""

    def put_away(self) -> None:
        """Write the whole run, once its runner has stopped; may wait for a disk."""
        if self.runner and self.recorder:
            _put_away(self.runner, self.recorder, threading.Event())

    def exported(self) -> RunRecord:
        """Return the run for an export; not on the interface's thread."""
        snapshot = self.sender.snapshot
        checkpoint = self.sender.runner.checkpoint()
        if checkpoint is None:
            raise ProblemError("the run does not answer: pause it, and export again")
        lane, goal = snapshot.lane.number, snapshot.epochs
        return RunRecord(self.settings, self.problem, checkpoint, lane, goal=goal)

    # Commands that discard something, and undo

    def carry_out(self, command: Command | TakeThreshold) -> None:
        """Do what a panel asks; say how to undo what it discards."""
        if self.loading:
            self._notices.say_loading(f"{self.loading} · not taken: what the panel was asked for")
        elif isinstance(command, TakeThreshold):
            words = f"taking threshold {command.threshold:g}"
            self.work(partial(self._change_threshold, command.threshold), words)
        elif isinstance(command, commands.SetStart):
            change = Change("started there", epochs_in_words(self.sender.snapshot))
            self.discard(command, change)
        elif isinstance(command, commands.SetLearningRate):
            self.set_rate(command.learning_rate)
        else:
            self.sender.post(command)

    def set_rate(self, rate: float) -> None:
        """Set the current lane's rate; if that replaces later epochs, say how to undo it."""
        snapshot = self.sender.snapshot
        lane, command = snapshot.lanes[self.sender.lane], commands.SetLearningRate(rate)
        if lane.recorded <= snapshot.epoch:
            self.sender.post(command)
            return
        done = f"α {rate:g} from epoch {snapshot.epoch} on"
        tried = self._tried_rates
        if tried and tried == (self.undo.before, lane.number, snapshot.epoch):
            self.sender.post(command)  # the same key again replaces the same epochs
            self._announce(Change(done, tried[0].words))
            return
        before = f"epochs {snapshot.epoch + 1} to {lane.recorded} with α {lane.learning_rate:g}"
        self.discard(command, Change(done, before))
        if self.undo.before:
            self._tried_rates = self.undo.before, lane.number, snapshot.epoch

    def discard(self, command: Command, change: Change) -> None:
        """Send a command that discards something, and say how to undo it."""
        checkpoint = commands.TakeCheckpoint()
        self.undo.push(self._earlier(change.before, checkpoint.answer))
        self.sender.post(checkpoint)
        self.sender.post(command)
        self._announce(change)

    def _announce(self, change: Change) -> None:
        """Say what was done and how to undo it, until the next key."""
        keys = self._context.keys
        said = [change.done, f"{keys.of('undo')} brings back {change.before}"]
        if change.both:
            said.append(f"{keys.of('branch_with')} keeps both")
        self._notices.say(" · ".join(said), stay=True)

    def bring_back(self, earlier: Earlier, *, back: bool) -> None:
        """Show a run that was replaced, or, if not `back`, one that undo has left."""
        words = f"bringing back {earlier.words}"
        self.work(partial(self._restore, earlier, back=back), words)

    def _restore(self, earlier: Earlier, *, back: bool) -> None:
        try:
            checkpoint = earlier.checkpoint.result(STOP_SECONDS)
            record = RunRecord(earlier.settings, earlier.problem, checkpoint)
            trainer = record.trainer(bounded=True)
        except (ProblemError, TimeoutError, CancelledError):
            self._refuse_load(f"{earlier.words} cannot be brought back")
            return
        if not self._claims():
            return
        now = self._stopped("")
        recorder = self._recorder_of(earlier)
        runner = self._new_runner(
            trainer, earlier.settings, recorder, seed=checkpoint.seed, goal=earlier.goal
        )
        loaded = _Loaded(earlier.settings, earlier.wanted, earlier.problem, runner, recorder)

        def show() -> None:
            self._take(loaded)
            if now:
                self.undo.swap(earlier, now, back=back)
            said = [f"back to {earlier.words}"]
            if self.undo.before:
                said.append(f"{self._context.keys.of('undo')} goes further back")
            if self.undo.after:
                said.append(f"{self._context.keys.of('redo')} goes forward again")
            self._notices.say(" · ".join(said), stay=True)

        self._screen.app.call_from_thread(show)

    def _recorder_of(self, earlier: Earlier) -> Recorder | None:
        """Return the recorder for a run that undo or redo brings back; on a worker thread."""
        if earlier.kept and earlier.kept == self.kept_id:
            return self.recorder
        if earlier.kept:
            if self._put_aside[0] == earlier.kept:
                self._put_aside[1].wait(STOP_SECONDS)
            with suppress(ProblemError, OutputError), self._context.open_library() as store:
                kept = store.find(earlier.kept)
                return Recorder(
                    earlier.settings,
                    earlier.problem,
                    path=self._context.library,
                    goal=earlier.goal,
                    kept=kept,
                    lock=RunLock(store.directory, kept.id),
                    warn=self._notices.say_from_thread,
                )
        return self._new_recorder(earlier.settings, earlier.problem, earlier.goal)


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A run that is ready to show; `note` is a message, or empty."""

    settings: RunSettings
    wanted: RunSettings
    problem: Problem
    runner: Runner
    recorder: Recorder | None
    note: str = ""


def epochs_in_words(snapshot: Snapshot) -> str:
    """Return the length of a run: `the 100 epochs`, `the start`."""
    if snapshot.newest < 2:
        return "the epoch" if snapshot.newest else "the start"
    return f"the {snapshot.newest} epochs"


def _put_away(runner: Runner, recorder: Recorder, done: threading.Event) -> None:
    """Write the whole run once it has stopped or failed, and release it; then set `done`."""
    sound = runner.stop(STOP_SECONDS) and not runner.failure
    # a run whose training failed can continue from the part that was kept
    state = RunState.PAUSED if runner.failure else runner.snapshot.state
    snapshot = runner.snapshot
    trainer = runner.trainer if sound else None
    recorder.close(trainer, str(state), snapshot.seed, snapshot.epochs)
    done.set()
