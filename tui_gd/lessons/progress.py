"""What a learner did: saved in the run store beside the runs, handed in as a line, and graded.

A hand-in is `gdl1:` and then, in the URL-safe letters of base 64: deflated JSON and the first 4
bytes of its SHA-256. The JSON has the lesson's id and digest, the learner's name, and for every
step the answer, tries, hints, whether it was skipped, and the share line of the run. Grading
replays these runs and computes every answer again. Anybody can write such a line: replay proves the
numbers, not who pressed the keys.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from tui_gd.errors import ProblemError
from tui_gd.lessons.lesson import Lesson
from tui_gd.lessons.player import Player, Record, seed_of
from tui_gd.lessons.replay import LessonRun, from_shared, start_of
from tui_gd.runs.database import store_errors
from tui_gd.runs.recipe import Shared
from tui_gd.runs.share import CHECK_BYTES, open_line, packed, unpacked
from tui_gd.runs.store import Store

# Hand-ins and grades

VERSION = "gdl1:"
LONGEST_LINE = 200_000
LONGEST_JSON = 1 << 21
LONGEST_NAME = 60
MOST_STARTS = 10_000
CHANGEABLE = ("epochs", "alpha", "optimizer", "momentum", "loss", "seed")
"""Settings that a learner may change in a lesson; every new start adds one to the seed."""


@dataclass(frozen=True)
class HandIn:
    """A hand-in as read; whether it is for the right lesson, `grade` finds out."""

    lesson: str
    digest: str
    name: str
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Grade:
    """The grade of one hand-in: a word for every step, and totals."""

    name: str
    steps: tuple[str, ...] = ()
    right: int = 0
    asked: int = 0
    tries: int = 0
    skipped: int = 0
    fault: str = ""


def hand_in_line(player: Player) -> str:
    """Return the line that hands a lesson in."""
    document = {
        "lesson": player.lesson.id,
        "digest": player.lesson.digest,
        "name": player.name,
        "steps": [asdict(record) for record in player.records],
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return VERSION + packed(text, _check(text))


def _check(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()[:CHECK_BYTES]


def read_hand_in(text: str) -> HandIn:
    """Read a line; `ProblemError` says in one line what is wrong with it."""
    line = "".join(text.split())
    if not line.startswith(VERSION):
        raise ProblemError(f"{line[:12]!a} is not a hand-in: it begins with {VERSION}")
    if len(line) > LONGEST_LINE:
        raise ProblemError(f"a hand-in has at most {LONGEST_LINE} characters")
    try:
        return _hand_in(json.loads(unpacked(line.removeprefix(VERSION), _check, LONGEST_JSON)))
    except (ValueError, RecursionError):
        raise ProblemError("the hand-in is broken: copy the whole line again") from None


def _hand_in(document: Any) -> HandIn:
    """Return the hand-in in a document; `ValueError` unless it has the form of one."""
    if type(document) is not dict or set(document) != {"lesson", "digest", "name", "steps"}:
        raise ValueError
    texts = [document["lesson"], document["digest"], document["name"]]
    if any(type(text) is not str or len(text) > 100 or not text.isprintable() for text in texts):
        raise ValueError
    steps = document["steps"]
    if type(steps) is not list or len(steps) > 100:
        raise ValueError
    return HandIn(texts[0], texts[1], texts[2][:LONGEST_NAME], tuple(map(_read_record, steps)))


def _read_record(value: Any) -> Record:
    """Return the record in a document; `ValueError` unless it has the form of one."""
    wanted = asdict(Record())
    if type(value) is not dict or set(value) != set(wanted):
        raise ValueError
    for key, usual in wanted.items():
        given = value[key]
        kinds = {bool, type(None)} if key == "right" else {type(usual)}
        if type(given) not in kinds or (type(given) is str and not given.isprintable()):
            raise ValueError
        if type(given) is int and not 0 <= given <= 10**6:
            raise ValueError
    return Record(**value)


def grade(lesson: Lesson, hand_in: HandIn) -> Grade:
    """Replay a hand-in and grade every step in a word.

    Words: `read`, `right`, `wrong`, `skipped`, `open` (not answered), `refuted` (the run does not
    show what the line claims).
    """
    records = hand_in.records
    fault = ""
    if hand_in.lesson != lesson.id:
        fault = f"is for lesson {hand_in.lesson}"
    elif hand_in.digest != lesson.digest:
        fault = "was made with another version of the lesson's file"
    elif len(records) != len(lesson.steps):
        fault = "has another number of steps"
    if fault:
        return Grade(hand_in.name, fault=fault)
    start = start_of(lesson, seed_of(hand_in.name))
    words = [
        _judge(Player(lesson, hand_in.name, at=i), record, start)
        for i, record in enumerate(records)
    ]
    asked = sum(step.kind != "read" for step in lesson.steps)
    return Grade(
        hand_in.name,
        tuple(words),
        words.count("right"),
        asked,
        sum(record.tries for record in records),
        0 if lesson.skip == "free" else sum(record.skipped for record in records),
    )


def _judge(player: Player, record: Record, start: Shared) -> str:
    """Grade what is on record of the step that a fresh player is at."""
    if record.skipped or record.right is None:
        return "skipped" if record.skipped else "open"
    if player.step.kind == "read":
        return "read"
    try:
        right = _replayed(player, record, _run_of(record.run, start))
    except ProblemError:
        return "refuted"
    if right != record.right:
        return "refuted"
    return "right" if right else "wrong"


def _replayed(player: Player, record: Record, run: LessonRun) -> bool:
    """Return whether an answer is right, or a task done, by a run that was replayed."""
    step = player.step
    if step.kind == "do":
        assert step.until is not None
        return step.until.holds(run)
    run.carry_out(step.then)
    player.answer(record.answer, run)
    return player.record.right is True


def _run_of(line: str, start: Shared) -> LessonRun:
    """Return the run of a share line, which has to be on the lesson's problem and model."""
    shared = open_line(line)
    changed = {name: getattr(start.settings, name) for name in CHANGEABLE}
    drawn = shared.settings.seed - start.settings.seed
    if replace(shared.settings, **changed) != start.settings or not 0 <= drawn <= MOST_STARTS:
        raise ProblemError("the run did not start where the lesson does")
    return from_shared(shared, start.newest_seed)


