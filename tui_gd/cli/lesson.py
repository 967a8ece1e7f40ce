"""`gd-tui lessons` and `gd-tui lesson`: play, check, review, hand in and grade lessons."""

import argparse
import csv
import getpass
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tui_gd.errors import ProblemError
from tui_gd.lessons.handin import Grade, grade, hand_in_line, read_hand_in
from tui_gd.lessons.lesson import Lesson, LessonError
from tui_gd.lessons.library import ORDER, TOUR, bundled, find_lesson, own_lessons, template
from tui_gd.lessons.player import Player
from tui_gd.problems.text import safe_text
from tui_gd.runs.store import Store

MOST_LINES = 10_000


def lessons(_: argparse.Namespace) -> int:
    """List the lessons with how far each is."""
    from tui_gd.lessons.progress import saved

    with Store() as store:
        left = saved(store)

    def row(lesson: Lesson) -> str:
        done = left[lesson.id].done if lesson.id in left else 0
        return f"  {lesson.id:<14}  {done:>2}/{len(lesson.steps):<2}  {safe_text(lesson.title)}"

    tour = bundled(TOUR)
    print(f"Start here:\n{row(tour)}\n\nLessons (gd-tui lesson ID):")
    for name in ORDER:
        if name != TOUR:
            print(row(bundled(name)))
    own = list(own_lessons())
    if own:
        print("\nYour own:")
    for one in own:
        print(row(one) if isinstance(one, Lesson) else f"  {one}")
    return 0


def lesson(options: argparse.Namespace) -> int:
    """Do what follows `gd-tui lesson`."""
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
    return _play(find_lesson(options.what), options)


def _play(lesson: Lesson, options: argparse.Namespace) -> int:
    from tui_gd.lessons.progress import saved

    with Store() as store:
        left = saved(store).get(lesson.id)
    name = options.name or (left.name if left else _user())
    at = 0 if options.first is None else options.first - 1
    if at >= len(lesson.steps):
        raise ProblemError(f"--from {at + 1}: the lesson has {len(lesson.steps)} steps")
    player = Player(lesson, name, at=at)
    line = ""
    if left and left.name == name and options.first is None:
        if left.digest == lesson.digest:
            left.resume(player)
            line = left.line
        else:
            print("gd-tui: the lesson's file has changed: it starts again", file=sys.stderr)
    from tui_gd.cli.lesson_plain import play

    return play(player, line)


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
    from tui_gd.cli.plain_panels import verdict_kind
    from tui_gd.lessons.check import check_lesson

    found = find_lesson(_one(options))
    check_lesson(found, verdict_kind)
    questions = sum(step.kind != "read" for step in found.steps)
    print(f"{found.id}: {len(found.steps)} steps, {questions} of them ask: all work")
    return 0


def _new(options: argparse.Namespace) -> int:
    if options.rest:
        raise ProblemError("nothing follows gd-tui lesson new: it prints a lesson to start from")
    sys.stdout.write(template())
    return 0


def _left(options: argparse.Namespace) -> Player:
    """Return the player of a lesson as it was left."""
    from tui_gd.lessons.progress import saved

    found = find_lesson(_one(options))
    with Store() as store:
        left = saved(store).get(found.id)
    if left is None:
        raise ProblemError(f"{found.id} was not played here: gd-tui lesson {found.id}")
    if left.digest != found.digest:
        raise ProblemError(f"{found.id}: the lesson's file has changed since it was played")
    player = Player(found, options.name or left.name)
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
        print(f"\n## {number}. {step.title or step.kind}\n\n{step.text}\n")
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
    from tui_gd.cli.plain_panels import verdict_kind

    if len(options.rest) < 2:
        raise ProblemError("gd-tui lesson grade takes a lesson and hand-ins: lines, or files")
    found = find_lesson(options.rest[0])
    grades = []
    for line in _lines(options.rest[1:]):
        try:
            grades.append(grade(found, read_hand_in(line), verdict_kind))
        except LessonError:
            raise
        except ProblemError as error:
            grades.append(Grade("?", (), 0, 0, 0, 0, str(error)))
    if not grades:
        raise ProblemError("there is no hand-in: lines begin with gdl1:")
    rows = [_row(one, len(found.steps)) for one in grades]
    heads = ["name", "right", "of", "tries", "skipped"]
    heads += [str(i + 1) for i in range(len(found.steps))]
    heads += ["remark"]
    if options.csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([heads, *rows])
    else:
        from tui_gd.problems.text import aligned

        print("\n".join(aligned([heads, *rows])))
        print("\nA hand-in can be forged: replay proves the numbers, not who pressed the keys.")
    return 2 if all(one.fault for one in grades) else 0


def _row(one: Grade, steps: int) -> list[str]:
    words = [*one.steps, *[""] * (steps - len(one.steps))]
    numbers = [str(one.right), str(one.asked), str(one.tries), str(one.skipped)]
    name = safe_text(one.name).lstrip("=+-@\t")  # a spreadsheet would read a formula
    return [name, *numbers, *words, one.fault]


def _lines(given: list[str]) -> Iterator[str]:
    """Give every hand-in among the arguments: lines, files of lines, or - for standard input."""
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
