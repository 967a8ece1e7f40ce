"""A lesson next to a run: the box under the panels, its keys, and the run that answers.

The lesson asks questions about the run. A thread of its own finds the answers on a copy made from a
checkpoint, so the run on the screen never waits.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from textual import events, work

from tui_gd.errors import OutputError, ProblemError
from tui_gd.learning.engine import computing
from tui_gd.lessons.player import Player, seed_of
from tui_gd.lessons.progress import resumed, save
from tui_gd.lessons.replay import (
    LessonRun,
    at_checkpoint,
    curves,
    orders_of,
    reach,
    start_of,
    take_answer,
)
from tui_gd.plots.curves import Mark
from tui_gd.plots.palette import Style
from tui_gd.runs.share import open_line
from tui_gd.runs.store import Store
from tui_gd.session.commands import Command, GoTo, Pause, StepBack
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.ui.context import Context
from tui_gd.ui.keys import KeyNames
from tui_gd.ui.panels.board import Board
from tui_gd.ui.panels.lesson import LessonPicture, curve_options, draw_lesson
from tui_gd.ui.panels.widget import CellView
from tui_gd.ui.screens.live_run import LiveRun
from tui_gd.ui.screens.questions import Notices
from tui_gd.ui.textual_fixes.app import OwnKeys

# while a run goes on, it is checked for a finished task no more often than this, in seconds
LOOK_SECONDS = 0.3
_TYPED = "0123456789.,-+e"
LONGEST_ENTRY = 40


class LessonBox(CellView, can_focus=True):
    """Shows the learner's current step, and lets the run on the screen do what it says.

    Keys give answers, and all other keys go to the run. `lay_out` makes room for the box, `redraw`
    draws the panels again.
    """

    def __init__(
        self,
        context: Context,
        run: LiveRun,
        board: Board,
        notices: Notices,
        *,
        lay_out: Callable[[], None],
        redraw: Callable[[], None],
    ) -> None:
        super().__init__(id="lesson")
        self.context, self._run, self._board, self._notices = context, run, board, notices
        self._lay_out, self._redraw = lay_out, redraw
        self.guide: Guide | None = None
        # the lesson that the learner left, and the share line of its run
        self.left: tuple[Player, str] | None = None
        self._looked = -math.inf
        # the opened lesson and its share line, while its run loads and another is on the screen
        self._opened: tuple[Player, str] | None = None

    @property
    def own_keys(self) -> OwnKeys:
        """The keys that work in the lesson now; none if there is no lesson."""
        if self.guide is None:
            return "", ()
        picture = self._picture(self.guide)
        return picture.title, picture.keys

    def refusal(self, action: str) -> str:
        """Return why an action does nothing now; empty if it works."""
        return self.guide.player.refusal(action) if self.guide else ""

    # Coming and going

    def open(self, player: Player, line: str) -> None:
        """Begin a lesson, or continue it where the share line `line` leads."""
        try:
            shared = open_line(line) if line else start_of(player.lesson, seed_of(player.name))
            self.guide = Guide(player, self.context.keys)
        except ProblemError as error:
            self._run.refuse(str(error))
            return
        self._opened = player, line
        self.app.clear_notifications()
        for panel in reversed(player.lesson.panels):
            self._board.choose(panel)
        if self.guide.pointed:
            self._board.choose(self.guide.pointed)
        self._lay_out()
        self.focus()
        self._run.begin(shared.settings, shared=shared)

    @work(thread=True, exclusive=True, group="lesson", description="lesson")
    def open_saved(self, player: Player) -> None:
        """Continue a lesson where the learner left it, in this session or before; else begin it."""
        line = ""
        with suppress(ProblemError, OutputError), self.context.open_library() as store:
            line = resumed(store, player)
        self.app.call_from_thread(self.open, player, line)

    def offer_tour(self) -> str:
        """Return the words that offer the tour, and see to it that the next start does not."""
        self._create_library()
        where = self.context.keys.of("lesson")
        return f"New here? {where}: a tour of seven steps."

    @work(thread=True, group="keep")
    def _create_library(self) -> None:
        with suppress(ProblemError, OutputError), Store(self.context.library, create=True):
            pass

    def run_shown(self) -> None:
        """Begin to ask the run on the screen, because it is another one now."""
        self._opened = None
        if self.guide:
            self.focus()

    def take_focus(self, *, toggle: bool = False) -> bool:
        """Focus the lesson, or with `toggle` a panel if it has the focus; return if one is open."""
        if self.guide is None:
            return False
        if toggle and self.has_focus:
            self._board.focus_panel()
        else:
            self.focus()
        return True

    def close(self) -> None:
        """Leave the lesson; the run goes on."""
        guide, self.guide = self.guide, None
        opened = self._opened
        if opened and self._run.give_up():
            self._opened = None
        self._board.focus_panel()
        self._lay_out()
        if guide is None or guide.player.finished:
            self.left = None
            return
        where = self.context.keys.of("lesson")
        self._notices.say(f"{guide.player.lesson.title}: saved; {where} comes back to it")
        self.left = opened or (guide.player, "")
        if not opened:
            self._save(guide)

    # The run on the screen, and a copy of it that answers

    def follow(self, snapshot: Snapshot) -> None:
        """Look at the run when the lesson waits for it."""
        guide = self.guide
        if guide is None or guide.busy or self._opened:
            return
        busy = self._run.sender.runner.busy
        resting = snapshot.state is not RunState.RUNNING and not busy
        if guide.wants_text and resting:
            self._ask_run(guide, partial(guide.read, self.context.style), self._show_step)
        elif guide.watches and time.monotonic() > self._looked + LOOK_SECONDS:
            self._looked = time.monotonic()
            self._ask_run(guide, guide.look, self._looked_at)

    def _looked_at(self, done: object) -> None:
        if done and self.guide:
            self._save(self.guide)
        self._show_step()

    def _ask_run(
        self, guide: "Guide", ask: Callable[[LessonRun], object], then: Callable[[object], None]
    ) -> None:
        """Ask a copy of the run, on a thread; `then` gets the answer on the interface's thread."""
        guide.busy = True
        self._ask_copy(guide, ask, then)

    @work(thread=True, group="lesson", description="lesson")
    def _ask_copy(
        self, guide: "Guide", ask: Callable[[LessonRun], object], then: Callable[[object], None]
    ) -> None:
        result = None
        try:
            with computing():
                run = guide.run_at(self._run)
                result = ask(run) if run is not None else None
        except ProblemError as error:
            self._notices.say_from_thread(str(error))

        def answered() -> None:
            guide.busy = False
            then(result)

        self.app.call_from_thread(answered)

    def _post(self, orders: Sequence[Command]) -> None:
        """Let the run on the screen do what a step says."""
        sender = self._run.sender
        epoch = sender.snapshot.epoch
        for order in orders:
            # a later order ends a seek where it is, but never a step back
            match order:
                case GoTo(int(goal)) if goal < epoch:
                    sender.post(StepBack(epoch - goal))
                case _:
                    sender.post(order)
            epoch = 0  # after the first order, the epoch is not known

    @work(thread=True, group="lesson", description="lesson")
    def _save(self, guide: "Guide") -> None:
        """Save the progress of a lesson, and the run as it is."""
        run = guide.run_at(self._run)
        if run is None:
            return
        line = run.line()
        if self.left and self.left[0] is guide.player:
            self.left = guide.player, line
        if self._run.keeps:
            try:
                with Store(self.context.library, create=True) as store:
                    save(store, guide.player, line)
            except (ProblemError, OutputError) as error:
                self._notices.say_from_thread(str(error))

    # The picture, and what the learner does

    def draw_now(self) -> None:
        """Draw the box at its size."""
        if self.guide and self.size:
            picture, style = self._picture(self.guide), self.context.style
            self.show(draw_lesson(picture, self.size.height, self.size.width, style))

    def _picture(self, guide: "Guide") -> LessonPicture:
        return guide.picture(self.context.style, focused=self.has_focus)

    def _show_step(self, _: object = None) -> None:
        """Draw the box, which may have another height now, and the panels."""
        if self.guide is None:
            return
        symbols = self.context.terminal.symbols
        rows = self._picture(self.guide).rows(self.screen.size.width, symbols)
        height = self.styles.height
        # the present size may be outdated, so compare the height that was last requested
        if height is None or height.value != rows:
            self.styles.height = rows
            self.call_after_refresh(self._lay_out)
        self.draw_now()
        self._redraw()

    def on_resize(self) -> None:
        """Draw the box again: at its present size, or because its frame shows the focus."""
        self.call_later(self._show_step)

    on_focus = on_blur = on_resize

    def on_key(self, event: events.Key) -> None:
        """Answer, continue, skip, give a hint, or leave; or let the run have the key."""
        guide = self.guide
        what = guide.take_key(event.key, event.character) if guide else ""
        if guide is None or not what:
            return
        event.stop()
        event.prevent_default()
        panel, finished = self._board.panel, guide.player.finished
        if self._run.loading and what not in {"leave", "draw", "hint"}:
            self._notices.say_loading(f"{self._run.loading} · not taken: {event.key}")
            return
        match what:
            case "leave" if panel.cursor_on and not finished:
                panel.end_cursor()
            case "leave":
                self.close()
                return
            case "next" if finished:
                self.close()
                return
            case "next" | "skip" if not guide.busy:
                self._go_on(guide, skip=what == "skip")
            case "hint":
                guide.player.hint()
            case "answer" if not guide.busy:
                self._answer(guide)
        self._show_step()

    def _answer(self, guide: "Guide") -> None:
        """Judge an answer on a copy of the run; if it counts, the run does what the step says."""

        def answered(done: object) -> None:
            if done:
                self._post(guide.player.step.then)
                self._save(guide)
            self._show_step()

        self._ask_run(guide, partial(guide.judge, guide.answer), answered)

    def _go_on(self, guide: "Guide", *, skip: bool) -> None:
        """Go to the next step; after a skipped step, the run does what it would have led to."""
        player, step = guide.player, guide.player.step
        waited, record = player.waits, player.record
        if not (player.skip() if skip else player.next()):
            return
        if waited:
            record.asked = guide.text
        if self._run.training and not player.finished:
            self._run.sender.post(Pause())  # the next step's numbers are those of a run at rest

        def lead(orders: object) -> None:
            self._post(orders if isinstance(orders, list) else [])
            self._save(guide)
            self._redraw()

        if (waited or step.kind == "read") and (step.then or step.solution):
            self._ask_run(guide, partial(orders_of, step), lead)
        else:
            self._save(guide)
        if guide.pointed:
            self._board.choose(guide.pointed)
            self._lay_out()


