"""Expressions in x and y, as typed: read by a small grammar of their own, never run as Python.

    sum     = product { ("+" | "-") product }
    product = signed { ("*" | "/") signed }
    signed  = ("-" | "+") signed | power
    power   = atom [ ("^" | "**") signed ]
    atom    = number | "x" | "y" | "pi" | "e" | name "(" sum { "," sum } ")" | "(" sum ")"

So `-x^2` is −(x²) and `2^3^2` is 2⁹, as in mathematics and in Python. What is read becomes a list
of steps for a stack, so that a long expression is evaluated without recursion.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.problems import dual
from tui_gd.problems.dual import FUNCTIONS, OF_TWO, Dual, Floats, WholePower

# The words of an expression in x and y, each with its column, and how a fault in one is told.

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


MOST_DEPTH = 40
LARGEST_WHOLE_POWER = 64
VARIABLES = ("x", "y")
CONSTANTS = {"pi": math.pi, "e": math.e}
_OPERATORS: dict[str, Callable[[Dual, Dual], Dual]] = {
    "+": dual.add,
    "-": dual.subtract,
    "*": dual.multiply,
    "/": dual.divide,
}
_KNOWN = ", ".join((*VARIABLES, *CONSTANTS, *FUNCTIONS, *OF_TWO))


@dataclass(frozen=True)
class Operation:
    """A step of an expression: takes so many duals from the stack and puts one there."""

    of: Callable[..., Dual]
    count: int


Step = Operation | str | np.float64
"""A step for the stack: an operation, a variable by its name, or a number."""


@dataclass(frozen=True, eq=False)
class Expression:
    """An expression that was read: its text, its variables in order, its steps for a stack."""

    text: str
    names: tuple[str, ...]
    steps: tuple[Step, ...]

    def value(self, points: Floats) -> Floats:
        """Return the values (points,) at `points` (points, names)."""
        return self._evaluate(points, slopes=False)[0]

    def value_and_gradient(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the values (points,) and the gradients (points, names) at `points`.

        A point's bits do not depend on the other points, and the value's are those of `value`.
        NaN or inf where the expression, or its derivative, is not defined or too large.
        """
        return self._evaluate(points, slopes=True)

    def _evaluate(self, points: Floats, *, slopes: bool) -> tuple[Floats, Floats]:
        variables = {}
        for i, name in enumerate(self.names):
            unit = [dual.ONE if slopes and i == j else None for j in range(len(self.names))]
            variables[name] = Dual(np.array(points[:, i], np.float64), tuple(unit))
        with np.errstate(all="ignore"):
            result = _run(self.steps, variables)
        value = np.empty(len(points))
        value[:] = result.value
        gradient = np.zeros((len(points), len(self.names)))
        for i, slope in enumerate(result.slopes):
            if slope is not None:
                gradient[:, i] = slope
        return value, gradient


def _run(steps: tuple[Step, ...], variables: dict[str, Dual]) -> Dual:
    stack: list[Dual] = []
    for step in steps:
        if isinstance(step, Operation):
            arguments = stack[-step.count :]
            del stack[-step.count :]
            stack.append(step.of(*arguments))
        elif isinstance(step, str):
            stack.append(variables[step])
        else:
            stack.append(Dual(step))
    return stack[0]


def parse(text: str) -> Expression:
    """Return the expression that `text` says; `ProblemError` in one line, with the column, if not.

    At most 500 characters and 40 levels deep; every part without a variable has to be finite.
    """
    return _Parser(text).whole()


