"""The only table of keys: it feeds the bindings, the help and the palette, and names footers' keys.

A person's own keys stand in the `[keys]` table of `config.toml` and override this table:
`"step(1)" = ["n", "right"]` gives the action with that name these keys instead of its own. An empty
list takes its keys away.
"""

import tomllib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from string import punctuation
from typing import TYPE_CHECKING, Any

from tui_gd.errors import ProblemError
from tui_gd.files import directory
from tui_gd.problems.text import safe_text


@dataclass(frozen=True, slots=True)
class Action:
    """What one or several keys do.

    `name` is the function `action_<name>` in `screens/actions.py` or `screens/exports.py`, with its
    arguments; for those in `APP_ACTIONS` it is a method of the app. `keys` are Textual's names of
    keys, comma-separated. `shown` is their form in the help; it is empty if the line before
    describes both. The footer's words are hints: those of a run in `panels/lines.py`, those of a
    panel in its own file.
    """

    name: str
    keys: str
    shown: str
    text: str
    group: str


ACTIONS = (
    Action("run_or_pause", "space,f5", "space or F5", "run / pause", "Training"),
    Action("step(1)", "full_stop,right,f7", ". or → F7", "one epoch forward (pauses)", "Training"),
    Action("step_back(1)", "comma,left,f6", ", or ← F6", "one epoch back", "Training"),
    Action("step(10)", "greater_than_sign,f9", "> or F9", "ten epochs forward", "Training"),
    Action("step_back(10)", "less_than_sign,f8", "< or F8", "ten epochs back", "Training"),
    Action("first", "home,A", "home A, end G", "first / newest epoch", "Training"),
    Action("newest", "end,G", "", "newest epoch", "Training"),
    Action("go_to", "g", "g", "go to an epoch", "Training"),
    Action("flat_out", "f", "f", "as fast as it can / slow enough to watch", "Training"),
    Action("rescue", "u", "u", "rescue: back to the lowest loss, smaller α", "Training"),
    Action("learning_rate(1)", "plus,equals_sign,U", "+ or = U", "larger steps (α × 3)", "Descent"),
    Action("learning_rate(-1)", "minus,J", "- or J", "smaller steps (α ÷ 3)", "Descent"),
    Action("type_learning_rate", "a", "a", "type a learning rate", "Descent"),
    Action("reset", "r", "r", "again from the same start", "Descent"),
    Action("new_start", "n", "n", "new random start", "Descent"),
    Action("undo", "0,backspace", "0, ctrl+r F2", "undo what discards something / redo", "Descent"),
    Action("redo", "ctrl+r,f2", "", "redo what was undone", "Descent"),
    Action("choose_optimizer", "o", "o", "choose the optimizer", "Descent"),
    Action("choose_loss", "l", "l", "choose the loss", "Descent"),
    Action("choose_problem", "d", "d", "choose the problem", "Descent"),
    Action("columns", "D", "D", "what was done to the columns", "Descent"),
    Action("check_gradient", "c", "c", "check the gradient by finite differences", "Descent"),
    Action("branch", "b", "b", "branch here into a new lane", "Lanes"),
    Action("branch_with", "B", "B", "branch with another optimizer or loss", "Lanes"),
    Action("name_lane", "N", "N", "name the current lane", "Lanes"),
    Action("hide_lane", "V", "V", "hide / show the current lane in plots", "Lanes"),
    Action("close_lane", "C", "C", "close the current lane", "Lanes"),
    Action("race('rates')", "R", "R", "race of 64 learning rates from here", "Studies"),
    Action("race('optimizers')", "O", "O", "race of all optimizers from here", "Studies"),
    Action("starts", "S", "S", "hundreds of random starts", "Studies"),
    Action("mark", "x", "x", "compare later epochs with this one", "Studies"),
    Action("choose_plane", "v", "v", "choose the weights of the landscape", "Studies"),
    Action("panel('loss')", "1", "1", "the loss", "Panels"),
    Action("panel('data')", "2", "2", "the data and its decision regions", "Panels"),
    Action("panel('report')", "3", "3", "the report", "Panels"),
    Action("panel('step')", "4", "4", "the arithmetic of the step", "Panels"),
    Action("panel('landscape')", "5", "5", "the loss landscape and the path", "Panels"),
    Action("panel('lanes')", "6", "6", "the list of lanes", "Panels"),
    Action("panel('why')", "7", "7", "why it goes as it goes; the safe α", "Panels"),
    Action("panel('changes')", "8", "8", "what changed since a marked epoch", "Panels"),
    Action("panel('network')", "9", "9", "the network and its units", "Panels"),
    Action("log_axis", "y", "y, Y", "logarithmic loss axis / epoch axis", "Curves"),
    Action("log_epochs", "Y", "", "logarithmic epoch axis", "Curves"),
    Action("measure", "i", "i", "draw loss, gradient norm, or α", "Curves"),
    Action("smooth", "s", "s", "smooth over 5, 21, 101 epochs", "Curves"),
    Action("zoom(2.0)", "z", "z, Z, wheel", "zoom in / out: loss or landscape", "Curves"),
    Action("zoom(0.5)", "Z", "", "zoom out", "Curves"),
    Action("pan(-0.25)", "h", "h, H, drag", "look further left / right", "Curves"),
    Action("pan(0.25)", "H", "", "look further right", "Curves"),
    Action("train_points", "p", "p", "show test points / train points", "View"),
    Action("maximise", "m", "m, esc or M", "maximise / leave cursor, all panels", "View"),
    Action("restore", "escape,M", "", "leave the cursor; all panels again", "View"),
    Action("focus_panel(1)", "tab,P", "tab or P, I", "focus the next / previous panel", "View"),
    Action("focus_panel(-1)", "shift+tab,I", "", "focus the previous panel", "View"),
    Action("move(1)", "down,j", "↓ ↑ or j k", "next / previous sample, row or lane", "View"),
    Action("move(-1)", "up,k", "", "previous sample, row or lane", "View"),
    Action("scroll(1)", "pagedown,K", "pgdn K pgup T", "scroll the focused panel", "View"),
    Action("scroll(-1)", "pageup,T", "", "scroll the focused panel up", "View"),
    Action("cursor", "enter,E", "enter or E", "cursor: arrows move it, enter takes", "View"),
    Action("settings", "semicolon,Q", "; or Q", "settings: all options of the run", "Program"),
    Action("copy", "w", "w, W", "copy the panel's numbers / write a file", "Program"),
    Action("write", "W", "", "write the panel's numbers to a file", "Program"),
    Action("export", "e", "e, F3", "export files / copy the run's line", "Program"),
    Action("share", "f3", "", "share: copy the line that repeats the run", "Program"),
    Action("kept_runs", "L", "L", "the kept runs: compare, go on, delete", "Program"),
    Action("repaint", "ctrl+l,f12", "ctrl+l", "paint the whole screen again", "Program"),
    Action("meter", "F", "F", "frames and kB/s sent, in the first line", "Program"),
    Action("theme", "t", "t", "dark / light", "Program"),
    Action("lesson", "f4", "F4", "leave or resume the lesson; the tour", "Program"),
    Action("help", "question_mark,f1", "? or F1", "this help", "Program"),
    Action("command_palette", "ctrl+p,colon,X", "ctrl+p : or X", "all commands by name", "Program"),
    Action("quit", "q,ctrl+c,ctrl+q", "q or ctrl+c", "quit", "Program"),
)

