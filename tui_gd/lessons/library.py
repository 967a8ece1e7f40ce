"""Where lessons are: those that come with gd-tui, and those in the config directory."""

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from tui_gd.errors import ProblemError
from tui_gd.lessons.lesson import ENGLISH, Lesson, LessonError, parse_lesson, read_lesson

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


def language(environ: Mapping[str, str]) -> str:
    """Return the code of the language that the environment asks for, as `de`.

    The first of LC_ALL, LC_MESSAGES and LANG that is set counts, as POSIX says.
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    code = re.match(r"[a-z]{2,3}(?=[_.@]|$)", locale)
    return code[0] if code else ENGLISH


def bundled(name: str, lang: str = ENGLISH) -> Lesson:
    """Return a lesson that comes with gd-tui, in that language if it has one, else in English."""
    folder = resources.files("tui_gd.lessons") / "bundled"
    file = folder / f"{name}.{lang}.toml"
    if lang == ENGLISH or not file.is_file():
        file = folder / f"{name}.toml"
    return parse_lesson(file.read_bytes(), file.name)


def translations(name: str) -> list[Lesson]:
    """Return a bundled lesson in every language, the English one first."""
    files = (resources.files("tui_gd.lessons") / "bundled").iterdir()
    found = sorted(file.name.split(".")[1] for file in files if file.name.startswith(f"{name}."))
    return [bundled(name), *(bundled(name, lang) for lang in found if lang != "toml")]


def template() -> str:
    """Return a commented lesson to start from."""
    return (resources.files("tui_gd.lessons") / "template.toml").read_text("utf-8")


def own_directory() -> Path:
    """Return the folder for lessons of one's own."""
    import platformdirs

    return Path(platformdirs.user_config_dir("gd-tui", appauthor=False)) / "lessons"


def own_lessons() -> Iterator[Lesson | LessonError]:
    """Yield every lesson in the config directory, or the error that makes it unreadable."""
    try:
        files = sorted(own_directory().glob("*.toml"))
    except OSError:
        return
    for file in files:
        try:
            yield read_lesson(file)
        except LessonError as error:
            yield error


def in_language(lessons: Sequence[Lesson], lang: str) -> Lesson:
    """Return one of several translations: in that language, else in English, else the first."""
    return max(lessons, key=lambda one: (one.lang == lang, one.lang == ENGLISH))


def find_lesson(name: str, lang: str) -> Lesson:
    """Return the lesson of that id, in that language if it has one, or the lesson in that file."""
    return in_language(all_languages(name), lang)


def all_languages(name: str) -> list[Lesson]:
    """Return the lesson of that id, or in that file, and its translations.

    A file's translations lie beside it: `mine.de.toml` beside `mine.toml`. `ProblemError` if there
    is no such lesson.
    """
    if name in ORDER:
        return translations(name)
    own = [one for one in own_lessons() if isinstance(one, Lesson) and one.id == name]
    if own:
        return own
    if "/" in name or name.endswith(".toml") or Path(name).exists():
        path = Path(name)
        lesson = read_lesson(path)
        beside = sorted(path.parent.glob(f"{glob.escape(path.stem)}.*.toml"))
        return [lesson, *(one for one in map(read_lesson, beside) if one.id == lesson.id)]
    raise ProblemError(f"{name[:60]!a} is no lesson: gd-tui lessons lists them")
