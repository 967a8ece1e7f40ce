"""`gd-tui lessons` and `gd-tui lesson`: play, check, review, hand in and grade lessons."""

import argparse
import csv
import getpass
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tui_gd.cli.live import context_for, terminal_for
from tui_gd.cli.plain import Session
from tui_gd.cli.plain_run import PlainRun, WordError
from tui_gd.errors import ProblemError
from tui_gd.lessons.lesson import Lesson, LessonError
from tui_gd.lessons.library import (
    ORDER,
    TOUR,
    all_languages,
    check_lesson,
    check_translation,
    find_lesson,
    in_language,
    language,
    own_lessons,
    template,
    translations,
)
from tui_gd.lessons.player import Player, seed_of
from tui_gd.lessons.progress import Grade, Saved, grade, hand_in_line, read_hand_in, save, saved
from tui_gd.lessons.replay import (
    LessonRun,
    begin_at,
    curves,
    from_shared,
    orders_of,
    reach,
    start_of,
    take_answer,
)
from tui_gd.plots.symbols import ASCII
from tui_gd.problems.text import aligned, safe_text
from tui_gd.runs.share import open_line
from tui_gd.runs.store import Store
from tui_gd.session.commands import Command
from tui_gd.ui.keys import ACTIONS
from tui_gd.ui.panels.lesson import curve_options

MOST_LINES = 10_000


def lessons(options: argparse.Namespace) -> int:
    """List the lessons with the progress and the languages of each."""
    with Store() as store:
        left = saved(store)

    def row(found: list[Lesson]) -> str:
        lesson = in_language(found, _language(options))
        done = left[lesson.id].done if lesson.id in left else 0
        title = safe_text(lesson.title)
        if len(found) > 1:
            title += f" ({', '.join(one.lang for one in found)})"
        return f"  {lesson.id:<14}  {done:>2}/{len(lesson.steps)} done  {title}"

    print(f"Start here:\n{row(translations(TOUR))}\n\nLessons (gd-tui lesson ID):")
    for name in ORDER:
        if name != TOUR:
            print(row(translations(name)))
    own: dict[str, list[Lesson]] = {}
    faults = []
    for one in own_lessons():
        if isinstance(one, Lesson):
            own.setdefault(one.id, []).append(one)
        else:
            faults.append(f"  {one}")
    if own or faults:
        print("\n".join(["\nYour own:", *map(row, own.values()), *faults]))
    return 0


def _language(options: argparse.Namespace) -> str:
    """Return the requested language, from an option or the environment."""
    return str(options.lang or language(os.environ))


def lesson(options: argparse.Namespace) -> int:
    """Perform the sub-command of `gd-tui lesson`; return the exit status."""
    verbs: dict[str, Callable[[argparse.Namespace], int]] = {
        "check": _check,
        "new": _new,
        "review": _review,
        "hand-in": _hand_in,
        "grade": _grade,
    }
    if options.what in verbs:
        return verbs[options.what](options)
    if options.rest:
        raise ProblemError(f"nothing follows gd-tui lesson {safe_text(options.what)}")
    return _play(find_lesson(options.what, _language(options)), options)


def _play(found: Lesson, options: argparse.Namespace) -> int:
    with Store() as store:
        left = saved(store).get(found.id)
    name = options.name or (left.name if left else _user())
    at = 0 if options.first is None else options.first - 1
    if at >= len(found.steps):
        raise ProblemError(f"--from {at + 1}: the lesson has {len(found.steps)} steps")
    player = Player(found, name, at=at, press=_typed)
    line = begin_at(found, seed_of(name), at).line() if at else ""
    if left and left.name == name and options.first is None:
        if left.done >= left.steps:
            print("gd-tui: this lesson is done: it starts again", file=sys.stderr)
        elif left.digest == found.digest or _goes_on(found, left):
            left.resume(player)
            line = left.line
    terminal = None if options.plain else terminal_for(options)
    if terminal is None:
        return _LessonSession(_LessonRun(player, line), as_json=options.json).hold()
    from tui_gd.ui.context import Beginning
    from tui_gd.ui.start import run_interface

    settings = start_of(found, seed_of(name)).settings
    return run_interface(
        settings, context_for(options, terminal), Beginning(keep=True, lesson=(player, line))
    )