APP_ACTIONS = frozenset({"quit", "command_palette"})

# while a plot has a cursor, these keys move it, (across, down), and do nothing else
CURSOR_KEYS = {"left": (-1, 0), "right": (1, 0), "up,k": (0, -1), "down,j": (0, 1)}


def target(name: str) -> str:
    """Return an action's name with its namespace, as Textual's bindings take it."""
    return f"app.{name}" if name in APP_ACTIONS else name


def ladder(rate: float, rungs: int) -> float:
    """Return the learning rate some rungs up (or down) on the ladder 1, 3, 10, 30 and so on.

    From a rate between two rungs, the first step leads to the next rung in that direction.

    >>> ladder(0.01, 1), ladder(0.01, -1), ladder(0.02, 1), ladder(0.02, -1)
    (0.03, 0.003, 0.03, 0.01)
    """
    for _ in range(abs(rungs)):
        power = int(f"{rate:e}".partition("e")[2])
        near = [float(f"{digit}e{e}") for e in range(power - 2, power + 3) for digit in (1, 3)]
        if rungs > 0:
            rate = min(rung for rung in near if rung > rate * (1 + 1e-9))
        else:
            rate = max(rung for rung in near if rung < rate * (1 - 1e-9))
    return rate


# A person's own keys

if TYPE_CHECKING:
    from tui_gd.insight.verdict import Try
    from tui_gd.session.commands import Command