# Saved progress

_TABLE = """
CREATE TABLE IF NOT EXISTS lessons (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    place INTEGER NOT NULL,
    done INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    records TEXT NOT NULL,
    line TEXT NOT NULL,
    changed REAL NOT NULL
)
"""


@dataclass(frozen=True)
class Saved:
    """A lesson as it was left: `line` is the share line of its run, empty at the start."""

    digest: str
    name: str
    place: int
    done: int
    steps: int
    records: str
    line: str

    def resume(self, player: Player) -> None:
        """Bring a player to where the lesson was left."""
        try:
            records = [_read_record(record) for record in json.loads(self.records)]
        except ValueError:
            return  # damaged: the lesson starts again
        # the lesson's file may have been changed since, and have more steps or fewer
        steps = len(player.records)
        player.records = [*records[:steps], *player.records[len(records) :]]
        player.at = max(0, min(self.place, steps - 1))


def save(store: Store, player: Player, line: str) -> None:
    """Save where a learner is."""
    done = len(player.lesson.steps) if player.finished else player.at
    values = (
        player.lesson.id,
        player.lesson.digest,
        player.name,
        player.at,
        done,
        len(player.lesson.steps),
        json.dumps([asdict(record) for record in player.records]),
        line,
        time.time(),
    )
    with store_errors(store.path):
        store.connection.execute(_TABLE)
        marks = ", ".join("?" * len(values))
        store.connection.execute(f"INSERT OR REPLACE INTO lessons VALUES ({marks})", values)


def saved(store: Store) -> dict[str, Saved]:
    """Return every lesson that was left, by its id."""
    if not store.path.exists():
        return {}
    with store_errors(store.path):
        table = "SELECT count(*) FROM sqlite_master WHERE name = 'lessons'"
        if not store.connection.execute(table).fetchone()[0]:
            return {}
        rows = store.connection.execute(
            "SELECT id, digest, name, place, done, steps, records, line FROM lessons"
        ).fetchall()
    return {str(row[0]): Saved(*row[1:]) for row in rows if _whole(row)}


def resumed(store: Store, player: Player) -> str:
    """Bring a player to where the lesson was left; return the share line of its run.

    Empty, and the player as it was, if the lesson was not left here, or was finished.
    """
    left = saved(store).get(player.lesson.id)
    if left is None or left.digest != player.lesson.digest or left.done >= left.steps:
        return ""
    player.name = left.name
    left.resume(player)
    return left.line


def _whole(row: tuple[object, ...]) -> bool:
    kinds = (str, str, str, int, int, int, str, str)
    return all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True))