def _goes_on(found: Lesson, left: Saved) -> bool:
    """Ask whether a lesson whose file has changed should go on at the step where it stopped."""
    with suppress(ProblemError):  # a lesson from a file has no others
        if any(left.digest == one.digest for one in all_languages(found.id)):
            return True  # only the language differs
    said = f"gd-tui: the file of this lesson has changed since you were at step {left.place + 1}"
    if not (sys.stdin and sys.stdin.isatty()):
        print(f"{said}: it starts again", file=sys.stderr)
        return False
    print(f"{said}. Go on there? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "learner"


def _one(options: argparse.Namespace) -> str:
    if len(options.rest) != 1:
        raise ProblemError(f"gd-tui lesson {options.what} takes one lesson: its id or its file")
    return str(options.rest[0])


def _check(options: argparse.Namespace) -> int:
    original, *translated = all_languages(_one(options))
    for found in (original, *translated):
        check_lesson(found, {action.name for action in ACTIONS})
        if found is not original:
            check_translation(found, original)
        questions = sum(step.kind != "read" for step in found.steps)
        lang = f" ({found.lang})" if translated else ""
        print(f"{found.id}{lang}: {len(found.steps)} steps, {questions} of them ask: all work")
    return 0


def _new(options: argparse.Namespace) -> int:
    if options.rest:
        raise ProblemError("nothing follows gd-tui lesson new: it prints a lesson to start from")
    sys.stdout.write(template())
    return 0


def _left(options: argparse.Namespace) -> Player:
    """Return the player of a lesson with its saved progress."""
    known = all_languages(_one(options))
    found = in_language(known, _language(options))
    with Store() as store:
        left = saved(store).get(found.id)
    if left is None:
        raise ProblemError(f"{found.id} was not played here: gd-tui lesson {found.id}")
    found = next((one for one in known if one.digest == left.digest), found)
    if left.digest != found.digest:
        raise ProblemError(f"{found.id}: the lesson's file has changed since it was played")
    player = Player(found, options.name or left.name, press=_typed)
    left.resume(player)
    return player


def _hand_in(options: argparse.Namespace) -> int:
    print(hand_in_line(_left(options)))
    return 0


def _review(options: argparse.Namespace) -> int:
    player = _left(options)
    right, asked = player.score
    print(f"# {player.lesson.title}\n\n{safe_text(player.name)}: {right} of {asked} right.")
    for number, (step, record) in enumerate(
        zip(player.lesson.steps, player.records, strict=True), 1
    ):
        if step.kind == "read":
            continue
        question = record.asked or re.sub(r"\{[^{}]*\}", "…", player.fill(step.text, None))
        print(f"\n## {number}. {step.title or step.kind}\n\n{safe_text(question, None)}\n")
        if record.skipped or not record.done:
            print("- skipped" if record.skipped else "- not answered")
        elif step.kind == "do":
            print("- done")
        else:
            word = "right" if record.right else "wrong"
            print(f"- you said: {_answer(player, number - 1)} ({word}, tries: {record.tries})")
            print(f"- it was: {safe_text(record.came)}")
    return 0


def _answer(player: Player, at: int) -> str:
    record = player.records[at]
    options = Player(player.lesson, player.name, at=at).options()
    chosen = record.answer.isdecimal() and options and 1 <= int(record.answer) <= len(options)
    return options[int(record.answer) - 1] if chosen else safe_text(record.answer)


def _grade(options: argparse.Namespace) -> int:
    if len(options.rest) < 2:
        raise ProblemError("gd-tui lesson grade takes a lesson and hand-ins: lines, or files")
    known = all_languages(options.rest[0])
    found, grades = known[0], []
    for line in _lines(options.rest[1:]):
        try:
            hand_in = read_hand_in(line)
            played = next((one for one in known if one.digest == hand_in.digest), found)
            grades.append(grade(played, hand_in))
        except LessonError:
            raise
        except ProblemError as error:
            grades.append(Grade("?", fault=str(error)))
    if not grades:
        raise ProblemError("there is no hand-in: lines begin with gdl1:")
    rows = [_row(one, len(found.steps)) for one in grades]
    heads = ["name", "right", "of", "tries", "skipped"]
    heads += [str(i + 1) for i in range(len(found.steps))]
    heads += ["remark"]
    if options.csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([heads, *rows])
    else:
        print("\n".join(aligned([heads, *rows])))
        print("\nA hand-in can be forged: replay proves the numbers, not who pressed the keys.")
    return 2 if all(one.fault for one in grades) else 0


def _row(one: Grade, steps: int) -> list[str]:
    words = [*one.steps, *[""] * (steps - len(one.steps))]
    numbers = [str(one.right), str(one.asked), str(one.tries), str(one.skipped)]
    name = safe_text(one.name).lstrip("=+-@\t")  # a spreadsheet would read a formula
    return [name, *numbers, *words, one.fault]


def _lines(given: list[str]) -> Iterator[str]:
    """Yield every hand-in among the arguments: lines, files of lines, or - for standard input."""
    count = 0
    for word in given:
        if word.startswith("gdl1:"):
            found = [word]
        elif word == "-":
            found = sys.stdin.read().split()
        else:
            try:
                found = Path(word).read_text("utf-8", errors="replace").split()
            except OSError as error:
                raise ProblemError(f"{word}: {error.strerror or error}") from None
        for line in found:
            count += 1
            if count > MOST_LINES:
                raise ProblemError(f"more than {MOST_LINES} hand-ins: grade them in parts")
            yield line


# A lesson in plain lines

# the interface's actions that commands stand for, so that lessons can lock them
_ACTIONS = {
    "step": "step(1)",
    "run": "run_or_pause",
    "goto": "go_to",
    "alpha": "type_learning_rate",
    "branch": "branch",
    "reset": "reset",
    "new": "new_start",
}
# what to type for an action that a lesson's text names
_TYPED = {
    "run_or_pause": "run N",
    "step(1)": "step",
    "step_back(1)": "back",
    "step_back(10)": "back 10",
    "go_to": "goto N",
    "type_learning_rate": "alpha X",
    "learning_rate(1)": "alpha up",
    "learning_rate(-1)": "alpha down",
    "branch": "branch",
    "branch_with": "branch NAME",
    "reset": "reset",
    "new_start": "new",
    "starts": "starts",
    "race('rates')": "race",
    "race('optimizers')": "race optimizers",
    "move(1)": "lane NAME",
    "panel('lanes')": "lanes",
    "check_gradient": "gd-tui check",
}
HELP = (
    "1, 2 ... or a number   your answer, where something is asked",
    "next, or Enter         the next step, once nothing is asked",
    "hint, skip             a hint; leave a step undone",
    "quit                   leave; gd-tui lesson ID goes on here",
)


def _typed(action: str) -> str:
    """Return what to type for an action, in brackets so that it stands out."""
    name = _TYPED.get(action)
    if name is None and action.startswith("panel("):
        name = f"show {action[7:-2]}"
    return f"[{name or action}]"


class _LessonRun(PlainRun):
    """A run with a lesson: its commands, and those that give answers."""

    def __init__(self, player: Player, line: str) -> None:
        """Begin at the lesson's start, or where the share line `line` leads."""
        start = start_of(player.lesson, seed_of(player.name))
        begun = from_shared(open_line(line) if line else start, start.newest_seed)
        super().__init__(
            begun.settings,
            begun.problem,
            begun.trainer,
            None,
            epochs=max(begun.settings.epochs, begun.trainer.epoch),
            seed=begun.seed,
        )
        self.player, self._first_seed = player, begun.first_seed

    @property
    def _as_lesson(self) -> LessonRun:
        return LessonRun(self.settings, self.problem, self.trainer, self.seed, self._first_seed)

    def greeting(self) -> list[str]:
        """Return the learner's current step."""
        return self.ask()

    def ask(self) -> list[str]:
        """Return the step as lines: its title, its text, and the possible answers."""
        player = self.player
        if player.finished:
            right, asked = player.score
            return [player.say("end", right, asked, player.lesson.id)]
        step, lesson = player.step, player.lesson
        title = player.say("step", lesson.title, player.at + 1, len(lesson.steps))
        lines = ["", f"{title}: {step.title}" if step.title else title]
        here, options = self._as_lesson, player.options()
        lines += textwrap.wrap(player.text(here), 78)
        if step.curves:
            options = [*curve_options(curves(here, player.curve_rates(), step.then), ASCII)]
        lines += [f"  {i}  {text}" for i, text in enumerate(options, 1)]
        return [*lines, self._prompt()]

    def _prompt(self) -> str:
        step = self.player.step
        if not self.player.waits:
            return self.player.say("ask_next")
        if step.kind == "do":
            return self.player.say("ask_task")
        return self.player.say("ask_number" if step.number else "ask_answer")

    def answer(self, text: str) -> list[str]:
        """Answer the question; if the answer counts, the run shows what really happens."""
        player, here = self.player, self._as_lesson
        if not take_answer(player, text, here):
            return [player.reply, self._prompt()]
        self._carry_out(player.step.then)
        self.save()
        lines, record = [player.reply], player.record
        if record.guess_epoch:
            is_now = f"{here.number('loss'):.6g}"
            lines.append(player.say("guess_was", record.guess_epoch, f"{record.guess:.6g}", is_now))
        return [*lines, *(self.status() if player.step.then else []), self._prompt()]

    def _carry_out(self, orders: Sequence[Command]) -> None:
        here = self._as_lesson
        here.carry_out(orders)
        self.seed = here.seed

    def next(self) -> list[str]:
        """Go to the next step."""
        return self._go_on(skip=False)

    def skip(self) -> list[str]:
        """Skip a step; the run does what the step would have led to."""
        return self._go_on(skip=True)

    def _go_on(self, *, skip: bool) -> list[str]:
        player, step, here = self.player, self.player.step, self._as_lesson
        waited, record = player.waits, player.record
        if not (player.skip() if skip else player.next()):
            return [player.reply] if skip else [self._prompt()]
        if waited:
            record.asked = player.fill(step.text, here)
        if waited or step.kind == "read":
            self._carry_out(orders_of(step, here))
        self.save()
        return self.ask()

    def hint(self) -> list[str]:
        """Give a hint."""
        self.player.hint()
        return [self.player.reply]

    def help(self) -> list[str]:
        """List the commands."""
        return [*HELP, *super().help()]

    def reached(self, before: int) -> list[str]:
        """Return the reply if the last command has done the task; it began at epoch `before`."""
        player = self.player
        done = None if player.finished else reach(player, self._as_lesson, before)
        if done is None:
            return []
        player.record.run = done.line()
        player.record.asked = player.fill(player.step.text, None)
        self.save()
        return [player.reply, self._prompt()]

    def save(self) -> None:
        """Save the progress of the lesson."""
        try:
            with Store(create=True) as store:
                save(store, self.player, self._as_lesson.line())
        except ProblemError as error:
            print(f"gd-tui: progress is not saved: {error}", file=sys.stderr)


class _LessonSession(Session):
    """Reads answers and commands; if the lesson locks a command, says why."""

    def __init__(self, run: _LessonRun, *, as_json: bool) -> None:
        super().__init__(run, as_json=as_json)
        self._lesson = run

    def parse(self, words: list[str]) -> tuple[str, ...] | None:
        """Return the command or the answer in a line's words; None to leave."""
        player = self._lesson.player
        first = words[0].lower() if words else "next"
        if not words and player.waits:
            return super().parse(words) if player.step.kind == "do" else ("next",)
        if first in {"next", "skip", "hint"} and len(words) < 2:
            return (first,)
        if first == "answer":
            return "answer", " ".join(words[1:])
        if player.step.asks and player.waits and self._answers(words):
            return "answer", " ".join(words)
        call = super().parse(words)
        if call is not None and (why := player.refusal(self._action(*call))):
            raise WordError(f"{call[0]}: {why}" if why == player.say("not_here") else why)
        return call

    def _answers(self, words: list[str]) -> bool:
        """Whether the words are an answer rather than a command."""
        if self._lesson.player.step.one_of:
            return words[0] not in {"quit", "exit", "help", "status"}
        return words[0].lstrip("+-\u2212").replace(",", ".")[:1] in set(".0123456789")

    @staticmethod
    def _action(name: str, argument: str = "") -> str:
        if name == "show":
            return f"panel('{argument}')"
        if name == "race":
            return f"race('{'optimizers' if argument == 'optimizers' else 'rates'}')"
        return _ACTIONS.get(name, name)

    def answer(self, name: str, *argument: str) -> list[str]:
        """Perform a command, or take an answer; say whether the task is done."""
        before = self._lesson.trainer.epoch
        lines = super().answer(name, *argument)
        return [*lines, *self._lesson.reached(before)]
