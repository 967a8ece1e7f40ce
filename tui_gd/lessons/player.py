"""A lesson being played: where the learner is, what they answered, and the replies."""

import math
import random
import zlib
from dataclasses import dataclass

from tui_gd.lessons.checks import Facts, Press, as_name, fill
from tui_gd.lessons.lesson import Lesson, Step
from tui_gd.session.commands import SetLearningRate

LONGEST_ANSWER = 60
ADVANCING = ("run_or_pause", "step", "newest", "go_to")
"""Actions that are locked while a prediction is waited for."""


@dataclass
class Record:
    """What a learner did at one step: `right` is None until it is answered.

    `asked` is the question with its numbers, `came` the right answer, once it is shown. `run` is
    the share line of the run before a prediction, or when a task was done. A prediction of the loss
    is `guess`, for `guess_epoch`; 0 where there is none.
    """

    asked: str = ""
    answer: str = ""
    came: str = ""
    tries: int = 0
    hints: int = 0
    right: bool | None = None
    skipped: bool = False
    run: str = ""
    guess: float = 0.0
    guess_epoch: int = 0

    @property
    def done(self) -> bool:
        """Whether nothing more is asked."""
        return self.right is not None or self.skipped


def seed_of(name: str) -> int:
    """Return the seed that stands for a learner's name: the same for the same name."""
    return zlib.crc32(" ".join(name.lower().split()).encode())


