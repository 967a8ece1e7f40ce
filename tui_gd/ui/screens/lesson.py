"""A lesson next to a run: the box under the panels, its keys, and the run that answers.

The lesson asks questions about the run. A thread of its own finds the answers on a copy made from a
checkpoint, so the run on the screen never waits.
"""

from textual import events
from textual.message import Message

from tui_gd.lessons.lesson import Lesson
from tui_gd.lessons.player import Player
from tui_gd.lessons.replay import LessonRun, at_checkpoint, curves, reach, start_of, take_answer
from tui_gd.plots.curves import Mark
from tui_gd.plots.palette import Style
from tui_gd.problems import Problem
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings
from tui_gd.ui.keys import KeyNames
from tui_gd.ui.panels.lesson import LessonPicture, curve_options, draw_lesson
from tui_gd.ui.panels.widget import CellView

_TYPED = "0123456789.,-+e"
LONGEST_ENTRY = 40


class LessonBox(CellView, can_focus=True):
    """Shows the learner's current step; keys give answers, and all other keys go to the run."""

    class Answered(Message):
        """The learner has given an answer."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Asked(Message):
        """The learner has asked for something else: next, skip, hint or leave."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self) -> None:
        super().__init__(id="lesson")
        self.guide: Guide | None = None

    def draw_now(self, style: Style) -> None:
        """Draw the box at its size."""
        if self.guide and self.size:
            picture = self.guide.picture(style, focused=self.has_focus)
            self.show(draw_lesson(picture, self.size.height, self.size.width, style))

    def on_resize(self) -> None:
        """Draw the box again at its present size."""
        self.post_message(self.Asked("draw"))

    def on_focus(self) -> None:
        """Draw the box again, because its frame shows the focus."""
        self.post_message(self.Asked("draw"))

    def on_blur(self) -> None:
        """Draw the box again, because its frame shows the focus."""
        self.post_message(self.Asked("draw"))

    def on_key(self, event: events.Key) -> None:
        """Answer, or let the run have the key."""
        if self.guide and self.guide.take_key(self, event.key, event.character):
            event.stop()
            event.prevent_default()


class Guide:
    """A player on the screen: what the learner has chosen and typed, and what the run says.

    `ask` posts work to a thread: it takes a function of a `LessonRun`, and what to do with its
    result on the interface's thread.
    """

    player: Player
    chosen: int
    entry: str
    text: str

    def __init__(self, player: Player, first_seed: int) -> None:
        self.player, self._first_seed = player, first_seed
        self.chosen, self.entry = 0, ""
        self.text, self._curves = "", tuple[str, ...]()
        self._shown_at = -1
        self._reached = set[int]()
        self._looked_at = 0
        self.busy = False

    @property
    def lesson(self) -> Lesson:
        """The lesson in play."""
        return self.player.lesson

    @property
    def wants_text(self) -> bool:
        """Whether the step's text still lacks its numbers."""
        return self._shown_at != self.player.at

    @property
    def watches(self) -> bool:
        """Whether to look at the run, because it may have done a task."""
        return self.player.step.kind == "do" and self.player.waits

    def run_at(self, runner: Runner, settings: RunSettings, problem: Problem) -> LessonRun | None:
        """Return a copy of the run on the screen; call on a thread of its own, because it waits."""
        checkpoint = runner.checkpoint()
        if checkpoint is None:
            return None
        start = max(0, checkpoint.seed - self._first_seed) + 1
        return at_checkpoint(settings, problem, checkpoint, start=start)

    # Questions to a copy of the run, on its thread

    def read(self, style: Style, run: LessonRun) -> None:
        """Fill in the step's text and its curves."""
        at, step, record = self.player.at, self.player.step, self.player.record
        # an answered question keeps the numbers that it was asked with
        text = record.asked if record.done and record.asked else self.player.text(run.facts)
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

    def take_key(self, box: LessonBox, key: str, character: str | None) -> bool:
        """Take a key of the box; return whether it was one of its own."""
        player, step = self.player, self.player.step
        if key == "escape":
            box.post_message(box.Asked("leave"))
            return True
        if self.wants_text or not player.waits:  # there is no text yet
            if key == "enter" and not self.wants_text:
                box.post_message(box.Asked("next"))
            return key == "enter"
        if key in {"h", "s"} and not (step.one_of and step.asks):
            box.post_message(box.Asked("hint" if key == "h" else "skip"))
            return True
        if not step.asks:
            return False
        if key == "enter":
            choices = bool(player.options())
            box.post_message(box.Answered(str(self.chosen + 1) if choices else self.entry))
            return True
        return (
            self._choose(box, key, character)
            if player.options()
            else self._type(box, key, character)
        )

    def _choose(self, box: LessonBox, key: str, character: str | None) -> bool:
        count = len(self.player.options())
        if key in {"up", "down", "left", "right"}:
            self.chosen = (self.chosen + (1 if key in {"down", "right"} else -1)) % count
        elif character and character.isdecimal() and 1 <= int(character) <= count:
            self.chosen = int(character) - 1
            box.post_message(box.Answered(character))
        else:
            return False
        box.refresh()
        box.post_message(box.Asked("draw"))
        return True

    def _type(self, box: LessonBox, key: str, character: str | None) -> bool:
        words = bool(self.player.step.one_of)
        allowed = character is not None and (
            character.isprintable() if words else character in _TYPED
        )
        if key == "backspace":
            self.entry = self.entry[:-1]
        elif allowed and character and len(self.entry) < LONGEST_ENTRY:
            self.entry += character
        else:
            return False
        box.post_message(box.Asked("draw"))
        return True

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


def guide_for(player: Player, keys: KeyNames) -> Guide:
    """Return the guide through a lesson; its texts use the keys as bound."""
    from tui_gd.lessons.player import seed_of

    player.press = lambda action: f"[{keys.of(action)}]"
    return Guide(player, start_of(player.lesson, seed_of(player.name)).settings.seed)


def refusal(player: Player, action: str) -> str:
    """Return why an action does nothing now; empty if it works."""
    if not player.locks(action):
        return ""
    return player.say("not_here" if player.lesson_locks(action) else "answer_first")