VARIABLE = "GD_TUI_CONFIG"
NAME = "config.toml"
TABLE = "keys"
LARGEST = 1 << 20
# this always quits: even if a person rebinds everything, there has to be a way out
ALWAYS_QUITS = "ctrl+c"
_NAMED = {
    "space": "space",
    "enter": "enter",
    "escape": "esc",
    "tab": "tab",
    "shift+tab": "shift+tab",
    "backspace": "backspace",
    "insert": "ins",
    "delete": "del",
    "home": "home",
    "end": "end",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    **{f"f{number}": f"F{number}" for number in range(1, 25)},
}
# Textual's names of keys that differ from Unicode's
_RENAMED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_FROM_SHOWN = {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown", "del": "delete"}
# a terminal sends the same for both, or keeps the key to itself
_SAME = {
    "ctrl+h": "backspace",
    "ctrl+i": "tab",
    "ctrl+j": "enter",
    "ctrl+m": "enter",
    "ctrl+s": "freezing the terminal",
    "ctrl+z": "leaving to the shell",
}


def config_path() -> Path:
    """Return the path of the file, if there is one: from `GD_TUI_CONFIG`, or the usual place."""
    return directory(VARIABLE, "config") / NAME


def read_config(path: Path) -> dict[str, Any]:
    """Return the contents of the file, empty without one; `ProblemError` says what is wrong."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise ProblemError("is too large for a list of keys")
        return tomllib.loads(text.decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ProblemError(f"{error.strerror}") from None
    except UnicodeDecodeError:
        raise ProblemError("is not UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProblemError(safe_text(str(error), 200)) from None


def changed_actions(document: Mapping[str, object]) -> tuple[Action, ...]:
    """Return the table of keys with the changes of a document; `ProblemError` says what is wrong.

    An action that the document does not name keeps its keys, so no other action may take them.
    """
    if TABLE not in document:
        return ACTIONS
    changes = document[TABLE]
    if not isinstance(changes, dict):
        raise ProblemError(f'{TABLE} is a table: write [{TABLE}] and below it "quit" = "ctrl+x"')
    known = [action.name for action in ACTIONS]
    for name in changes:
        if name not in known:
            near = get_close_matches(name, known, 1, 0.5)
            hint = f"; is it {near[0]!r}?" if near else " (docs/keys.md lists them)"
            raise ProblemError(f"{safe_text(name)!r} is no action{hint}")
    actions = []
    for before, action, after in zip(
        (None, *ACTIONS[:-1]), ACTIONS, (*ACTIONS[1:], None), strict=True
    ):
        keys = _keys(action, changes[action.name]) if action.name in changes else action.keys
        # if a change affects one of two that share a line, each gets its own
        beside = before if not action.shown else after if after and not after.shown else None
        if changes.keys() & {one.name for one in (action, beside) if one}:
            shown = shown_keys(keys).replace(" ", " or ", 1)
            actions.append(replace(action, keys=keys, shown=shown))
        else:
            actions.append(action)
    _check_clashes(actions, changes)
    return tuple(actions)


def _keys(action: Action, wanted: object) -> str:
    """Return the keys that a document gives an action, as in the table."""
    listed = wanted if isinstance(wanted, list) else [wanted]
    keys = [_key(text, action.name) for text in listed]
    if action.name == "quit":
        keys.append(ALWAYS_QUITS)
    return ",".join(dict.fromkeys(keys))


def _key(text: object, action: str) -> str:
    """Return Textual's name of a key that is given as a character or by its name."""
    if not isinstance(text, str):
        raise ProblemError(f'{action}: {text!r} is no key: write it as "x", or ["x", "f5"]')
    if len(text) == 1 and text.isprintable() and text != " ":
        return name_of_key(text)
    name = text.lower() if len(text) > 1 else text
    name = {"": "", " ": "space"}.get(name, _FROM_SHOWN.get(name, name))
    if name in _SAME:
        raise ProblemError(f"{action}: {text} cannot be a key: to a terminal it is {_SAME[name]}")
    plain = name.removeprefix("ctrl+")
    controlled = plain != name and len(plain) == 1 and plain.isascii() and plain.isalpha()
    if name in _NAMED or controlled or any(name in action.keys.split(",") for action in ACTIONS):
        return name
    raise ProblemError(
        f"{action}: {safe_text(text)!r} is no key: a character, ctrl+ and a letter, or one of"
        f" {', '.join(key for key in _NAMED if key[0] != 'f' or key == 'f1')} to f24"
    )


@lru_cache(maxsize=512)
def shown_keys(keys: str) -> str:
    """Return keys, given as in the table, in the form that people read."""
    signs = {name_of_key(sign): sign for sign in punctuation}
    known = {**signs, **_NAMED}
    return " ".join(known.get(key) or _character(key) for key in keys.split(",") if key)


def name_of_key(character: str) -> str:
    """Return Textual's name of the key that types a character, without loading Textual.

    >>> name_of_key("x"), name_of_key("<"), name_of_key("+"), name_of_key("«")
    ('x', 'less_than_sign', 'plus', 'left_pointing_double_angle_quotation_mark')
    """
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return _RENAMED.get(name, name)


def _character(key: str) -> str:
    """Return the character that a key's name stands for, or else the name."""
    try:
        return unicodedata.lookup(key.replace("_", " "))
    except KeyError:
        return key


def _check_clashes(actions: Sequence[Action], changes: Mapping[str, object]) -> None:
    of: dict[str, Action] = {}
    for action in actions:
        for key in filter(None, action.keys.split(",")):
            other = of.setdefault(key, action)
            if other is not action:
                first, second = sorted((other, action), key=lambda one: one.name not in changes)
                raise ProblemError(
                    f"the key {shown_keys(key)} is for two actions, {first.name} and"
                    f" {second.name}: give {second.name} another one too"
                )
            if key == ALWAYS_QUITS and action.name != "quit":
                raise ProblemError(f"{action.name}: {ALWAYS_QUITS} always quits")


# The key to press for an action, as bound

# if space is scarce, a shorter key replaces one with more cells than this
_SHORT = 5


class KeyNames:
    """The keys of actions, in the form that people read."""

    def __init__(self, actions: Sequence[Action] = ACTIONS) -> None:
        self._actions = {action.name: action for action in actions}

    def of(self, name: str) -> str:
        """Return the first key of an action; if it has none, how to find it in the palette."""
        by_name = f'{self._first("command_palette")} "{self._actions[name].text}"'.lstrip()
        return self._first(name) or by_name

    @property
    def moving(self) -> str:
        """The keys that move within a panel, as `↑ ↓`."""
        return f"{self.of('move(-1)')} {self.of('move(1)')}"

    def tries(self, tries: "Sequence[Try]") -> str:
        """Return what a verdict says to try, each behind its key; empty if there is nothing."""
        said = [f"{self.of(one.action)} {one.words}" if one.action else one.words for one in tries]
        return f"try {'   '.join(said)}" if said else ""

    def short(self, name: str) -> str:
        """Return a key of an action in few cells: the first, or the shortest if that is long."""
        shown = shown_keys(self._actions[name].keys).split(" ")
        return shown[0] if len(shown[0]) <= _SHORT else min(shown, key=len)

    def _first(self, name: str) -> str:
        return shown_keys(self._actions[name].keys.partition(",")[0])


# a held key repeats every 20 to 90 ms; hardly anybody presses a key again so soon
REPEAT_SECONDS = 0.1


class KeyRepeat:
    """Lets a step key through, unless it is held and the last step is not on the screen yet.

    The second of two quick presses waits until that step is drawn. A third one shows that the key
    is held, and then none waits: when the key is released, the run stops.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: Command | None = None
        self._pressed_at = 0.0
        self._quick = 0
        self._waiting: Command | None = None

    def press(self, command: "Command", *, pending: bool) -> "Command | None":
        """Return the command to send now; `pending`: a step is slow and not on the screen yet."""
        now = self._clock()
        quick = command == self._last and now - self._pressed_at < REPEAT_SECONDS
        self._quick = self._quick + 1 if quick else 0
        self._last, self._pressed_at = command, now
        waits = pending and self._quick > 0
        if self._quick != 1:
            self._waiting = None
        elif waits:
            self._waiting = command
        return None if waits else command

    def drawn(self) -> "Command | None":
        """Return the command that waited until the step was on the screen."""
        command, self._waiting = self._waiting, None
        return command

    def forget(self) -> None:
        """Drop the waiting command, because another run or another command has come."""
        self._waiting = None
