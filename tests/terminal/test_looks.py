"""What is on the screen can be read, in every kind of terminal, dark and light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plots.reading import luminance
from tests.terminal import walks
from tests.terminal.fixtures import PROGRAM
from tests.terminal.picture import BACKGROUND, FOREGROUND, colour
from tests.terminal.provocations import ANSWER, ends
from tests.terminal.session import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.terminal.screen import Cell

KINDS: dict[str, Mapping[str, str | None]] = {
    "true colour": {"COLORTERM": "truecolor"},
    "256 colours": {"TERM": "xterm-256color"},
    "16 colours": {"TERM": "xterm"},
    "Linux console": {"TERM": "linux"},
    "no colour": {"NO_COLOR": "1"},
    "vt100": {"TERM": "vt100"},
}
# even words in the background need this contrast (WCAG: 3 for large text)
LEAST = 2.0
# true colours beside a question are faded: less is enough
LEAST_BESIDE = 1.4
MARKED = 1.5


def ratio(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def ink_and_paper(cell: Cell) -> tuple[float, float]:
    """The luminances of a cell on a terminal that is dark by itself."""
    ink = luminance(colour(cell.foreground, FOREGROUND))
    paper = luminance(colour(cell.background, BACKGROUND))
    return (paper, ink) if cell.reverse else (ink, paper)


def unreadable(terminal: Terminal, least: float = LEAST) -> set[str]:
    """Rows with a letter or digit that is hardly seen."""
    return {
        terminal.line(number)
        for number, row in enumerate(terminal.cells())
        for cell in row
        if cell.text.isalnum() and ratio(*ink_and_paper(cell)) < least
    }


def papers(terminal: Terminal, text: str) -> list[float]:
    """The luminances behind the rows that contain `text`, at its first letter."""
    return [
        ink_and_paper(terminal.cells()[number][line.index(text)])[1]
        for number, line in enumerate(terminal.text().split("\n"))
        if text in line
    ]


@pytest.fixture(params=KINDS)
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    env = {"GD_TUI_DATA": str(tmp_path), **KINDS[request.param]}
    with Terminal([*PROGRAM, "--seed", "3", "-a", "0.01,0.1"], env=env) as terminal:
        terminal.wait_for("epoch 0/")
        terminal.press(">")
        terminal.wait_for("epoch 10/")
        walks.settled(terminal)
        yield terminal
        terminal.press("q")
        ends(terminal, 0, ANSWER)


def test_all_words_can_be_read_and_a_question_keeps_the_hues_beside_it(started: Terminal) -> None:
    for _ in ("dark", "light"):
        assert unreadable(started) == set()
        before = started.cells()
        started.press("o")
        started.wait_for("momentum  ")
        started.wait_until_quiet(0.7)
        assert unreadable(started, LEAST_BESIDE) == set()
        # the one that is chosen is on another ground than its neighbours
        assert ratio(papers(started, "sgd  ")[0], papers(started, "adam  ")[0]) > MARKED
        seen = [
            (cell.background, now.background)
            for row, line in zip(before, started.cells(), strict=True)
            for cell, now in zip(row, line, strict=True)
            if cell.text == now.text
        ]
        assert {hue(now) for _, now in seen} <= {hue(cell) for cell, _ in seen} | {"none"}
        started.press("escape")
        started.wait_for(lambda terminal: "momentum  " not in terminal.text())
        started.press("t")
        walks.settled(started)


def hue(name: str) -> str:
    """Which of red, green and blue is more than half of the strongest."""
    channels = colour(name, BACKGROUND)
    if max(channels) - min(channels) < 40:
        return "none"
    return "".join(
        sign for sign, value in zip("rgb", channels, strict=True) if value > max(channels) / 2
    )


@pytest.mark.parametrize(
    "env", [{"TERM": "alacritty"}, {"TERM": "xterm", "XTERM_VERSION": "XTerm(379)"}]
)
def test_terminals_with_256_colours_are_known_by_other_names(
    env: dict[str, str], tmp_path: Path
) -> None:
    shown = []
    for variables in ({"TERM": "xterm-256color"}, env):
        here = {"GD_TUI_DATA": str(tmp_path), **variables}
        with Terminal([*PROGRAM, "--seed", "3", "--no-store"], env=here) as terminal:
            terminal.wait_for("epoch 0/")
            walks.settled(terminal)
            shown.append(terminal.cells())
    assert shown[0] == shown[1]
