"""Formulas that a person types, read without Python's parser: nothing is evaluated as Python.

One pass over the tokens, Dijkstra's shunting-yard: operators wait on a stack until what binds
tighter is done, so `-x^2` is −(x²) and `2^3^2` is 2⁹, as in mathematics and in Python. Every fault
has a column and a plain message. The result is in postfix order: a stack evaluates a long formula
without recursion.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from tui_gd.errors import ProblemError

MOST_CHARACTERS = 500
MOST_DEPTH = 40
"""Parentheses nest at most this deep, and powers of powers too."""
# this many characters of a text are shown on either side of a fault
SHOWN = 24

ARITHMETIC = ("+", "-", "*", "/", "^", "**")
LOGIC = ("<", "<=", ">", ">=", "==", "!=", "and", "or", "not")
_ORDER = ("or", "and", "not", "< <= > >= == !=", "+ -", "* /", "sign", "^ **")
_LEVELS = {one: level for level, alike in enumerate(_ORDER, 1) for one in alike.split()}
"""How tightly operators bind, and a sign before a value; a parenthesis has the level 0."""
_PREFIXES = {"+": _LEVELS["sign"], "-": _LEVELS["sign"], "not": _LEVELS["not"]}
_COMPARED, _POWER = _LEVELS["<"], _LEVELS["^"]

Kind = Literal["number", "name", "operator", "call"]


@dataclass(frozen=True)
class Grammar:
    """What a formula may contain.

    `subject` is what messages call the formula, and `example` is one. `names` stand for values;
    `functions` maps names to numbers of arguments. `operators` come from `ARITHMETIC` and `LOGIC`.
    With `epochs`, a name may be followed by an epoch, as in `loss@10`.
    """

    subject: str
    example: str
    names: tuple[str, ...]
    functions: Mapping[str, int]
    operators: tuple[str, ...] = ARITHMETIC
    epochs: bool = False

    @cached_property
    def known(self) -> str:
        """The names and functions, for messages."""
        return ", ".join((*self.names, *self.functions))

    @cached_property
    def token(self) -> "re.Pattern[str]":
        """The pattern of a token."""
        signs = [sign for sign in self.operators if not sign.isalpha()]
        longest_first = "|".join(map(re.escape, sorted([*signs, *"(),"], key=len, reverse=True)))
        return re.compile(
            r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
            rf"|(?P<name>[A-Za-z_][A-Za-z_0-9]*{'(?:@[0-9]+)?' if self.epochs else ''})"
            rf"|(?P<sign>{longest_first})"
        )


@dataclass(frozen=True)
class Token:
    """A `number`, a `name`, a `sign`, or the end, which is empty; columns are counted from 1."""

    kind: str
    text: str
    column: int

    @property
    def shown(self) -> str:
        """How an error names it, in ASCII."""
        if not self.text:
            return "the end"
        return ascii(self.text if len(self.text) <= SHOWN else f"{self.text[:SHOWN]}...")


@dataclass(frozen=True)
class Part:
    """A number, a name, or an operation on the `count` parts before it, in postfix order.

    `text` is the number or name as typed, the operator (`^` for both powers), or the function.
    """

    kind: Kind
    text: str
    count: int
    token: Token


def fault(grammar: Grammar, text: str, token: Token, what: str) -> ProblemError:
    """Return the error that says what is wrong, and at which column of the text."""
    begin, end = max(0, token.column - 1 - SHOWN), token.column + SHOWN
    before, after = "..." * (begin > 0), "..." * (end < len(text))
    shown = f"{before}{text[begin:end]!a}{after}"
    return ProblemError(f"{grammar.subject} {shown}, column {token.column}: {what}")


def read_formula(text: str, grammar: Grammar) -> tuple[Part, ...]:
    """Return the parts of a formula in postfix order.

    `ProblemError`, in one line with the column, for a text that is not in the grammar, longer than
    500 characters or nested more than 40 deep.
    """
    return _Reader(text, grammar).parts()


@dataclass
class _Waiting:
    """An operator that waits for its last operand, or a ( for its ), which has the level 0.

    `count` are its operands or arguments so far, `function` is that of a call, and `fault` says
    what is wrong with it once they are there.
    """

    token: Token
    level: int = 0
    count: int = 1
    function: Token | None = None
    fault: str = ""


class _Reader:
    """Reads one formula from left to right; see the head of this file."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self.text, self.grammar = text, grammar
        self._parts: list[Part] = []
        self._waiting: list[_Waiting] = []
        # what stands where it cannot, and what else is wrong, if the formula is whole otherwise
        self._misplaced: Token | None = None
        self._wrong: _Waiting | None = None

    def parts(self) -> tuple[Part, ...]:
        """Return the parts in postfix order."""
        tokens = self._tokens()
        if not tokens[0].text:
            raise ProblemError(
                f"{self.grammar.subject}: nothing is written; try {self.grammar.example!r}"
            )
        before, after_value = tokens[-1], False
        for token in tokens:
            if after_value:
                after_value = self._follow_value(token)
            else:
                after_value = self._begin_value(token, before)
            before = token
        self._finish(1)
        if self._waiting:
            column = self._waiting[-1].token.column
            what = f"a ) for the ( at column {column} is missing before the end"
            raise self._fault(tokens[-1], what)
        if self._misplaced:
            what = f"{self._misplaced.shown} cannot stand here: use parentheses"
            raise self._fault(self._misplaced, what)
        if self._wrong:
            raise self._fault(self._wrong.token, self._wrong.fault)
        return tuple(self._parts)

    def _fault(self, token: Token, what: str) -> ProblemError:
        return fault(self.grammar, self.text, token, what)

    def _tokens(self) -> list[Token]:
        """Return the tokens, the end last."""
        text, grammar = self.text, self.grammar
        if len(text) > MOST_CHARACTERS:
            raise ProblemError(
                f"{grammar.subject}: {len(text)} characters are more than {MOST_CHARACTERS}:"
                " write it shorter"
            )
        tokens, place = [], 0
        while place < len(text):
            if text[place] in " \t\r\n":
                place += 1
                continue
            match = grammar.token.match(text, place)
            if match is None:
                token = Token("", text[place], place + 1)
                signs = " ".join(sign for sign in grammar.operators if sign != "**")
                raise self._fault(
                    token, f"{token.shown} means nothing here: use {signs} ( ) and {grammar.known}"
                )
            kind = "sign" if match[0] in grammar.operators else match.lastgroup or ""
            tokens.append(Token(kind, match[0], place + 1))
            place = match.end()
        return [*tokens, Token("", "", len(text) + 1)]

    def _begin_value(self, token: Token, before: Token) -> bool:
        """Take a token where a value has to begin; return whether it is a whole value."""
        function = before if before.text in self.grammar.functions else None
        if function and token.text != "(":
            what = f"a ( is missing after {function.text}: {function.text}(x)"
            raise self._fault(token, what)
        if token.text == "(":
            if sum(not one.level for one in self._waiting) + 1 >= MOST_DEPTH:
                what = f"nested more than {MOST_DEPTH} deep: take parentheses out"
                raise self._fault(token, what)
            self._waiting.append(_Waiting(token, function=function))
            return False
        if token.kind == "sign" and token.text in _PREFIXES:
            level = _PREFIXES[token.text]
            if token.text == "not" and self._waiting and self._waiting[-1].level > level:
                self._misplaced = self._misplaced or token
            self._waiting.append(_Waiting(token, level))
            return False
        if token.text in self.grammar.functions:
            return False
        if token.kind not in {"number", "name"}:
            raise self._fault(token, f"a number, a name or ( is missing before {token.shown}")
        if token.kind == "name" and token.text.partition("@")[0] not in self.grammar.names:
            what = f"unknown name {token.shown}: known are {self.grammar.known}"
            raise self._fault(token, what)
        kind: Kind = "number" if token.kind == "number" else "name"
        self._parts.append(Part(kind, token.text, 0, token))
        return True

    def _follow_value(self, token: Token) -> bool:
        """Take a token behind a whole value; return whether the value is whole with it too."""
        if token.text in {")", ","}:
            self._finish(1)
        if token.text == ")":
            if not self._waiting:
                raise self._fault(token, "this ) closes nothing: leave it out")
            self._close(self._waiting.pop())
        elif token.text == ",":
            if not self._waiting or self._waiting[-1].function is None:
                several = [name for name, count in self.grammar.functions.items() if count > 1]
                functions = " and ".join(several) or "functions"
                what = f"a comma stands between the arguments of {functions} only"
                raise self._fault(token, what)
            self._waiting[-1].count += 1
        elif token.kind == "sign" and token.text not in {"(", "not"}:
            self._join(token)
        elif token.text:
            raise self._fault(token, f"an operator is missing before {token.shown}: as 2*x")
        return token.text in {")", ""}

    def _close(self, opened: _Waiting) -> None:
        """Close a parenthesis: a call is done."""
        if opened.function is None:
            return
        name = opened.function.text
        wanted = self.grammar.functions[name]
        if opened.count != wanted:
            arguments = "1 argument" if wanted == 1 else f"{wanted} arguments"
            what = f"{name} takes {arguments}, not {opened.count}"
            raise self._fault(opened.function, what)
        self._parts.append(Part("call", name, wanted, opened.function))

    def _join(self, token: Token) -> None:
        """Let an operator between two values wait for the second one, as part of a chain if any."""
        level = _LEVELS[token.text]
        chains = token.text in LOGIC
        # the right one of two powers is done first
        self._finish(level + (chains or level == _POWER))
        last = self._waiting[-1] if self._waiting else None
        if chains and last and last.level == level:
            last.count += 1
            if level == _COMPARED:
                last.fault = "compare two values at a time, and join them by and"
            return
        fault = ""
        if level == _POWER and sum(one.level == _POWER for one in self._waiting) + 1 >= MOST_DEPTH:
            fault = f"nested more than {MOST_DEPTH} deep: write fewer powers"
        self._waiting.append(_Waiting(token, level, 2, fault=fault))

    def _finish(self, level: int) -> None:
        """Move the operators of at least this level, whose operands are there, to the parts."""
        while self._waiting and self._waiting[-1].level >= level:
            done = self._waiting.pop()
            if done.fault:
                self._wrong = done
            sign = done.token.text.replace("**", "^")
            if (sign, done.count) != ("+", 1):
                self._parts.append(Part("operator", sign, done.count, done.token))
