"""Where lessons are: those that come with gd-tui, and those in the config directory."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from tui_gd.errors import ProblemError
from tui_gd.lessons.lesson import Lesson, LessonError, parse_lesson, read_lesson

TOUR = "tour"
ORDER = (
    TOUR,
    "slope",
    "learning-rate",
    "overshoot",
    "plateau",
    "valleys",
    "momentum",
    "many-starts",
    "overfitting",
    "standardize",
    "hidden-layer",
)
"""The lessons that come with gd-tui, in the order in which they build on each other."""


def bundled(name: str) -> Lesson:
    """Return a lesson that comes with gd-tui, by its id."""
    file = resources.files("tui_gd.lessons") / "bundled" / f"{name}.toml"
    return parse_lesson(file.read_bytes(), f"{name}.toml")


def template() -> str:
    """Return a commented lesson to start from."""
    return (resources.files("tui_gd.lessons") / "template.toml").read_text("utf-8")


def own_directory() -> Path:
    """Return the folder for lessons of one's own."""
    import platformdirs

    return Path(platformdirs.user_config_dir("gd-tui", appauthor=False)) / "lessons"


def own_lessons() -> Iterator[Lesson | LessonError]:
    """Give every lesson in the config directory, or the error that makes it unreadable."""
    try:
        files = sorted(own_directory().glob("*.toml"))
    except OSError:
        return
    for file in files:
        try:
            yield read_lesson(file)
        except LessonError as error:
            yield error


def find_lesson(name: str) -> Lesson:
    """Return the lesson of that id, or in that file; `ProblemError` if there is none."""
    if name in ORDER:
        return bundled(name)
    for lesson in own_lessons():
        if isinstance(lesson, Lesson) and lesson.id == name:
            return lesson
    if "/" in name or name.endswith(".toml") or Path(name).exists():
        return read_lesson(Path(name))
    raise ProblemError(f"{name[:60]!a} is no lesson: gd-tui lessons lists them")
