"""What a terminal does with the bytes it receives: pages, modes and answers to queries.

pyte keeps the cells. It knows neither the alternate screen nor most private modes, and it takes
some private sequences for others (`CSI > 4;1 m` for a colour), so the byte stream is cut into
sequences here, and only what pyte understands is handed on to it.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pyte

if TYPE_CHECKING:
    from collections.abc import Callable

_SEQUENCE = re.compile(
    rb"(?P<text>[^\x1b]+)"
    rb"|\x1b\[(?P<private>[<=>?]*)(?P<params>[0-9:;]*)(?P<middle>[ -/]*)(?P<final>[@-~])"
    rb"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    rb"|\x1b[P^_X](?P<string>.*?)\x1b\\"
    rb"|\x1b(?P<escape>[ -/]*[0-OQ-WYZ\\`-~])",
    re.DOTALL,
)
_UNFINISHED = re.compile(
    rb"\x1b(?:\[[<=>?]*[0-9:;]*[ -/]*|\][^\x07\x1b]*\x1b?|[P^_X](?:(?!\x1b\\).)*|[ -/]*)\Z",
    re.DOTALL,
)
_LONGEST_SEQUENCE = 1 << 20

# DEC private modes that are on in a terminal nobody has touched: autowrap and a visible cursor.
INITIAL_MODES = frozenset({7, 25})
_ALTERNATE = frozenset({47, 1047, 1049})
_SYNCHRONIZED = 2026
# What DECRQM is answered for with "set" or "reset"; everything else is "not known here".
_ANSWERED_MODES = frozenset({1, 7, 25, 1000, 1002, 1003, 1004, 1006, 1049, 2004, _SYNCHRONIZED})
_MODE_NAMES = {
    1: "application cursor keys",
    7: "autowrap",
    25: "visible cursor",
    47: "alternate screen",
    1000: "mouse buttons",
    1002: "mouse drag",
    1003: "mouse motion",
    1004: "focus reports",
    1006: "SGR mouse reports",
    1015: "urxvt mouse reports",
    1016: "pixel mouse reports",
    1047: "alternate screen",
    1049: "alternate screen",
    2004: "bracketed paste",
    2026: "synchronized output",
    2048: "in-band resize reports",
}


class Cell(NamedTuple):
    """One cell; colours are `default`, one of pyte's sixteen names, or six hexadecimal digits."""

    text: str
    foreground: str
    background: str
    bold: bool
    italic: bool
    underline: bool
    reverse: bool


class _Page(pyte.Screen):
    """A pyte screen that keeps the lines which scroll off its top."""

    def __init__(self, columns: int, rows: int) -> None:
        self.scrolled: list[str] = []
        super().__init__(columns, rows)

    def index(self) -> None:
        if self.margins is None and self.cursor.y == self.lines - 1:
            self.scrolled.append(_row_text(self, 0))
        super().index()

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        lines, columns = lines or self.lines, columns or self.columns
        # As xterm: blank rows below the cursor go first, then rows off the top. pyte drops the
        # top at once, and with it the only line of a nearly empty screen.
        while self.cursor.y >= lines:
            self.scrolled.append(_row_text(self, 0))
            for row in range(self.lines):
                self.buffer[row] = self.buffer[row + 1]
            self.cursor.y -= 1
        for row in [row for row in self.buffer if row >= lines]:
            del self.buffer[row]
        for line in self.buffer.values():
            for column in [column for column in line if column >= columns]:
                del line[column]
        self.lines, self.columns = lines, columns
        self.cursor.x = min(self.cursor.x, columns - 1)
        self.set_margins()

    def write_process_input(self, data: str) -> None:
        """Drop pyte's own answers: `Screen` answers instead."""


def _row_text(page: _Page, row: int) -> str:
    line = page.buffer[row]
    return "".join(line[column].data for column in range(page.columns)).rstrip()


