"""The page of settings: every option of the run, its value and its meaning, open to change.

Its rows come from the options of `tui_gd.session.settings`, so a new option appears by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any, ClassVar

from textual import events, work
from textual.binding import BindingType

from tui_gd.learning.losses import POSSIBLE
from tui_gd.learning.optimizers import MOMENTUM
from tui_gd.plots.axes import BORDER, Canvas, Heading, draw_box
from tui_gd.plots.cells import Cells, first_fitting, fit, width, wrapped
from tui_gd.plots.palette import Style, bold
from tui_gd.plots.symbols import Symbols
from tui_gd.plots.table import visible_offset
from tui_gd.problems import BUILTIN, Problem
from tui_gd.problems.text import safe_text
from tui_gd.session import readers
from tui_gd.session.options import Option, Scope, options_of
from tui_gd.session.readers import AUTO
from tui_gd.session.roles import OF_COLUMNS
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import Snapshot
from tui_gd.ui.context import Context
from tui_gd.ui.keys import KeyNames, ladder
from tui_gd.ui.screens.pages import LETTERS, Page
from tui_gd.ui.screens.questions import Choice, Prompt, listed, loss_words
from tui_gd.ui.textual_fixes.app import Key

_LONGEST_VALUE = 26
_ABOUT_ROWS, _CONSEQUENCE_ROWS = 3, 2
# seeds and small counts go one by one, other whole numbers 1, 2, 5, 10
_SMALL = 5
_KEYS = (
    "↑ ↓ choose   ← → change   space type   del as it was   enter {enter}   esc leave",
    "↑↓ choose  ←→ change  space type  del undo  enter {enter}  esc leave",
    "enter {enter}  esc leave",
)


# The settings of the page


def options_for(settings: RunSettings, problem: Problem) -> list[Option]:
    """Return the options that suit a problem, in the groups of the command line's help."""
    scopes, built_in = [Scope.ANY, Scope.LOCAL], BUILTIN.get(settings.problem)
    left_out = {"surface"} if settings.surface is None else set[str]()
    if problem.surface is None:
        scopes += [Scope.ROWS, Scope.MADE if built_in else Scope.FILES]
    else:  # a surface has one loss and one start
        left_out |= {"loss", "start"}
    if built_in:
        left_out |= options_of(settings, Scope.MADE).keys() - built_in.options
    options = options_of(settings, *scopes)
    options = {name: one for name, one in options.items() if name not in left_out}
    if "loss" in options:
        options["loss"] = replace(options["loss"], steps=tuple(POSSIBLE[problem.task]))
    groups = list(dict.fromkeys(one.group for one in options.values()))
    return sorted(options.values(), key=lambda one: groups.index(one.group))


def value_in_words(value: object) -> str:
    """Return a value as a person would type it; nothing for one that is not set.

    >>> value_in_words((8, 8)), value_in_words(1e-6), value_in_words(True), value_in_words(None)
    ('8,8', '1e-06', 'yes', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):  # JSON has only lists
        return ",".join(map(value_in_words, value))
    return f"{value:g}" if isinstance(value, float) else safe_text(str(value), 200)


def question_about(option: Option, symbols: Symbols) -> str:
    """Return an option's name, its meaning and an example, to ask for its value."""
    example = f", as {option.example}" if option.example else ""
    return symbols.words(f"{option.name.replace('_', ' ')}: {option.help}{example}")


def stepped(option: Option, value: Any, by: int) -> Any:
    """Return the value one step up or down from `value`, or `value` if there is none."""
    steps = option.steps or _of_kind(option)
    if not steps:
        return _of_numbers(option, value, by)
    if value not in steps:
        return _beside(steps, value, by)
    at, around = steps.index(value) + by, option.reader.names or option.reader is readers.boolean
    return steps[at % len(steps) if around else max(0, min(at, len(steps) - 1))]


def _of_kind(option: Option) -> tuple[Any, ...]:
    if option.reader is readers.boolean:
        return (False, True) if option.default is not None else (None, False, True)
    names = option.reader.names
    if names and isinstance(option.default, tuple):
        return tuple((name,) for name in names)
    return ((None, *names) if option.default is None else names) if names else ()