class Player:
    """A learner's way through a lesson; knows no screen and no run.

    `reply` is what is said to the last answer. `press` names what is pressed or typed for an
    action.
    """

    def __init__(
        self, lesson: Lesson, name: str, *, at: int = 0, press: Press = lambda action: f"<{action}>"
    ) -> None:
        self.lesson, self.name, self.press = lesson, name, press
        self.at = max(0, min(at, len(lesson.steps) - 1))
        self.records = [Record() for _ in lesson.steps]
        self.reply = ""
        self.finished = False

    @property
    def step(self) -> Step:
        """The step that the learner is at."""
        return self.lesson.steps[self.at]

    @property
    def record(self) -> Record:
        """What the learner did at it."""
        return self.records[self.at]

    @property
    def waits(self) -> bool:
        """Whether the step still wants something before the next one."""
        return self.step.kind != "read" and not self.record.done

    def refusal(self, action: str) -> str:
        """Return why an action of the run does nothing now; empty if it works."""
        name = action.partition("(")[0]
        hidden = name == "panel" and any(f"'{panel}'" in action for panel in self.lesson.hide)
        if hidden or {action, name} & set(self.lesson.lock):
            return self.say("not_here")
        waiting = self.step.kind == "predict" and self.waits
        return self.say("answer_first") if waiting and name in ADVANCING else ""

    def fill(self, text: str, facts: Facts | None) -> str:
        """Return a text of the lesson as the learner reads it."""
        return fill(text, facts, self.press)

    def say(self, word: str, *values: object) -> str:
        """Return what gd-tui says in the lesson's language."""
        return self.lesson.say(word, *values)

    def text(self, facts: Facts) -> str:
        """Return what the step says or asks."""
        return self.fill(self.step.text, facts)

    def options(self) -> list[str]:
        """Return the answers to choose from; none for a number or a word."""
        if self.step.curves:
            return [self.say("curve", i + 1) for i in range(len(self.curve_rates()))]
        if self.step.verdict:
            return [kind.replace("_", " ") for kind in self.step.verdict]
        return [self.fill(choice.text, None) for choice in self.step.choice]

    def curve_rates(self) -> list[float]:
        """Return the learning rates of the curves in the order shown; the true one among them.

        The order depends on lesson, step and name, so that neighbours see different ones.
        """
        rates = list(self.step.curves)
        if self._true_rate not in rates:
            rates.append(self._true_rate)
        mixed = random.Random(f"{self.lesson.id} {self.at} {self.name}")
        mixed.shuffle(rates)
        return rates

    @property
    def _true_rate(self) -> float:
        rates = (one for one in self.step.then if isinstance(one, SetLearningRate))
        return next(rates).learning_rate

    # Answers

    def answer(self, given: str, facts: Facts) -> bool:
        """Take an answer; `facts` are those after `then`. Return whether the step is done."""
        step, record = self.step, self.record
        given = given.strip()[:LONGEST_ANSWER]
        record.answer = given
        right, words = self._judge(given, facts)
        if right is None:
            self.reply = words
            return False
        record.tries += 1
        start = self.say("right" if right else "not_this_time")
        if right:
            record.right = True
        elif record.tries >= self.lesson.reveal_after:
            record.right = False
            words = f"{words} {self.say('answer_is', self.right_words(facts))}".strip()
        if record.done:
            record.came, after = self.right_words(facts), self.fill(step.after, facts)
        else:
            start, after = self.say("not_yet", record.tries, self.lesson.reveal_after), ""
        self.reply = " ".join(part for part in (start, words, after) if part)
        return record.done

    def _judge(self, given: str, facts: Facts) -> tuple[bool | None, str]:
        """Return whether an answer is right, None if it is no answer, and what to say to it."""
        step = self.step
        if step.number is not None:
            return self._judge_number(given, step.number.value(facts), facts)
        if step.one_of:
            said = " ".join(given.lower().split())
            return said in {" ".join(one.lower().split()) for one in step.one_of}, ""
        options = self.options()
        if not (given.isdecimal() and 1 <= int(given) <= len(options)):
            return None, self.say("choose_one", len(options))
        index = int(given) - 1
        if step.curves:
            return self.curve_rates()[index] == self._true_rate, ""
        if step.verdict:
            return step.verdict[index] == as_name(facts.verdict()), ""
        choice = step.choice[index]
        return choice.right, self.fill(choice.say, facts)

    def _judge_number(self, given: str, true: float, facts: Facts) -> tuple[bool | None, str]:
        number = number_in(given)
        if not math.isfinite(number):
            return None, self.say("no_number", repr(given)) if given else self.say("type_number")
        if self.step.is_right(number, true):
            said, is_ = (f"{one:.6g}".replace("-", "−") for one in (number, true))
            return True, "" if said == is_ else self.say("said_and_is", said, is_)
        high = number > true
        hint = self.step.too_high if high else self.step.too_low
        return False, self.fill(hint, facts) or self.say("too_high" if high else "too_low")

    def right_answer(self, facts: Facts) -> str:
        """Return an answer that is right."""
        step = self.step
        if step.number is not None:
            true = step.number.value(facts)
            return repr(true if step.range is None or step.is_right(true, true) else step.range[0])
        if step.one_of:
            return step.one_of[0]
        if step.curves:
            return str(self.curve_rates().index(self._true_rate) + 1)
        if step.verdict:
            kind = as_name(facts.verdict())
            return str(step.verdict.index(kind) + 1) if kind in step.verdict else ""
        return str([choice.right for choice in step.choice].index(True) + 1)

    def right_words(self, facts: Facts) -> str:
        """Return the right answer as a person reads it."""
        if self.step.number is not None:
            return f"{self.step.number.value(facts):.6g}".replace("-", "−")
        right = self.right_answer(facts)
        options = self.options()
        if not right:
            return as_name(facts.verdict()).replace("_", " ")
        return options[int(right) - 1] if options else right

    def reached(self, facts: Facts) -> bool:
        """Return whether the state that a `do` step wants is reached now; remember it."""
        step = self.step
        if step.until is None or self.record.done or not step.until.holds(facts):
            return False
        self.record.right = True
        self.reply = f"{self.say('done')} {self.fill(step.after, facts)}".strip()
        return True

    def hint(self) -> bool:
        """Show the next hint; return whether there is one."""
        hints = self.step.hint
        if not hints:
            self.reply = self.say("no_hint")
            return False
        record = self.record
        hint = hints[min(record.hints, len(hints) - 1)]
        self.reply = self.say("hint_is", self.fill(hint, None))
        record.hints = min(record.hints + 1, len(hints))
        return True

    # The way

    def next(self) -> bool:
        """Go to the next step, or finish; return False if this one still wants something."""
        if self.waits:
            return False
        if self.step.kind == "read":
            self.record.right = True
        self.reply = ""
        if self.at + 1 == len(self.lesson.steps):
            self.finished = True
        else:
            self.at += 1
        return True

    def skip(self) -> bool:
        """Leave a step undone; return whether the lesson allows it."""
        if not self.waits:
            return self.next()
        if self.lesson.skip == "never":
            self.reply = self.say("no_skip")
            return False
        self.record.skipped = True
        return self.next()

    @property
    def score(self) -> tuple[int, int]:
        """How many questions and tasks are right, and how many there are."""
        asked = [
            record
            for record, step in zip(self.records, self.lesson.steps, strict=True)
            if step.kind != "read"
        ]
        return sum(record.right is True for record in asked), len(asked)


def number_in(given: str) -> float:
    """Return the number that a learner has typed, NaN if it is none."""
    try:
        return float(given.strip().replace("−", "-").replace(",", "."))
    except ValueError:
        return math.nan
