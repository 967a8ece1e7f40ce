"""Checks: conditions on a run, as a lesson writes them; they are parsed and never evaluated.

`loss < 1e-3 and epoch <= 40`, `loss@20 > 2*loss`, `lanes == 2 and not changed > 5`. The operators
are + - * / ^, comparisons, and `and or not`. `NAME@N` is a number at epoch N. Names:

| name | is |
| --- | --- |
| loss, test | train and test loss of the current lane |
| best | the least test loss of all epochs so far |
| accuracy | the share of test rows that are right; wrong, right: their numbers |
| norm | the length of the direction of descent, ‖g‖ |
| alpha | the learning rate |
| limit, lambda | the largest safe learning rate, and the largest eigenvalue of the Hessian |
| epoch, newest | the epoch being viewed, and the newest one |
| lanes | the number of lanes |
| changed | the number of test rows predicted differently from the start |
| start | 1 for the lesson's first start, more with every new one |
| weight_1 … | the weights in their order; gradient_1 … the direction of descent |
| verdict | the verdict, to be compared with a kind: verdict == plateau, verdict == zig_zagging |

A number that is not known is NaN: no comparison with it holds.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tui_gd.errors import ProblemError
from tui_gd.insight.verdict import Kind
from tui_gd.problems.formula import ARITHMETIC, LOGIC, Grammar, Part, read_formula

NUMBERS = (
    *("loss", "test", "accuracy", "right", "wrong", "norm", "alpha", "limit", "lambda"),
    *("best", "epoch", "newest", "lanes", "changed", "start"),
    *(f"{kind}_{number}" for kind in ("weight", "gradient") for number in range(1, 65)),
)
NOT_AT_EPOCH = frozenset({"best", "epoch", "newest", "lanes", "start"})
"""What is the run's, and of no epoch."""


def as_name(kind: str) -> str:
    """Return a kind of verdict as checks write it: zig_zagging for zig-zagging."""
    return re.sub(r"\W+", "_", kind)


# every kind of verdict stands for a number of its own
KINDS = {as_name(kind): float(code) for code, kind in enumerate(Kind)}
GRAMMAR = Grammar(
    subject="check",
    example="loss < 0.1 and epoch <= 40",
    names=(*NUMBERS, "verdict", *KINDS),
    functions={},
    operators=(*ARITHMETIC, *LOGIC),
    epochs=True,
)
_OPERATORS: Mapping[tuple[str, int], Callable[..., float]] = {
    ("+", 2): operator.add,
    ("-", 2): operator.sub,
    ("*", 2): operator.mul,
    ("/", 2): operator.truediv,
    ("^", 2): operator.pow,
    ("-", 1): operator.neg,
    ("<", 2): operator.lt,
    ("<=", 2): operator.le,
    (">", 2): operator.gt,
    (">=", 2): operator.ge,
    ("==", 2): operator.eq,
    ("!=", 2): lambda a, b: a != b and not math.isnan(a + b),
    ("not", 1): lambda a: not _is_true(a),
}


class Facts(Protocol):
    """What a check asks of a run."""

    def number(self, name: str, epoch: int | None = None) -> float:
        """Return a number of the run, at `epoch` or where it is; NaN if it is not known."""

    def verdict(self) -> str:
        """Return the kind of the run's verdict."""


@dataclass(frozen=True)
class Check:
    """A condition or a formula that has been read, as parts for a stack."""

    text: str
    parts: tuple[Part, ...]

    def holds(self, facts: Facts) -> bool:
        """Return whether the condition is true; a comparison with an unknown number is false."""
        return _is_true(self.value(facts))

    def value(self, facts: Facts) -> float:
        """Return the value: NaN where there is none, 1 or 0 for a condition."""
        stack: list[float] = []
        for part in self.parts:
            if part.kind == "number":
                stack.append(float(part.text))
            elif part.kind == "name":
                stack.append(_number(part.text, facts))
            else:
                arguments = stack[-part.count :]
                del stack[-part.count :]
                stack.append(_apply(part, arguments))
        return stack[0]


def _is_true(value: float) -> bool:
    return value != 0.0 and not math.isnan(value)


def _number(name: str, facts: Facts) -> float:
    if name in KINDS:
        return KINDS[name]
    if name == "verdict":
        return KINDS.get(as_name(facts.verdict()), math.nan)
    name, _, epoch = name.partition("@")
    return facts.number(name, int(epoch) if epoch else None)


def _apply(part: Part, arguments: list[float]) -> float:
    if part.text in {"and", "or"}:
        return float((all if part.text == "and" else any)(map(_is_true, arguments)))
    try:
        result = _OPERATORS[part.text, part.count](*arguments)
    except (ArithmeticError, ValueError):
        return math.nan
    return float(result) if isinstance(result, float | bool) else math.nan  # (−1)^½ is complex


def read_check(text: str) -> Check:
    """Read a check; `ProblemError` says in one line what is wrong, with the column."""
    parts = read_formula(text, GRAMMAR)
    for part in parts:
        name, _, epoch = part.text.partition("@")
        if part.kind == "name" and epoch and (name in NOT_AT_EPOCH or len(epoch) > 8):
            never = ", ".join(sorted(NOT_AT_EPOCH))
            raise ProblemError(f"check, column {part.token.column}: @N does not follow {never}")
    return Check(text, parts)


_FILLED = re.compile(r"\{([^{}]{1,80})\}")
_PRESSED = re.compile(r"<([a-z_]{1,30}(?:\([^()<>]{0,20}\))?)>")

Press = Callable[[str], str]
"""From the name of an action to what is pressed or typed for it."""


def fill(text: str, facts: Facts | None, press: Press | None = None) -> str:
    """Return a text with its formulas and actions filled in.

    `{formula}` or `{formula:DIGITS}` becomes a number of the run, with so many significant digits,
    four if none are named; below a million no digit before the point is left out. `<action>`
    becomes what is pressed or typed for it. Without `facts`, formulas are only checked and stay;
    without `press`, actions stay.
    """

    def number(found: re.Match[str]) -> str:
        formula, _, digits = found[1].partition(":")
        if digits and digits not in "123456789":
            raise ProblemError(f"{found[0]}: 1 to 9 significant digits")
        check = read_check(formula)
        if facts is None:
            return found[0]
        value = check.value(facts)
        if not digits and math.isfinite(value) and value == round(value) and abs(value) < 1e7:
            return f"{value:.0f}".replace("-", "−")
        shown = f"{value:.{digits or 4}g}"
        if "e+" in shown and abs(value) < 1e6:  # 1601, not 1.6e+03
            shown = f"{value:.0f}"
        return shown.replace("-", "−")

    text = _FILLED.sub(number, text)
    return _PRESSED.sub(lambda found: press(found[1]), text) if press else text


def actions_in(text: str) -> list[str]:
    """Return the actions that a text names."""
    return _PRESSED.findall(text)