def _beside(steps: Sequence[Any], value: Any, by: int) -> Any:
    """Return the next step above or below a number that is not a step itself."""
    numbers = [one for one in steps if isinstance(one, int | float)]
    if not isinstance(value, int | float) or not numbers:
        return steps[0]
    beyond = [one for one in numbers if (one - value) * by > 0]
    return min(beyond, key=lambda one: abs(one - value), default=value)


def _of_numbers(option: Option, value: Any, by: int) -> Any:
    """Return a number one rung up or down, within limits; an unset one begins at its example."""
    single = isinstance(value, tuple) and len(value) == 1
    number = value[0] if single else value
    if value is None or value == ():
        found = _read(option, option.example) if by > 0 else value
        return value if found is None else found
    if isinstance(number, bool) or not isinstance(number, int | float):
        return value
    if isinstance(number, int):
        by_one = abs(number) < _SMALL or "seed" in option.name
        rungs = [digit * 10**e for e in range(len(str(number)) + 1) for digit in (1, 2, 5)]
        new: float = number + by if by_one else _beside(rungs, number, by)
    else:
        new = ladder(number, by) if 1e-300 < number < 1e300 else number
    made = (new,) if single else new
    found = _read(option, value_in_words(made))
    if found is not None:
        return found
    return None if option.default is None and by < 0 else value


def _read(option: Option, text: str) -> Any:
    try:
        return option.reader.typed(text)
    except ValueError:
        return None


def changes_in_words(changes: Mapping[str, Any]) -> str:
    """Return changed settings with their values: `hidden 8,8, activation relu`."""
    return in_short(
        [
            f"{name.replace('_', ' ')} {value_in_words(value) or 'none'}"
            for name, value in changes.items()
        ]
    )


def in_short(words: Sequence[str], most: int = 3) -> str:
    """Return the first few of several things, and how many more there are."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


# The page


class SettingsPage:
    """The options that suit a run, with the values that a person gives them.

    `wanted` are the settings as given; `settings` also contain what follows from the data. The page
    changes `draft`, the changes so far: they are still there after a person leaves the page. `at`
    is the place of the selected option.
    """

    def __init__(
        self,
        wanted: RunSettings,
        settings: RunSettings,
        problem: Problem,
        snapshot: Snapshot,
        keys: KeyNames,
        draft: dict[str, Any],
        selected: str = "",
    ) -> None:
        self._wanted, self._usual, self._settings = wanted, wanted.usual, settings
        self.problem, self._snapshot, self._keys, self.draft = problem, snapshot, keys, draft
        self.options = options_for(settings, problem)
        names = [one.name for one in self.options]
        self.at = names.index(selected) if selected in names else 0

    @property
    def option(self) -> Option:
        """The option that is selected."""
        return self.options[self.at]

    @property
    def of_columns(self) -> bool:
        """Whether the selected option is about a table's columns: they have their own page."""
        return self.option.name in OF_COLUMNS and bool(self.problem.about)

    def now(self, name: str) -> Any:
        """Return the present value of a setting of the run on the screen."""
        shown = {
            "alpha": tuple(lane.learning_rate for lane in self._snapshot.lanes),
            "loss": self._snapshot.lane.loss_name,
            "seed": self._snapshot.seed,
            "epochs": max(self._snapshot.epochs, 1),
        }
        value = shown[name] if name in shown else getattr(self._settings, name)
        return self._unset(name) if value is None else value

    def _unset(self, name: str) -> Any:
        """Return the value that an unset setting stands for."""
        built_in = BUILTIN.get(self._settings.problem)
        if built_in and name in built_in.options:
            return built_in.options[name]
        if name == "start":
            return "glorot" if self._settings.hidden else "normal"
        if name == "momentum" and {"momentum", "nesterov"} & set(self._settings.optimizer):
            return MOMENTUM
        return None

    def value(self, name: str) -> Any:
        """Return a setting as the page has it."""
        return self.draft.get(name, self.now(name))

    def in_words(self, option: Option) -> str:
        """Return a setting as the page shows it."""
        value = self.value(option.name)
        words = value_in_words(value)
        wanted = self._wanted
        chosen = (option.name == "alpha" and not wanted.alpha) or (
            option.name == "l2" and wanted.l2 == AUTO
        )
        if chosen and option.name not in self.draft:
            return f"{words} (auto)"
        if words:
            return words
        return "auto" if option.name == "alpha" else "none" if value == () else "-"

    def is_usual(self, option: Option) -> bool:
        """Return whether nobody has chosen a setting's value."""
        usual = getattr(self._wanted, option.name) == getattr(self._usual, option.name)
        return usual and option.name not in self.draft

    @property
    def enter(self) -> tuple[str, str]:
        """What enter does now, and a word for it in the line of keys."""
        snapshot = self._snapshot
        if self.of_columns and not self.draft:
            return "space shows all columns of the table, and what each is for", "leave"
        if not self.draft:
            return "nothing is changed yet: enter leaves, the run goes on", "leave"
        said = changes_in_words(self.draft)
        if self.at_once:
            return f"enter acts at once: {said}; the run goes on from epoch {snapshot.epoch}", "do"
        if not snapshot.newest:
            return f"enter begins with {said}; nothing has been trained yet", "begin"
        return (
            f"enter begins again with {said}; {self._keys.of('undo')} brings back the"
            f" {snapshot.newest} epochs of this run",
            "begin again",
        )

    @property
    def at_once(self) -> bool:
        """Whether the run can take all changes without beginning again."""
        can_take = {"alpha"} if len(self._snapshot.lanes) == 1 else set()
        # a schedule that ends at the last epoch would have had other rates so far
        if self._settings.schedule == "constant":
            can_take.add("epochs")
        return self.draft.keys() <= can_take and len(self.draft.get("alpha", (0.0,))) == 1

    def move(self, by: int) -> None:
        """Select another option."""
        self.at = max(0, min(self.at + by, len(self.options) - 1))

    def set(self, value: Any) -> None:
        """Give the selected option a value."""
        name = self.option.name
        self.draft[name] = value
        if value == self.now(name):
            del self.draft[name]


