"""The words of an expression in x and y, each with its column, and how a fault in one is told."""

import re
from dataclasses import dataclass

from tui_gd.errors import ProblemError

MOST_CHARACTERS = 500
# so many characters of a text are shown to either side of what is wrong in it
SHOWN = 24
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>\*\*|[-+*/^(),])"
)


@dataclass(frozen=True)
class Token:
    """A `number`, a `name`, a `sign`, or the end, which is empty; columns are counted from 1."""

    kind: str
    text: str
    column: int

    @property
    def short(self) -> str:
        """How it is named in an error, in ASCII."""
        if not self.text:
            return "the end"
        return ascii(self.text if len(self.text) <= SHOWN else f"{self.text[:SHOWN]}...")


def fault(text: str, token: Token, what: str) -> ProblemError:
    """Return the error that says what is wrong, and at which column of which text."""
    begin, end = max(0, token.column - 1 - SHOWN), token.column + SHOWN
    before, after = "..." * (begin > 0), "..." * (end < len(text))
    shown = f"{before}{text[begin:end]!a}{after}"
    return ProblemError(f"surface {shown}, column {token.column}: {what}")


def tokens_of(text: str, meaning: str) -> list[Token]:
    """Return the tokens of a text, the end last; `meaning` says what a text is written with.

    `ProblemError` for more than 500 characters, and for what is no token.
    """
    if len(text) > MOST_CHARACTERS:
        raise ProblemError(
            f"surface: {len(text)} characters are more than {MOST_CHARACTERS}: write it shorter"
        )
    tokens, place = [], 0
    while place < len(text):
        if text[place] in " \t\r\n":
            place += 1
            continue
        match = _TOKEN.match(text, place)
        if match is None:
            token = Token("", text[place], place + 1)
            raise fault(text, token, f"{token.short} means nothing here: use {meaning}")
        tokens.append(Token(match.lastgroup or "", match[0], place + 1))
        place = match.end()
    return [*tokens, Token("", "", len(text) + 1)]