class _Parser:
    """Reads one expression, token by token, by one method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text, f"+ - * / ^ ( ) and {_KNOWN}")
        self.place = 0
        self.depth = 0
        self.steps: list[Step] = []

    def fault(self, token: Token, what: str) -> ProblemError:
        """Return the error that says what is wrong with a token."""
        return fault(self.text, token, what)

    def whole(self) -> Expression:
        """Read all of the text."""
        if not self.token.text:
            raise ProblemError("surface: nothing is written; try 'x^2 + y^2'")
        self.sum()
        token = self.token
        if token.text == ")":
            raise self.fault(token, "this ) closes nothing: leave it out")
        if token.text == ",":
            raise self.fault(token, "a comma stands between the arguments of min and max only")
        if token.text:
            raise self.fault(token, f"an operator is missing before {token.short}: as 2*x")
        found = {step for step in self.steps if isinstance(step, str)}
        names = tuple(name for name in VARIABLES if name in found)
        if not names:
            raise self.fault(self.tokens[0], "has neither x nor y; try 'x^2 + y^2'")
        return Expression(" ".join(self.text.split()), names, tuple(self.steps))

    @property
    def token(self) -> Token:
        """The next token, which is not taken yet."""
        return self.tokens[self.place]

    def take(self, *texts: str) -> Token | None:
        """Take the next token and return it, if it is one of these signs."""
        token = self.token
        if token.kind == "sign" and token.text in texts:
            self.place += 1
            return token
        return None

    def emit(self, operation: Operation, token: Token) -> None:
        """Add an operation on what was read last; of numbers alone, its result instead."""
        arguments = self.steps[-operation.count :]
        if not all(isinstance(step, np.float64) for step in arguments):
            self.steps.append(operation)
            return
        with np.errstate(all="ignore"):
            value = np.float64(_run((*arguments, operation), {}).value)
        if not np.isfinite(value):
            raise self.fault(token, f"{token.text} does not give a finite number here")
        self.steps[-operation.count :] = [value]

    def sum(self) -> None:
        """Read a sum."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.fault(
                self.token, f"nested more than {MOST_DEPTH} deep: take parentheses out"
            )
        self.product()
        while token := self.take("+", "-"):
            self.product()
            self.emit(Operation(_OPERATORS[token.text], 2), token)
        self.depth -= 1

    def product(self) -> None:
        """Read a product."""
        self.signed()
        while token := self.take("*", "/"):
            self.signed()
            self.emit(Operation(_OPERATORS[token.text], 2), token)

    def signed(self) -> None:
        """Read a power with any signs before it."""
        signs = []
        while token := self.take("-", "+"):
            signs.append(token)
        self.power()
        for token in signs:
            if token.text == "-":
                self.emit(Operation(dual.negative, 1), token)

    def power(self) -> None:
        """Read an atom and what it is raised to."""
        self.atom()
        if token := self.take("^", "**"):
            self.depth += 1
            if self.depth > MOST_DEPTH:
                raise self.fault(token, f"nested more than {MOST_DEPTH} deep: write fewer powers")
            self.signed()
            self.depth -= 1
            n = self.steps[-1]
            if isinstance(n, np.float64) and n.is_integer() and abs(n) <= LARGEST_WHOLE_POWER:
                self.steps.pop()
                self.emit(Operation(WholePower(int(n)), 1), token)
            else:
                self.emit(Operation(dual.power, 2), token)

    def atom(self) -> None:
        """Read a number, a variable, a constant, a function of something, or parentheses."""
        token = self.token
        if opening := self.take("("):
            self.sum()
            self.close(opening)
            return
        if token.kind not in {"number", "name"}:
            raise self.fault(token, f"a number, x, y or ( is missing before {token.short}")
        self.place += 1
        if token.kind == "number":
            self.number(token)
        elif token.text in VARIABLES:
            self.steps.append(token.text)
        elif token.text in CONSTANTS:
            self.steps.append(np.float64(CONSTANTS[token.text]))
        else:
            self.call(token)

    def number(self, token: Token) -> None:
        """Put a number that was read."""
        value = np.float64(token.text)
        if not np.isfinite(value):
            raise self.fault(token, f"{token.short} is too large a number: the limit is 1.8e308")
        self.steps.append(value)

    def call(self, token: Token) -> None:
        """Read the arguments of a function and put its call."""
        if token.text not in {*FUNCTIONS, *OF_TWO}:
            raise self.fault(token, f"unknown name {token.short}: known are {_KNOWN}")
        opening = self.take("(")
        if not opening:
            raise self.fault(self.token, f"a ( is missing after {token.text}: {token.text}(x)")
        count = 1
        self.sum()
        while self.take(","):
            count += 1
            self.sum()
        self.close(opening)
        wanted = 2 if token.text in OF_TWO else 1
        if count != wanted:
            arguments = "1 argument" if wanted == 1 else f"{wanted} arguments"
            raise self.fault(token, f"{token.text} takes {arguments}, not {count}")
        known: dict[str, Callable[..., Dual]] = {**FUNCTIONS, **OF_TWO}
        self.emit(Operation(known[token.text], wanted), token)

    def close(self, opening: Token) -> None:
        """Take the parenthesis that closes what was opened."""
        if not self.take(")"):
            what = f"a ) for the ( at column {opening.column} is missing before {self.token.short}"
            raise self.fault(self.token, what)
