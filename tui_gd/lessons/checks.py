"""Checks: conditions on a run, as a lesson writes them, read with `ast` and never evaluated.

`loss < 1e-3 and epoch <= 40`, `loss@20 > 2*loss`, `lanes == 2 and not changed > 5`. The operators
are + - * / ^, comparisons, and `and or not`. `NAME@N` is a number at epoch N. Names:

| name | is |
| --- | --- |
| loss, test | train and test loss of the current lane |
| accuracy | the share of test rows that are right; wrong, right: their numbers |
| norm | the length of the direction of descent, ‖g‖ |
| alpha | the learning rate |
| limit, lambda | the largest safe learning rate, and the largest eigenvalue of the Hessian |
| epoch, newest | the epoch being viewed, and the newest one |
| lanes | the number of lanes |
| changed | the number of test rows predicted differently from the start |
| start | 1 for the lesson's first start, more with every new one |
| weight_1 … | the weights in their order; gradient_1 … the direction of descent |
| verdict | the kind of the verdict, to be compared with a word: verdict == 'plateau' |
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from tui_gd.errors import ProblemError

LONGEST = 300
DEEPEST = 20
MOST = 2.0**63
LAST_EPOCH = 10_000_000
NAMES = frozenset(
    [
        *("loss", "test", "accuracy", "right", "wrong", "norm", "alpha", "limit", "lambda"),
        *("epoch", "newest", "lanes", "changed", "start"),
    ]
)
WORD_NAMES = frozenset({"verdict"})
AT_EPOCH = frozenset({"loss", "test", "norm", "alpha"})
_NUMBERED = re.compile(r"(weight|gradient)_([1-9][0-9]{0,3})")
_LAMBDA = "_ambda"

_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.BitXor: operator.pow,
    ast.Pow: operator.pow,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Facts(Protocol):
    """What a run says when a check asks."""

    def number(self, name: str, epoch: int | None = None) -> float:
        """Return a number of the run, at `epoch` or where it is; NaN if it is not known."""

    def word(self, name: str) -> str:
        """Return a word about the run: the kind of its verdict."""


class CheckError(ProblemError):
    """A check that cannot be read: what is wrong, with its column counted from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


Value = Callable[[Facts], float]


@dataclass(frozen=True)
class Check:
    """A condition or a formula that has been read. `names` are the names it asks for."""

    text: str
    names: frozenset[str]
    value: Value
    """The formula's value for some facts; NaN where it has none, 1 or 0 for a condition."""

    def holds(self, facts: Facts) -> bool:
        """Return whether the condition is true; a comparison with an unknown number is false."""
        value = self.value(facts)
        return value != 0.0 and not math.isnan(value)


def read_check(text: str) -> Check:
    """Read a check; `CheckError` names what is wrong and where."""
    if len(text) > LONGEST:
        raise CheckError(f"a check has at most {LONGEST} characters", LONGEST)
    # `lambda` is a keyword of Python: a name of the same length keeps the columns
    source = re.sub(r"\blambda\b", _LAMBDA, text)
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        column = getattr(error, "offset", None) or 1
        raise CheckError(f"{text!a} cannot be read", column) from None
    reader = _Reader()
    value = reader.read(tree)
    return Check(text, frozenset(reader.names), value)


