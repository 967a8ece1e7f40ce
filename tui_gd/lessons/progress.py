"""Progress: how far each learner's lessons are, in the run store beside the runs."""

import json
import time
from dataclasses import asdict, dataclass

from tui_gd.lessons.handin import read_record
from tui_gd.lessons.player import Player
from tui_gd.runs.database import store_errors
from tui_gd.runs.store import Store

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
            records = [read_record(record) for record in json.loads(self.records)]
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