class Guide:
    """A player on the screen: what the learner has chosen and typed, and what the run says."""

    def __init__(self, player: Player, keys: KeyNames) -> None:
        player.press = lambda action: f"[{keys.of(action)}]"
        self.player = player
        self._first_seed = start_of(player.lesson, seed_of(player.name)).newest_seed
        self.chosen, self.entry = 0, ""
        self.text, self._curves = "", tuple[str, ...]()
        self._shown_at = -1
        self._reached = set[int]()
        self._looked_at = 0
        self.busy = False

    @property
    def wants_text(self) -> bool:
        """Whether the step's text still lacks its numbers."""
        return self._shown_at != self.player.at

    @property
    def watches(self) -> bool:
        """Whether to look at the run, because it may have done a task."""
        return self.player.step.kind == "do" and self.player.waits

    def run_at(self, live: LiveRun) -> LessonRun | None:
        """Return a copy of the run on the screen; call on a thread of its own, because it waits."""
        checkpoint = live.sender.runner.checkpoint()
        if checkpoint is None:
            return None
        return at_checkpoint(live.settings, live.problem, checkpoint, self._first_seed)

    # Questions to a copy of the run, on its thread

    def read(self, style: Style, run: LessonRun) -> None:
        """Fill in the step's text and its curves."""
        at, step, record = self.player.at, self.player.step, self.player.record
        # an answered question keeps the numbers that it was asked with
        text = record.asked if record.done and record.asked else self.player.text(run)
        found: tuple[str, ...] = ()
        if step.curves:
            made = curves(run, self.player.curve_rates(), step.then)
            found = curve_options(made, style.symbols)
        self.text, self._curves, self._shown_at = text, found, at
        self._looked_at = run.trainer.epoch
        self.chosen, self.entry = 0, ""

    def judge(self, given: str, run: LessonRun) -> bool:
        """Take an answer; return whether the run has to do what the step says."""
        self.entry = ""
        return take_answer(self.player, given, run)

    def look(self, run: LessonRun) -> bool:
        """Return whether a task is done now, or was done at an epoch since the last look."""
        before, self._looked_at = self._looked_at, run.trainer.epoch
        done = reach(self.player, run, before) if self.watches else None
        if done is None:
            return False
        self.player.record.asked, self.player.record.run = self.text, done.line()
        return True

    # What the panels show of the lesson

    @property
    def pointed(self) -> str:
        """The panel that the step speaks of, by its name."""
        return "" if self.player.finished else self.player.step.panel

    def marks(self, newest: int, *, resting: bool) -> tuple[Mark, ...]:
        """Return the predictions of the loss, while the run has the epochs that they are about.

        `newest` is the run's newest epoch. If a run has reached the epoch of a prediction and is
        now before that epoch, it has begun again.
        """
        marks = []
        for at, record in enumerate(self.player.records):
            if not record.guess_epoch:
                continue
            if newest >= record.guess_epoch:
                self._reached |= {at} if resting else set()
            elif at in self._reached:
                record.guess_epoch = 0
                continue
            marks.append(Mark(record.guess_epoch, record.guess, self.player.say("guess")))
        return tuple(marks)

    # Keys

    @property
    def answer(self) -> str:
        """The answer as it stands: the number of the chosen option, or what is typed."""
        return str(self.chosen + 1) if self.player.options() else self.entry

    def take_key(self, key: str, character: str | None) -> str:
        """Return what a key asks for; empty if it is none of the lesson's.

        It asks to leave, for the next step, to skip this one, for a hint, to judge the answer, or
        only to draw.
        """
        player, step = self.player, self.player.step
        if key == "escape":
            return "leave"
        if self.wants_text or not player.waits:  # there is no text yet
            return "" if key != "enter" else "draw" if self.wants_text else "next"
        if key in {"h", "s"} and not (step.one_of and step.asks):
            return "hint" if key == "h" else "skip"
        if not step.asks:
            return ""
        if key == "enter":
            return "answer"
        return self._choose(key, character) if player.options() else self._type(key, character)

    def _choose(self, key: str, character: str | None) -> str:
        count = len(self.player.options())
        if key in {"up", "down", "left", "right"}:
            self.chosen = (self.chosen + (1 if key in {"down", "right"} else -1)) % count
            return "draw"
        if character and character.isdecimal() and 1 <= int(character) <= count:
            self.chosen = int(character) - 1
            return "answer"
        return ""

    def _type(self, key: str, character: str | None) -> str:
        words = bool(self.player.step.one_of)
        allowed = character is not None and (
            character.isprintable() if words else character in _TYPED
        )
        if key == "backspace":
            self.entry = self.entry[:-1]
        elif allowed and character and len(self.entry) < LONGEST_ENTRY:
            self.entry += character
        else:
            return ""
        return "draw"

    # The picture

    def picture(self, style: Style, *, focused: bool) -> LessonPicture:
        """Return what the box shows; `focused`: the box has the focus."""
        player, lesson = self.player, self.player.lesson
        step, steps = player.step, len(lesson.steps)
        title = player.say("step", lesson.title, player.at + 1, steps)
        if step.title:
            title += f" {'-' if style.symbols.plain else '·'} {step.title}"
        if player.finished:
            right, asked = player.score
            end = player.say("end", right, asked, lesson.id)
            return LessonPicture(title, end, keys=(("esc", player.say("close")),), focused=focused)
        waits = player.waits and step.asks and not self.wants_text
        options = self._curves if step.curves else tuple(player.options())
        return LessonPicture(
            title,
            "" if self.wants_text or (player.reply and not player.waits) else self.text,
            player.reply,
            player.record.right if player.record.done else False if player.reply else None,
            options if waits else (),
            self.chosen,
            self.entry if waits and not options else None,
            tuple((key, player.say(word)) for key, word in self._keys(style, focused=focused)),
            focused,
        )

    def _keys(self, style: Style, *, focused: bool) -> list[tuple[str, str]]:
        """Return the keys that work now, each with a word for what it does."""
        if not focused:
            return [("tab", "back")]
        player, step = self.player, self.player.step
        leave = ("esc", "leave")
        if not player.waits:
            last = player.at + 1 == len(player.lesson.steps)
            return [("enter", "finish" if last else "next"), leave]
        help_keys = [("h", "hint")] if step.hint else []
        help_keys += [("s", "skip")] if player.lesson.skip != "never" else []
        if step.kind == "do":
            return [*help_keys, leave]
        if player.options():
            across = "up down" if style.symbols.plain else "↑ ↓"
            return [(across, "choose"), ("enter", "answer"), *help_keys, leave]
        return [("enter", "answer"), *([] if step.one_of else help_keys), leave]