def shortened(text: str, room: int, more: str = "…") -> str:
    """Return the whole clauses of a meaning that fit, nothing if the first does not.

    A list that does not fit ends in `more`.

    >>> shortened("learning rate; several, comma-separated, make a race", 40)
    'learning rate'
    >>> shortened("sgd, momentum, adam", 15)
    'sgd, …'
    """
    for sign, end in (("; ", ""), (": ", ""), (", ", f", {more}")):
        parts, rest = text.split(sign), ""
        while len(parts) > 1 and width(sign.join(parts) + rest) > room:
            parts.pop()
            rest = end
        text = sign.join(parts) + rest
    return text if width(text) <= room and text.count("(") == text.count(")") else ""


def draw_settings(page: SettingsPage, rows: int, columns: int, style: Style) -> Cells:
    """Return the page: the rows, the selected one's meaning, what enter does, and the keys."""
    palette, symbols = style.palette, style.symbols
    inner = Cells.blank(rows - BORDER, columns - BORDER, style)
    high, wide = inner.shape
    foot = _foot(page, wide - 2, style)
    foot = foot[max(0, len(foot) - max(high - 3, 1)) :]
    room = max(0, high - len(foot) - 1)
    lines: list[int | str] = []
    for group, members in groupby(enumerate(page.options), key=lambda one: one[1].group):
        lines += [group or "problem", *(at for at, _ in members)]
    place = lines.index(page.at)
    offset = visible_offset(len(lines), room, max(0, place - room // 2), place)
    names = max(width(option.name) for option in page.options)
    longest = max(width(page.in_words(option)) for option in page.options)
    values = min(longest, _LONGEST_VALUE)
    for row, line in enumerate(lines[offset : offset + room]):
        if isinstance(line, str):
            inner.put(row, 1, symbols.spell(line), bold(palette.dim))
            continue
        option, here = page.options[line], line == page.at
        changed = option.name in page.draft
        inner.put(row, 1, symbols.selected if here else " ", palette.focus)
        inner.put(row, 2, "*" if changed else " ", palette.focus)
        ink = palette.dim if page.is_usual(option) else palette.text
        name = bold(palette.focus) if here else palette.text
        inner.put(row, 4, symbols.words(option.name.replace("_", " ")), name)
        value = fit(symbols.words(page.in_words(option)), values, symbols.plain)
        inner.put(row, 6 + names, value, palette.warning if changed else ink)
        at = 8 + names + values
        meaning = symbols.words(option.help)
        inner.put(row, at, shortened(meaning, wide - at - 1, symbols.spell("…")), palette.dim)
    for row, (text, colour) in enumerate(foot, high - len(foot)):
        inner.put(row, 1, text, colour)
    last = min(offset + room, len(lines))
    more = f"   {offset + 1}-{last} of {len(lines)}" if len(lines) > room else ""
    title = symbols.spell(f"settings of this run{more}   * changed")
    return draw_box(Canvas(rows, columns, style, Heading(title)), inner)


def _foot(page: SettingsPage, room: int, style: Style) -> list[tuple[str, int]]:
    """Return the lines below the rows, always the same number of them."""
    palette, symbols = style.palette, style.symbols
    option, (does, word) = page.option, page.enter
    meaning = option.help + (f" (usual: {option.usual})" if option.usual else "")
    about = wrapped(symbols.words(meaning), max(room, 10))[:_ABOUT_ROWS]
    said = wrapped(symbols.words(does), max(room, 10))[:_CONSEQUENCE_ROWS]
    keys = [symbols.spell(form.format(enter=word)) for form in _KEYS]
    about += [""] * (_ABOUT_ROWS - len(about))
    said += [""] * (_CONSEQUENCE_ROWS - len(said))
    return [
        *((line, palette.text) for line in about),
        *((line, palette.dim) for line in said),
        (first_fitting(keys, room), palette.key),
    ]


# The screen


class SettingsScreen(Page[dict[str, Any] | None]):
    """Shows and changes settings; answers with the changes, or None.

    `{"problem": None}` stands for the question for a problem, `{"target": None}` for the page of
    the table's columns.
    """

    HEADING = "Settings"
    KEYS = (
        Key("down", "move(1)", "↑ ↓ or j k", "choose a setting"),
        Key("right,l", "change(1)", "← → or h l", "change it"),
        Key("left,h", "change(-1)"),
        Key("space,e", "type('')", "space or e", "type its value"),
        Key("backspace,delete", "restore", "del", "as it was"),
        Key("enter", "take", "enter", "begin with the changes, or act at once"),
        Key("escape,q", "dismiss(None)", "esc or q", "leave; the changes stay on this page"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [*LETTERS]

    def __init__(self, context: Context, page: SettingsPage) -> None:
        super().__init__(context, partial(draw_settings, page), page.move)
        self.page = page

    def action_change(self, by: int) -> None:
        """Change the selected setting by a step."""
        option = self.page.option
        if option.name == "problem" or self.page.of_columns:
            self.action_type("")
        else:
            self._set(stepped(option, self.page.value(option.name), by))

    def action_restore(self) -> None:
        """Undo the change of the selected setting."""
        self.page.draft.pop(self.page.option.name, None)
        self.draw()

    def action_take(self) -> None:
        """Answer with the changes."""
        self.dismiss(dict(self.page.draft) or None)

    def _set(self, value: Any) -> None:
        self.page.set(value)
        self.draw()

    def on_key(self, event: events.Key) -> None:
        """Begin to type a number with its first digit."""
        if event.character and event.character in "0123456789.-":
            event.stop()
            self.action_type(event.character)

    @work
    async def action_type(self, first: str) -> None:
        """Ask for the value of the selected setting: a line, or one of several."""
        page, option = self.page, self.page.option
        if option.name == "problem":
            self.dismiss({"problem": None})
            return
        if page.of_columns:
            self.dismiss({"target": None})
            return
        names, symbols = option.reader.names, self.context.terminal.symbols
        question = question_about(option, symbols)
        if names and not isinstance(option.default, tuple):
            words = dict.fromkeys(names, "")
            if option.name == "loss":
                words = loss_words(page.problem.task)
            answer = await self.app.push_screen_wait(
                Choice(question, listed(words, symbols), str(page.value(option.name)))
            )
            if answer is not None:
                self._set(answer)
            return

        def parse(text: str) -> tuple[Any]:
            if not text or text == "none":
                return (() if option.name == "hidden" else option.default,)
            if option.reader is readers.boolean:
                text = {"yes": "true", "no": "false"}.get(text, text)
                if text not in {"true", "false"}:
                    raise ValueError("type yes or no")
                return (text == "true",)
            return (option.reader.typed(text),)

        now = first or value_in_words(page.value(option.name))
        answer = await self.app.push_screen_wait(Prompt(question, now, parse, select=not first))
        if answer is not None:
            self._set(answer[0])
