"""The characters that a picture may be made of."""

import re
from dataclasses import dataclass
from typing import Literal

Depth = Literal["truecolor", "256", "16", "mono"]
"""How many colours a terminal has."""
NO_CURSOR = frozenset({"dumb", "unknown", "network", "dialup", "emacs"})
"""Values of TERM for an unknown terminal and the shell of Emacs: they cannot move the cursor."""

CURVE, CURVE_DASHED = "*", "+"
"""A cell of a solid and of a dashed line without braille."""

_PLAIN_WORDS = str.maketrans(
    {
        "·": ".", "−": "-", "–": "-", "—": "-", "…": "..", "×": "x", "÷": "/", "≈": "~", "←": "<-",
        "→": "->", "↑": "^", "↓": "v", "‖": "|", "²": "^2", "½": "1/2", "α": "a", "δ": "d",
        "μ": "mu", "β": "b", "ε": "eps", "ρ": "rho", "λ": "lambda", "√": "sqrt", "₁": "1",
        "₂": "2", "ₖ": "k", "ⱼ": "j", "′": "'", "ᵗ": "^t", "⊗": "x", "±": "+-",
    }
)  # fmt: skip
# the sign of a number, but not the hyphen of 2-8-1 or 1e-9
_MINUS = re.compile(r"(?<![^\s(\[=,<])-(?=[\d.])")


@dataclass(frozen=True)
class Symbols:
    """The characters for one kind of terminal; each is one cell wide unless it says otherwise."""

    plain: bool
    """Only ASCII: no braille, no half blocks, box drawn with ``- | +``."""
    points: tuple[str, ...]
    """One glyph for each class."""
    wrong_points: tuple[str, ...]
    """The same for misclassified points: hollow."""
    textures: tuple[str, ...]
    """The filling of each class's region without colours."""
    solid: str
    """Two cells: a sample of a solid line in a legend."""
    dashed: str
    """Two cells: a sample of a dashed line in a legend."""
    now: str
    """The value of a curve at the viewed epoch."""
    hatch: str
    """Fills the places where the learning rate is too large."""
    horizontal: str
    vertical: str
    corners: tuple[str, str, str, str]
    """Upper left, upper right, lower left, lower right."""
    focus: str
    """Precedes the title of the focused panel."""
    pointed: str
    """Precedes the title of the panel that a lesson speaks of, and of the lesson."""
    guess: str
    """A learner's guess among the curves."""
    selected: str
    """Precedes the selected row of a table."""

    def spell(self, text: str) -> str:
        """Return ``text`` in the terminal's characters, also the signs of its numbers.

        >>> ASCII.spell("W ← W − α·g"), UNICODE.spell("x1 -2.5")
        ('W <- W - a.g', 'x1 −2.5')
        """
        if self.plain:
            return text.translate(_PLAIN_WORDS)
        return _MINUS.sub("−", text) if "-" in text else text

    def words(self, text: str) -> str:
        """Return a sentence in the terminal's characters; plain writes Greek letters out."""
        return self.spell(text.replace("α", "alpha")) if self.plain else text

    @property
    def dots(self) -> tuple[int, int]:
        """Dots in a cell, down and across: (4, 2) in braille, (1, 1) in plain."""
        return (1, 1) if self.plain else (4, 2)

    @property
    def pixels(self) -> int:
        """Pixels above each other in a cell: 2 half blocks, or 1 in plain."""
        return 1 if self.plain else 2

    def point(self, label: int) -> str:
        """Return the glyph of a class; they repeat after the last."""
        return self.points[label % len(self.points)]


UNICODE = Symbols(
    plain=False,
    points=("●", "▲", "■", "◆", "★", "▼", "✚", "►", "♣", "♠"),
    wrong_points=("○", "△", "□", "◇", "☆", "▽", "✛", "▻", "♧", "♤"),
    textures=(" ", "·", "∶", "░", "╌", "╎", "˙", "∷", "∴", "▒"),
    solid="──",
    dashed="╌╌",
    now="●",
    hatch="▒",
    horizontal="─",
    vertical="│",
    corners=("╭", "╮", "╰", "╯"),
    focus="▸",
    pointed="»",
    guess="◇",
    selected="▸",
)

ASCII = Symbols(
    plain=True,
    points=("o", "^", "#", "v", "@", "%", "&", "=", "~", "$"),
    wrong_points=("x", "X", "2", "3", "4", "5", "6", "7", "8", "9"),
    textures=(" ", ".", ":", ",", "-", "'", ";", "`", "_", '"'),
    solid="==",
    dashed="++",
    now="@",
    hatch="#",
    horizontal="-",
    vertical="|",
    corners=("+", "+", "+", "+"),
    focus=">",
    pointed="*",
    guess="?",
    selected=">",
)