class _Reader:
    """Turns the nodes that a check may hold into functions of facts, and refuses all others."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._depth = 0

    def read(self, node: ast.expr) -> Value:
        """Return a node's value as a function of facts."""
        readers: Mapping[type[ast.expr], Callable[[Any], Value]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.BinOp: self._arithmetic,
            ast.UnaryOp: self._sign,
            ast.BoolOp: self._logic,
            ast.Compare: self._comparison,
        }
        if type(node) not in readers:
            raise _refuse(node, "is not allowed in a check")
        self._depth += 1
        if self._depth > DEEPEST:
            raise _refuse(node, "is nested too deeply")
        value = readers[type(node)](node)
        self._depth -= 1
        return value

    def _constant(self, node: ast.Constant) -> Value:
        number: Any = node.value
        if type(number) not in {int, float} or not abs(number) < MOST:
            raise _refuse(node, "is not a number")
        fixed = float(number)
        return lambda _: fixed

    def _name(self, node: ast.Name) -> Value:
        name = "lambda" if node.id == _LAMBDA else node.id
        if name in WORD_NAMES:
            raise _refuse(node, f"{name} is compared with a word: {name} == 'plateau'")
        if name not in NAMES and not _NUMBERED.fullmatch(name):
            known = ", ".join(sorted(NAMES))
            raise _refuse(node, f"{name[:40]!a} is none of {known}, weight_1, gradient_1")
        self.names.add(name)
        return lambda facts: facts.number(name)

    def _arithmetic(self, node: ast.BinOp) -> Value:
        if isinstance(node.op, ast.MatMult):
            return self._at_epoch(node)
        if type(node.op) not in _ARITHMETIC:
            raise _refuse(node, "has an operator other than + - * / ^")
        do = _ARITHMETIC[type(node.op)]
        left, right = self.read(node.left), self.read(node.right)

        def value(facts: Facts) -> float:
            try:
                result = do(left(facts), right(facts))
            except (ArithmeticError, ValueError):
                return math.nan
            return result if isinstance(result, float) else math.nan  # (−1)^½ is complex

        return value

    def _at_epoch(self, node: ast.BinOp) -> Value:
        epoch = node.right.value if isinstance(node.right, ast.Constant) else None
        if not isinstance(node.left, ast.Name) or node.left.id not in AT_EPOCH:
            raise _refuse(node, f"@ follows one of {', '.join(sorted(AT_EPOCH))}")
        if type(epoch) is not int or not 0 <= epoch <= LAST_EPOCH:
            raise _refuse(node, "@ needs an epoch, as in loss@20")
        name, at = node.left.id, int(epoch)
        self.names.add(name)
        return lambda facts: facts.number(name, at)

    def _sign(self, node: ast.UnaryOp) -> Value:
        value = self.read(node.operand)
        if isinstance(node.op, ast.USub):
            return lambda facts: -value(facts)
        if isinstance(node.op, ast.Not):
            return lambda facts: float(value(facts) == 0.0)
        if isinstance(node.op, ast.UAdd):
            return value
        raise _refuse(node, "has an operator that is not allowed")

    def _logic(self, node: ast.BoolOp) -> Value:
        values = [self.read(value) for value in node.values]
        join = all if isinstance(node.op, ast.And) else any

        def true(value: float) -> bool:
            return value != 0.0 and not math.isnan(value)

        return lambda facts: float(join(true(value(facts)) for value in values))

    def _comparison(self, node: ast.Compare) -> Value:
        if isinstance(node.left, ast.Name) and node.left.id in WORD_NAMES:
            return self._word(node, node.left.id)
        if any(type(op) not in _COMPARISONS for op in node.ops):
            raise _refuse(node, "compares by other than < <= > >= == !=")
        compare = [_COMPARISONS[type(op)] for op in node.ops]
        values = [self.read(value) for value in (node.left, *node.comparators)]

        def value(facts: Facts) -> float:
            numbers = [one(facts) for one in values]
            return float(
                all(do(*pair) for do, pair in zip(compare, pairwise(numbers), strict=True))
            )

        return value

    def _word(self, node: ast.Compare, name: str) -> Value:
        word = node.comparators[0].value if isinstance(node.comparators[0], ast.Constant) else None
        equal = isinstance(node.ops[0], ast.Eq)
        if len(node.ops) > 1 or not (equal or isinstance(node.ops[0], ast.NotEq)):
            raise _refuse(node, f"{name} is compared by == or !=")
        if not isinstance(word, str):
            raise _refuse(node, f"{name} is compared with a word, as in {name} == 'plateau'")
        self.names.add(name)
        return lambda facts: float((facts.word(name) == word) == equal)


def _refuse(node: ast.expr, what: str) -> CheckError:
    return CheckError(what, node.col_offset + 1)


_FILLED = re.compile(r"\{([^{}]{1,80})\}")
_PRESSED = re.compile(r"<([a-z_]{1,30}(?:\([^()<>]{0,20}\))?)>")

Press = Callable[[str], str]
"""From the name of an action to what is pressed or typed for it."""


def fill(text: str, facts: Facts | None, press: Press | None = None) -> str:
    """Return a text with its formulas and actions filled in.

    `{formula}` or `{formula:DIGITS}` becomes a number of the run, with so many significant digits,
    four if none are named; `<action>` what is pressed or typed for it. What is None stays, and its
    formulas are only checked.
    """

    def number(found: re.Match[str]) -> str:
        formula, _, digits = found[1].partition(":")
        if digits and digits not in "123456789":
            raise CheckError(f"{found[0]}: 1 to 9 significant digits", found.start() + 1)
        check = read_check(formula)
        if facts is None:
            return found[0]
        value = check.value(facts)
        if not digits and math.isfinite(value) and value == round(value) and abs(value) < 1e7:
            return f"{value:.0f}".replace("-", "−")
        return f"{value:.{digits or 4}g}".replace("-", "−")

    text = _FILLED.sub(number, text)
    return _PRESSED.sub(lambda found: press(found[1]), text) if press else text


def actions_in(text: str) -> list[str]:
    """Return the actions that a text names."""
    return _PRESSED.findall(text)
