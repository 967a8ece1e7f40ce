"""The screen of a run: when it draws which snapshot, and how it lays out what it shows.

`actions.py` says what keys do, and `live_run.py` how a run begins and makes way for another.
"""

import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.notifications import Notification
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker

from tui_gd.problems.text import safe_text
from tui_gd.session import commands
from tui_gd.session.commands import Command
from tui_gd.session.options import Option
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.ui.context import Beginning, Context, LastView
from tui_gd.ui.keys import CURSOR_KEYS, KeyRepeat, target
from tui_gd.ui.panels import lines
from tui_gd.ui.panels.board import LESSON_ROWS, SMALLEST, Arrangement, Board, arrange
from tui_gd.ui.panels.panel import Panel, TakeThreshold, View
from tui_gd.ui.panels.widget import CellView, LinesWidget, PanelWidget
from tui_gd.ui.screens.lesson import LessonBox
from tui_gd.ui.screens.live_run import LiveRun
from tui_gd.ui.screens.questions import HINT_SECONDS, Notices
from tui_gd.ui.screens.settings_page import options_for
from tui_gd.ui.textual_fixes.app import PacedApp
from tui_gd.ui.textual_fixes.flow import paint_now

# after a frame, training runs alone for this many times as long as the frame took …
FRAME_REST = 4.0
# … but for no longer than this, in seconds
LONGEST_REST = 0.25
# for this long, the thread that writes a frame gets the interpreter lock before training does
WRITING_SECONDS = 0.0002
FAILED = "\nThe run is kept up to here. {quit} quits, and prints what to report."
FAILED_SECONDS = 3600.0
# if a step takes this many seconds, a held key makes no more steps than the screen can draw
SLOW_STEP_SECONDS = 0.01
_WHEEL = 1.25
# actions that need no other run than the one on the screen …
_AT_ONCE = (
    "panel focus_panel maximise restore scroll train_points theme help log_axis log_epochs measure"
    " smooth zoom pan meter repaint"
)
# … and those that a run which is loading gets when it is there; all others ask a person something
_FOR_NEXT = (
    "run_or_pause step step_back first newest flat_out rescue learning_rate reset new_start undo"
    " redo check_gradient branch hide_lane close_lane race starts mark move"
)
_PAUSING = "step step_back first newest rescue reset new_start"
# what panels ask for, and the actions that do the same
_LOCKS: dict[type, tuple[str, ...]] = {
    commands.SetLearningRate: ("learning_rate", "type_learning_rate"),
    commands.SetStart: ("new_start",),
    commands.SelectLane: ("move",),
    TakeThreshold: ("settings",),
}
# so many of the keys that came are named
_MOST_NAMED = 8