class Screen:
    """A terminal's screen: `feed` it bytes, read its lines, cells and modes.

    `answer` is called with the bytes that the terminal sends back when it is asked something;
    `ground` are those for the colour of its ground.
    """

    def __init__(
        self, columns: int, rows: int, answer: Callable[[bytes], None], ground: bytes = b""
    ) -> None:
        self._ground = ground
        self.columns = columns
        self.rows = rows
        self.modes: set[int] = set(INITIAL_MODES)
        self.title = ""
        self.frames = 0
        """Synchronized updates that have ended, for a program which brackets its frames."""
        self.application_keypad = False
        self._answer = answer
        self._main = _Page(columns, rows)
        self._alternate = _Page(columns, rows)
        self._page = self._main
        self._streams = {id(page): pyte.Stream(page) for page in (self._main, self._alternate)}
        self._keyboard: dict[int, list[int]] = {id(self._main): [], id(self._alternate): []}
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = b""
        self._last_text = ""
        self.painted_alternate = False
        """Whether anything was ever drawn on the alternate screen."""

    # Reading.

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        return self._page is self._alternate

    @property
    def synchronizing(self) -> bool:
        """Whether a frame has begun and not ended: nothing of it may be looked at yet."""
        return _SYNCHRONIZED in self.modes

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor, from 0."""
        return self._page.cursor.y, min(self._page.cursor.x, self.columns - 1)

    def line(self, row: int) -> str:
        """One row, without trailing blanks; negative rows count from the bottom."""
        return _row_text(self._page, row % self.rows)

    def text(self) -> str:
        """All rows, joined by newlines, without trailing blanks."""
        return "\n".join(_row_text(self._page, row) for row in range(self.rows))

    def scrollback(self) -> str:
        """The lines that have scrolled off the top of the main screen, then the main screen."""
        shown = [_row_text(self._main, row) for row in range(self.rows)]
        return "\n".join([*self._main.scrolled, *shown])

    def cells(self) -> list[list[Cell]]:
        """Every cell of every row; the second half of a wide character has an empty text."""
        return [
            [
                Cell(
                    char.data,
                    # pyte 0.8.2 spells one of its own names this way.
                    char.fg.replace("bfight", "bright"),
                    char.bg.replace("bfight", "bright"),
                    char.bold,
                    char.italics,
                    char.underscore,
                    char.reverse,
                )
                for char in (self._page.buffer[row][column] for column in range(self.columns))
            ]
            for row in range(self.rows)
        ]

    def leftovers(self) -> list[str]:
        """What differs from an untouched terminal, in words; empty when all is restored."""
        found = [
            f"{_MODE_NAMES.get(mode, f'mode {mode}')} {'on' if mode in self.modes else 'off'}"
            for mode in sorted(self.modes ^ INITIAL_MODES)
        ]
        if self._keyboard[id(self._main)]:
            found.append("kitty keyboard protocol on")
        if self.application_keypad:
            found.append("application keypad on")
        if self._main.margins not in {None, (0, self.rows - 1)}:
            found.append("scrolling region set")
        attributes = self._main.cursor.attrs
        if attributes != self._main.default_char:
            found.append(f"text attributes {attributes}")
        return found

    # Writing.

    def resize(self, columns: int, rows: int) -> None:
        """Give both pages another size."""
        self.columns, self.rows = columns, rows
        for page in (self._main, self._alternate):
            page.resize(rows, columns)

    def feed(self, data: bytes) -> None:
        """Take bytes from the program; sequences may be cut anywhere between two calls."""
        data = self._rest + data
        self._rest = b""
        position = 0
        while position < len(data):
            match = _SEQUENCE.match(data, position)
            if match is not None:
                self._take(match)
                position = match.end()
            elif _UNFINISHED.match(data, position) and len(data) - position < _LONGEST_SEQUENCE:
                self._rest = data[position:]
                return
            else:
                position += 1  # An escape that begins nothing known: a terminal ignores it.

    def _take(self, match: re.Match[bytes]) -> None:
        if (text := match["text"]) is not None:
            self._draw(self._decoder.decode(text))
        elif (final := match["final"]) is not None:
            self._control(
                match["private"].decode(),
                match["params"].decode(),
                match["middle"].decode(),
                final.decode(),
            )
        elif (osc := match["osc"]) is not None:
            number, _, value = osc.partition(b";")
            if number in {b"0", b"2"}:
                self.title = value.decode(errors="replace")
            elif (number, value) == (b"11", b"?") and self._ground:
                self._answer(self._ground)
        elif (escape := match["escape"]) is not None:
            self._escape(escape.decode())

    def _draw(self, text: str) -> None:
        if self.alternate and text.strip("\r\n"):
            self.painted_alternate = True
        self._last_text = text
        self._pass(text)

    def _pass(self, text: str) -> None:
        self._streams[id(self._page)].feed(text)

    def _escape(self, escape: str) -> None:
        if escape in {"=", ">"}:
            self.application_keypad = escape == "="
        elif escape in {"7", "8", "D", "E", "M", "H"}:
            self._pass(f"\x1b{escape}")
        elif escape == "c":
            self.modes = set(INITIAL_MODES)
            self._page = self._main
            self._page.reset()

    def _control(self, private: str, params: str, middle: str, final: str) -> None:
        numbers = [int(part or 0) for part in re.split("[:;]", params)] if params else []
        if private == "?" and middle == "$" and final == "p":
            self._report_mode(numbers[0] if numbers else 0)
        elif private == "?" and not middle and final in "hl":
            for mode in numbers:
                self._set_mode(mode, on=final == "h")
        elif final == "u" and private:
            self._set_keyboard(private, numbers)
        elif final == "c" and not middle:
            if private == "":
                self._answer(b"\x1b[?62;c")
            elif private == ">":
                self._answer(b"\x1b[>41;0;0c")
        elif final == "n" and not middle:
            self._report_status(private, numbers)
        elif not private and not middle:
            self._plain_control(params, numbers, final)

    def _plain_control(self, params: str, numbers: list[int], final: str) -> None:
        count = max(numbers[0] if numbers else 1, 1)
        if final == "m":
            self._pass(f"\x1b[{_plain_colours(params)}m")
        elif final in "ST":
            self._scroll(count, up=final == "S")
        elif final == "b":
            self._pass(self._last_text[-1:] * count)
        elif final in "su":
            self._pass("\x1b7" if final == "s" else "\x1b8")
        elif final in "@ABCDEFGHJKLMPXadefghlr`":
            self._pass(f"\x1b[{params}{final}".replace("`", "G"))

    def _scroll(self, count: int, *, up: bool) -> None:
        page = self._page
        top, bottom = page.margins or (0, page.lines - 1)
        saved = page.cursor.y
        page.cursor.y = bottom if up else top
        for _ in range(min(count, page.lines)):
            (page.index if up else page.reverse_index)()
        page.cursor.y = saved

    def _set_mode(self, mode: int, *, on: bool) -> None:
        if mode in _ALTERNATE and on != self.alternate:
            if on:
                self._main.save_cursor()
                self._alternate.reset()
            self._page = self._alternate if on else self._main
            # Colours belong to the terminal, not to the page.
            other = self._main if on else self._alternate
            attributes = other.cursor.attrs
            if not on and mode == 1049:
                self._main.restore_cursor()
            self._page.cursor.attrs = attributes
        if mode == _SYNCHRONIZED and not on and self.synchronizing:
            self.frames += 1
        if mode == 6:
            self._pass(f"\x1b[?6{'h' if on else 'l'}")
        elif mode == 7:
            self._pass(f"\x1b[?7{'h' if on else 'l'}")
        (self.modes.add if on else self.modes.discard)(mode)

    def _set_keyboard(self, private: str, numbers: list[int]) -> None:
        # The kitty keyboard protocol: each page has its own stack of flags.
        stack = self._keyboard[id(self._page)]
        if private == ">":
            stack.append(numbers[0] if numbers else 0)
        elif private == "<":
            del stack[max(len(stack) - (numbers[0] if numbers else 1), 0) :]
        elif private == "=" and numbers:
            stack[-1:] = [numbers[0]]

    def _report_mode(self, mode: int) -> None:
        known = mode in _ANSWERED_MODES
        state = (1 if mode in self.modes else 2) if known else 0
        self._answer(f"\x1b[?{mode};{state}$y".encode())

    def _report_status(self, private: str, numbers: list[int]) -> None:
        row, column = self.cursor
        if numbers == [6]:
            self._answer(f"\x1b[{private}{row + 1};{column + 1}R".encode())
        elif numbers == [5] and not private:
            self._answer(b"\x1b[0n")


def _plain_colours(params: str) -> str:
    """SGR parameters without colons: `38:2::1:2:3` becomes `38;2;1;2;3`, `4:3` becomes `4`."""

    def plain(part: str) -> str:
        fields = part.split(":")
        if fields[0] in {"38", "48"} and len(fields) > 2:
            values = [field for field in fields[2:] if field]
            return ";".join([*fields[:2], *(values[-3:] if fields[1] == "2" else values[:1])])
        return "24" if fields == ["4", "0"] else fields[0]

    return ";".join(plain(part) for part in params.split(";"))


def find(pattern: str | re.Pattern[str]) -> Callable[[Any], bool]:
    """A predicate on anything with `text()`: whether the pattern is somewhere on its screen."""
    compiled = re.compile(pattern)
    return lambda shown: compiled.search(shown.text()) is not None
