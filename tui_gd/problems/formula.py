"""Formulas that a person types: Python's parser reads them, and nothing is evaluated as Python.

Tokens come first, and a check of their order, so that every fault has a column and a plain message.
Then `ast.parse` sorts out precedence: `-x^2` is −(x²) and `2^3^2` is 2⁹, as in mathematics. It sees
the name `_` in place of every number and name, and only the nodes in `_NODES` may come back. The
result is in postfix order: a stack evaluates a long formula without recursion.
"""

import ast
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

_NODES: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "^",
    ast.USub: "-",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
}
ARITHMETIC = ("+", "-", "*", "/", "^", "**")
LOGIC = ("<", "<=", ">", ">=", "==", "!=", "and", "or", "not")
_PREFIX = {"+", "-", "not"}

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
class _Opened:
    """A ( that is not closed yet, its function if it is a call, its arguments so far."""

    token: Token
    function: Token | None
    arguments: int = 1


class _Reader:
    """Reads one formula."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self.text, self.grammar = text, grammar
        self.tokens = self._tokens()

    def parts(self) -> tuple[Part, ...]:
        """Return the parts in postfix order."""
        if not self.tokens[0].text:
            raise ProblemError(
                f"{self.grammar.subject}: nothing is written; try {self.grammar.example!r}"
            )
        self._check_order()
        source, self._at = "", {}
        for token in self.tokens[:-1]:
            self._at[len(source)] = token
            operand = token.kind in {"number", "name"}
            source += f"{'_' if operand else token.text.replace('^', '**')} "
        try:
            root = ast.parse(source.strip(), mode="eval").body
        except SyntaxError as error:
            token = self._at.get((error.offset or 1) - 1, self.tokens[-1])
            raise self._fault(token, f"{token.shown} cannot stand here: use parentheses") from None
        except (RecursionError, MemoryError):
            raise self._fault(self.tokens[-1], "nested too deep: write it shorter") from None
        return self._postfix(root)

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

    def _check_order(self) -> None:
        """Check that values and operators alternate, and that parentheses and calls are whole."""
        before, opened = self.tokens[-1], list[_Opened]()
        after_value = False
        for token in self.tokens:
            if not after_value:
                after_value = self._begins_value(token, before, opened)
            elif token.text == ")":
                if not opened:
                    raise self._fault(token, "this ) closes nothing: leave it out")
                self._check_count(opened.pop())
            elif token.text == ",":
                self._check_comma(token, opened)
                after_value = False
            elif token.kind == "sign" and token.text not in {"(", "not"}:
                after_value = False
            elif token.text:
                raise self._fault(token, f"an operator is missing before {token.shown}: as 2*x")
            before = token
        if opened:
            column = opened[-1].token.column
            what = f"a ) for the ( at column {column} is missing before the end"
            raise self._fault(self.tokens[-1], what)

    def _begins_value(self, token: Token, before: Token, opened: "list[_Opened]") -> bool:
        """Check a token where a value has to begin; return whether it is a whole value."""
        function = before if before.text in self.grammar.functions else None
        if function and token.text != "(":
            what = f"a ( is missing after {function.text}: {function.text}(x)"
            raise self._fault(token, what)
        if token.text == "(":
            if len(opened) + 1 >= MOST_DEPTH:
                what = f"nested more than {MOST_DEPTH} deep: take parentheses out"
                raise self._fault(token, what)
            opened.append(_Opened(token, function))
            return False
        if token.kind == "name":
            if token.text in self.grammar.functions:
                return False
            if token.text.partition("@")[0] not in self.grammar.names:
                what = f"unknown name {token.shown}: known are {self.grammar.known}"
                raise self._fault(token, what)
            return True
        if token.kind != "number" and token.text not in _PREFIX:
            raise self._fault(token, f"a number, a name or ( is missing before {token.shown}")
        return token.kind == "number"

    def _check_comma(self, token: Token, opened: "list[_Opened]") -> None:
        if not opened or opened[-1].function is None:
            several = [name for name, count in self.grammar.functions.items() if count > 1]
            functions = " and ".join(several) or "functions"
            what = f"a comma stands between the arguments of {functions} only"
            raise self._fault(token, what)
        opened[-1].arguments += 1

    def _check_count(self, closed: "_Opened") -> None:
        if closed.function is None:
            return
        name = closed.function.text
        wanted = self.grammar.functions[name]
        if closed.arguments != wanted:
            arguments = "1 argument" if wanted == 1 else f"{wanted} arguments"
            what = f"{name} takes {arguments}, not {closed.arguments}"
            raise self._fault(closed.function, what)

    def _postfix(self, root: ast.expr) -> tuple[Part, ...]:
        """Return the parts of a tree: its nodes, each after those below it."""
        parts: list[Part] = []
        waiting = [(root, 1)]
        while waiting:
            node, powers = waiting.pop()
            children: list[ast.expr] = []
            match node:
                case ast.Name():
                    token = self._at[node.col_offset]
                    kind: Kind = "number" if token.kind == "number" else "name"
                    parts.append(Part(kind, token.text, 0, token))
                case ast.UnaryOp(ast.UAdd(), operand):
                    waiting.append((operand, powers))
                case ast.UnaryOp(operator, operand):
                    children = [operand]
                    parts.append(self._operation(operator, 1, self._at[node.col_offset]))
                case ast.BinOp(left, operator, right) | ast.Compare(left, [operator], [right]):
                    children = [left, right]
                    parts.append(self._operation(operator, 2, self._behind(left)))
                case ast.BoolOp(operator, values):
                    children = values
                    token = self._behind(values[0])
                    parts.append(self._operation(operator, len(values), token))
                case ast.Call(ast.Name() as function, arguments, []):
                    children = arguments
                    token = self._at[function.col_offset]
                    parts.append(Part("call", token.text, len(arguments), token))
                case ast.Compare(left):
                    token = self._behind(left)
                    raise self._fault(token, "compare two values at a time, and join them by and")
                case _:
                    raise self._fault(self.tokens[0], "this cannot be read: write it simpler")
            deeper = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)
            if deeper and powers >= MOST_DEPTH:
                raise self._fault(
                    parts[-1].token, f"nested more than {MOST_DEPTH} deep: write fewer powers"
                )
            # the right operand is visited first, because the parts are reversed at the end
            waiting += [(child, powers + (deeper and i == 1)) for i, child in enumerate(children)]
        return tuple(reversed(parts))

    def _operation(self, operator: ast.AST, count: int, token: Token) -> Part:
        sign = _NODES.get(type(operator), "")
        if sign not in self.grammar.operators:
            raise self._fault(token, f"{token.shown} cannot be used here")
        return Part("operator", sign, count, token)

    def _behind(self, node: ast.expr) -> Token:
        """Return the operator after a node, past the parentheses that close the node."""
        end = node.end_col_offset or 0
        return next(token for at, token in self._at.items() if at > end - 1 and token.text != ")")