class RunScreen(Screen[None]):
    """Draws the latest snapshot of the run at the terminal's frame rate.

    `draft` are changes on the settings page that no run has begun with yet. `hidden` are the
    numbers of the lanes that plots leave out.
    """

    app: PacedApp[str]
    # otherwise the first panel would take the focus from the panel that had it last time
    AUTO_FOCUS: ClassVar[str | None] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"move_cursor{by}", show=False) for keys, by in CURSOR_KEYS.items()
    ]

    def __init__(self, context: Context, settings: RunSettings, beginning: Beginning) -> None:
        super().__init__()
        self.context, self._beginning = context, beginning
        self.notices = Notices(self, context.terminal.symbols)
        self.run = LiveRun(self, context, settings, beginning, self.notices, self._show_run)
        self.board = Board()
        self.lesson = LessonBox(
            context,
            self.run,
            self.board,
            self.notices,
            lay_out=self.lay_out,
            redraw=self._draw_again,
        )
        self.draft: dict[str, Any] = {}
        cursor = ",".join(CURSOR_KEYS).split(",")
        for action in context.actions:
            for key in action.keys.split(","):
                if key not in cursor:  # Textual's own binding of tab would come first
                    self._bindings.key_to_bindings.pop(key, None)
            if action.keys:  # all keys of this screen, after those of the cursor
                self._bindings.bind(
                    action.keys, target(action.name), show=False, priority=action.name == "quit"
                )
        self._top, self._status = LinesWidget("top"), LinesWidget("status")
        self._verdict, self._tabs = LinesWidget("verdict"), LinesWidget("tabs")
        self._keys, self._tiny = LinesWidget("keys"), LinesWidget("tiny")
        view = context.view
        self.board.choose_all(view.panels, view.focused)
        self.board.maximised = view.maximised
        loss = self.board.loss
        loss.log_axis, loss.log_epochs = view.log_axis, view.log_epochs
        loss.smoothing = view.smooth
        # when the terminal sent the latest key or button, which may be long before its effect
        self.pressed_at = 0.0
        self.key_repeat = KeyRepeat(lambda: self.pressed_at)
        self.hidden: set[int] = set()
        self.checking = self.metered = False
        self._drawn: Snapshot | None = None
        self._stale = True
        self._wanted_look: commands.LookAt | None = None
        self._rests_until = -math.inf
        self._waiting = self._gave_way = False
        # what was asked for while another run was loading: for that run (action, key, function),
        # and the keys that were not taken; and the run on the screen at that time
        self._for_next: list[tuple[str, str, Callable[[], object]]] = []
        self._not_taken: list[str] = []
        self._beside: Runner | None = None
        # the messages and until when they are shown; their rows, and how many there is room for
        self._messages: tuple[tuple[str, str], ...] = ()
        self._until: Timer | None = None
        self._said: list[lines.Said] = []
        self._arranged = Arrangement()
        self._bottom: tuple[tuple[Any, ...], tuple[Any, ...]] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the lines around the panels, and the panels."""
        yield from (self._top, self._status, self._verdict, self.board, self.lesson)
        yield from (self._tabs, self._keys, self._tiny)

    @property
    def options(self) -> list[Option]:
        """The settings that suit the problem; none before there is a run."""
        return options_for(self.run.settings, self.run.problem) if self.run.runner else []

    @property
    def last_view(self) -> LastView:
        """The view to restore at the next start."""
        board, loss, before = self.board, self.board.loss, self.context.view
        if self.lesson.guide:  # the lesson has chosen the panels
            return before
        shown = (before.theme, board.places(), board.panel.NAME, board.maximised)
        return LastView(*shown, loss.log_axis, loss.log_epochs, loss.smoothing)

    # From start to first snapshot

    def on_mount(self) -> None:
        """Begin to draw, and load the problem once the first frame is out."""
        self.board.focus_panel()
        self.set_interval(1.0 / self.context.terminal.fps, self._beat)
        begun = self._beginning
        if begun.lesson:
            self.call_after_refresh(self.lesson.open, *begun.lesson)
        elif begun.kept:
            self.call_after_refresh(self.run.resume, begun.kept)
        else:
            self.call_after_refresh(self.run.begin, self.run.settings, shared=begun.shared)

    def _show_run(self, fresh: bool, note: str) -> None:
        """Show a run that has taken the place of another, and start it."""
        run, runner = self.run, self.run.sender.runner
        if self._drawn is None:
            self.call_after_refresh(self.context.settled)
        if fresh:
            self.board.forget()
        self.draft = {}
        self.hidden.clear()
        self.key_repeat.forget()
        self._wanted_look = None
        self.board.suit(surface=run.problem.surface is not None)
        self.lay_out()
        runner.changed = self._changed
        runner.start()
        if self.checking:
            runner.post(commands.CheckGradient(wanted=True))
        if fresh:
            offers = self._beginning.tour and not self.lesson.guide
            offer = self.lesson.offer_tour() if offers else ""
            for hint in (*self.context.notes, offer, note, *run.settings.remarks(run.problem)):
                if hint:
                    self.notices.add(safe_text(hint, None), HINT_SECONDS)
            self.context.notes = ()
        self.lesson.run_shown()
        self._stale = True
        self._tick()

    # Keys that come while another run is loading

    def waits(self, name: str, called: str, do: Callable[[], object]) -> bool:
        """Return whether an action must not affect the run on the screen, as another is loading.

        What needs no answer of a person waits for the other run. A question, and all that follows
        it, is not taken: the keys that come next may be meant for it.
        """
        loading = self.run.loading
        if name in _AT_ONCE.split() or (name == "lesson" and self.lesson.guide):
            return False
        if not loading:
            while self._for_next and not self.run.loading:
                self._for_next.pop(0)[2]()
            return bool(self.run.loading) and self.waits(name, called, do)
        key = self.context.keys.of(called)
        self._beside = self.run.runner
        if name not in _FOR_NEXT.split() or self._not_taken or self.lesson.guide:
            self._not_taken.append(key)
        elif name == "run_or_pause" and (at := self._runs_at) is not None:
            del self._for_next[at]  # the key that runs also pauses
        else:
            self._for_next.append((name, key, do))
        said = [loading]
        for what, listed in (
            ("then", [waiting for _, waiting, _ in self._for_next]),
            ("not taken:", self._not_taken),
        ):
            if listed:
                more = [" …"] * (len(listed) > _MOST_NAMED)
                said.append(" ".join([what, *listed[:_MOST_NAMED], *more]))
        if self.run.runner:
            said.append(f"{self.context.keys.of('restore')} gives it up")
        self.notices.say_loading(" · ".join(said))
        return True

    @property
    def _runs_at(self) -> int | None:
        """The place of the waiting action that would leave the next run running, if any."""
        for at, (name, _, _) in reversed(list(enumerate(self._for_next))):
            if name == "run_or_pause":
                return at
            if name in _PAUSING.split():
                return None
        return None

    def _do_next(self) -> None:
        """Perform the next of the actions that wait, once the run has answered the one before."""
        runner = self.run.runner
        if not self._for_next or self.run.loading or self.app.screen is not self:
            return
        if runner is None or runner is self._beside:
            keys = " ".join(key for _, key, _ in self._for_next)
            self._for_next.clear()
            self.notices.add(f"not taken: {keys}", HINT_SECONDS)
        elif self.run.training or (
            runner.resting and (self.board.tiny or runner.snapshot is self._drawn)
        ):
            self._for_next.pop(0)[2]()

    def give_up_loading(self) -> bool:
        """Keep the run on the screen instead of one that a person sees loading, if there is one."""
        if not self.notices.loading or not self.run.give_up():
            return False
        self._for_next.clear()
        self.notices.say("given up: this run stays")
        return True

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Once a run is loaded, it gets what has waited for it."""
        if event.worker.group == "load" and not self.run.loading:
            self._not_taken.clear()
            self.notices.loaded()
            self._do_next()

    # Drawing

    @property
    def view(self) -> View:
        """The run as panels should draw it now."""
        run, runner, guide = self.run, self.run.sender.runner, self.lesson.guide
        snapshot = runner.snapshot
        resting = snapshot.state is not RunState.RUNNING and not runner.busy
        return View(
            snapshot,
            run.problem,
            runner.predictor,
            run.settings,
            self.context.style,
            runner.make_engine,
            frozenset(self.hidden),
            self.context.keys,
            guide.marks(snapshot.newest, resting=resting) if guide else (),
        )

    def _changed(self) -> None:
        """Draw the new snapshot at once; the runner's thread calls this."""
        self.call_later(self._answer)

    def _answer(self) -> None:
        """Draw the effect of a command."""
        self.app.flow.hurry()
        self._tick()
        self._do_next()

    def _beat(self) -> None:
        """Draw at the frame rate, but while a run goes on leave it enough time."""
        rested = time.monotonic() >= self._rests_until and self.app.flow.due
        runner = self.run.runner
        # a key that has come in between is answered first; the next beat does not wait again
        self._gave_way = bool(runner and runner.waits) and not self._gave_way
        if not self.run.training or (rested and not self._gave_way):
            self._tick()
        self._do_next()

    def _tick(self) -> None:
        """Draw the latest snapshot if it is not on the screen yet."""
        runner = self.run.runner
        if runner is None:
            self._draw_empty()
            return
        runner.want_snapshot()
        unchanged = runner.snapshot is self._drawn and not self._stale
        # behind a question the run goes on; behind the help nobody would see it
        seen = self.is_active or self.app.screen.is_modal
        if unchanged or not seen or self.board.tiny:
            return
        self._waiting = not self.app.can_draw
        if self._waiting:
            return
        begun = time.monotonic()
        runner.begin_frame()
        self.board.studies.begin_frame()
        self._draw(self.view)
        if paint_now(self, CellView):
            time.sleep(WRITING_SECONDS)
            self._end_frame(runner, begun)
        else:
            self.call_after_refresh(self._end_frame, runner, begun)

    @property
    def step_pending(self) -> bool:
        """Whether steps are slow and the last requested one is not on the screen yet."""
        runner = self.run.sender.runner
        if runner.step_seconds < SLOW_STEP_SECONDS:
            return False
        return runner.busy or runner.snapshot is not self._drawn

    def _sent(self, view: View) -> str:
        """Return what is sent to the terminal: per second while running, in all at rest."""
        if not self.metered:
            return ""
        flow = self.app.flow
        if view.snapshot.state is not RunState.RUNNING:
            return f"{flow.frames} frames {flow.bytes / 1e3:.0f} kB"
        frames, sent = flow.rates()
        return f"{frames:.0f} frames/s {sent / 1e3:.1f} kB/s"

    def draw_waiting(self) -> None:
        """Draw what had to wait for the line to the terminal."""
        if self._waiting:
            self._tick()

    def _end_frame(self, runner: Runner, begun: float) -> None:
        """Let training and studies go on."""
        runner.end_frame()
        self.board.studies.end_frame()
        now = time.monotonic()
        self._rests_until = now + min(FRAME_REST * (now - begun), LONGEST_REST)
        if not self.step_pending and (step := self.key_repeat.drawn()):
            self.run.sender.post(step)

    def _draw(self, view: View) -> None:
        before, self._drawn, self._stale = self._drawn, view.snapshot, False
        self._draw_lines(view)
        guide = self.lesson.guide
        for panel in self.board.panels:
            panel.pointed = guide is not None and guide.pointed == panel.NAME
        self.board.draw_now(view)
        self._look(view)
        self.board.study(view)
        self.lesson.follow(view.snapshot)
        notice = view.snapshot.notice
        if notice and (before is None or before.notice != notice):
            failed = view.snapshot.state is RunState.FAILED
            said = safe_text(notice, None)
            said += FAILED.format(quit=view.keys.of("quit")) if failed else ""
            if view.snapshot.state is RunState.PAUSED:  # by machines that do not answer
                self.notices.say(said, warning=True, stay=True)
            else:
                self.notices.add(said, FAILED_SECONDS if failed else HINT_SECONDS, "error")

    def _draw_lines(self, view: View) -> None:
        """Draw the lines around the panels."""
        keys, style, columns = view.keys, view.style, self.size.width
        shown = tuple(panel.NAME for panel in self.board.shown)
        verdict, rows = self.board.why.verdict(view), self._verdict.size.height
        self._top.show_lines(lines.draw_top, view, columns, self._sent(view))
        self._status.show_lines(lines.draw_status, view, columns)
        self._verdict.show_lines(lines.draw_verdict, verdict, keys, style, rows, columns)
        taught = self.lesson.has_focus
        footer = lines.footer_of(None if taught else self.board.panel, view)
        self._draw_bottom(
            (lines.draw_tabs, shown, keys, style, columns),
            (lines.draw_footer, footer, keys, style, columns),
        )

    def _draw_bottom(self, tabs: tuple[Any, ...], footer: tuple[Any, ...]) -> None:
        """Draw the tabs and the footer, or the messages instead of them.

        Both are what `show_lines` takes. A message of one row stands in the tabs' place, so that
        the footer stays.
        """
        self._bottom = tabs, footer
        style, columns = self.context.style, self.size.width
        rows = lines.shortened(self._said, self._arranged.said, style, columns)
        if rows and self._tabs.display:
            first = max(len(rows) - 1, 1)
            tabs, rows = (lines.draw_said, rows[:first], style, columns), rows[first:]
        if rows:
            footer = (lines.draw_said, rows, style, columns)
        self._tabs.show_lines(*tabs)
        self._keys.show_lines(*footer)

    def _draw_empty(self) -> None:
        if self._stale:
            self._stale = False
            text, columns = f"loading {self.run.settings.problem}", self.size.width
            keys, style = self.context.keys, self.context.style
            self._status.show_lines(lines.draw_text, text, style, columns)
            footer = (lines.draw_footer, (lines.QUIT,), keys, style, columns)
            self._draw_bottom((lines.draw_text, "", style, columns), footer)

    def show_messages(self, messages: Iterable[Notification]) -> None:
        """Draw the messages where the panels' names and the footer are, until they expire."""
        if self._until:
            self._until.stop()
        shown = list(messages)
        if shown:
            left = min(message.time_left for message in shown)
            self._until = self.set_timer(max(left, 0.0), partial(self.show_messages, messages))
        now = tuple((message.message, message.severity) for message in shown)
        if now == self._messages:
            return
        self._messages = now
        self._said = lines.said_rows(now, self.context.style, self.size.width)
        if self._bottom and self._arranged == self._arrangement():
            self._draw_bottom(*self._bottom)
        else:
            self.lay_out()

    def action_end_messages(self) -> None:
        """Remove the messages."""
        self.app.clear_notifications()

    def redraw(self) -> None:
        """Draw again, although the run has not changed."""
        self._stale = True
        self.lesson.draw_now()
        if self.board.tiny:
            (columns, rows), leave = self.size, self.context.keys.of("quit")
            style = self.context.style
            self._tiny.show_lines(lines.draw_tiny, rows, columns, SMALLEST, leave, style)
        self._tick()

    def on_panel_changed(self) -> None:
        """Draw panels again after a change of their size or focus."""
        self._stale = True
        self.call_later(self._tick)

    def on_screen_resume(self) -> None:
        """Draw what changed while another screen was on top."""
        self._stale = True
        self.app.listen_to_mouse(wanted=True)

    def on_screen_suspend(self) -> None:
        """Stop listening to the mouse while another screen is on top."""
        self.app.listen_to_mouse(wanted=False)

    def _look(self, view: View) -> None:
        """Ask for snapshots with the curves that the loss panel wants."""
        wanted = self.board.loss.wanted_look(view)
        if wanted not in {view.snapshot.look, self._wanted_look}:
            self._wanted_look = wanted
            self.run.sender.post(wanted)

    def on_board_found(self) -> None:
        """Draw what a study has found."""
        self._draw_again()

    def on_board_failed(self, event: Board.Failed) -> None:
        """Say which study needs more memory than there is."""
        self.notices.say(event.said, warning=True)

    def _draw_again(self) -> None:
        self._stale = True
        if not self.run.training:  # else the next frame shows it
            self._tick()

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the size, and draw."""
        del event
        self.lay_out()

    def _arrangement(self) -> Arrangement:
        below = LESSON_ROWS if self.lesson.guide else 0
        maximised, said = self.board.maximised, len(self._said)
        return arrange(*self.size, maximised=maximised, below=below, said=said)

    def lay_out(self) -> None:
        """Choose the layout for the size, and draw."""
        taught = self.lesson.guide is not None
        self._said = lines.said_rows(self._messages, self.context.style, self.size.width)
        now = self._arranged = self._arrangement()
        self.board.fit_to(now)
        self.lesson.display = taught
        self.set_class(now.tiny, "tiny")
        self._tabs.display = bool(now.tabs) and not now.tiny
        self._tabs.styles.height = now.tabs + now.more if now.tabs else 1
        self._keys.styles.height = 1 if now.tabs else 1 + now.more
        self._verdict.styles.height = now.verdict
        self._verdict.styles.margin = (now.blank, 0)
        lost = self.focused is None and not self.board.tiny  # hidden in a tiny terminal
        if lost and not self.lesson.take_focus():
            self.board.focus_panel()
        self.redraw()

    # The panels: their commands, and the cursor of the focused one

    def show_panel(self, name: str) -> None:
        """Show a panel and put the focus on it, unless a lesson has the focus."""
        taught = self.lesson.has_focus
        self.board.choose(name)
        self.lay_out()
        if not taught:
            self.board.focus_panel()

    def on_panel_wheeled(self, event: PanelWidget.Wheeled) -> None:
        """Zoom at the pointer; if the panel cannot zoom, move the selection."""
        if self.run.runner:
            factor = _WHEEL**event.up
            zoomed = event.panel.zoom_at(event.x, event.y, factor, self.view)
            if not zoomed and not self.run.loading:
                self.move(event.panel, -event.up)
            self.redraw()

    def move(self, panel: Panel, by: int) -> None:
        """Move the selection in a panel: a sample, a row, or the current lane."""
        if panel.CHOOSES_LANES:
            self.run.sender.choose_lane(by)
        else:
            panel.move(by, self.view)

    def on_panel_dragged(self, event: PanelWidget.Dragged) -> None:
        """Move the window with the pointer."""
        if self.run.runner and event.panel.pan(event.share, self.view):
            self.redraw()

    def on_panel_clicked(self, event: PanelWidget.Clicked) -> None:
        """Let a panel handle a click, and carry out the command that follows from it."""
        if self.run.runner:
            command = event.panel.click_at(event.x, event.y, self.view)
            if command is not None:
                self.carry_out(command)
            self.redraw()

    def carry_out(self, command: Command | TakeThreshold) -> None:
        """Do what a panel asks, unless a lesson locks the keys that do the same."""
        for action in ("cursor", *_LOCKS.get(type(command), ())):
            if why := self.lesson.refusal(action):
                self.notices.say(why)
                return
        self.run.carry_out(command)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let arrows move the cursor only while there is one."""
        del parameters
        return action != "move_cursor" or self.board.panel.cursor_on

    def action_move_cursor(self, across: int, down: int) -> None:
        """Move the cursor; the step panel follows its train sample."""
        if why := self.lesson.refusal("cursor"):  # it was there before the lesson
            self.board.panel.end_cursor()
            self.notices.say(why)
        elif self.run.runner:
            panel = self.board.panel
            panel.move_cursor(across, down, self.view)
            if panel.CHOOSES_LANES and not self.run.loading:
                self.run.sender.choose_lane(down)
            self.board.step.sample = self.board.points.sample
            self.redraw()
