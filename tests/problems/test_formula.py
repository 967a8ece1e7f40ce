"""Formulas with comparisons, `and or not` and names at an epoch: read in Python's order."""

import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_gd.errors import ProblemError
from tui_gd.problems.formula import ARITHMETIC, LOGIC, Grammar, Part, read_formula

NAMES = {"loss": 0.25, "lambda": 3.0, "alpha": 0.1}
CHECKS = Grammar(
    "check", "loss < 0.5", tuple(NAMES), {"abs": 1, "min": 2}, (*ARITHMETIC, *LOGIC), epochs=True
)
OPERATORS: dict[tuple[str, int], Any] = {
    ("+", 2): operator.add,
    ("-", 2): operator.sub,
    ("*", 2): operator.mul,
    ("-", 1): operator.neg,
    ("<", 2): operator.lt,
    (">=", 2): operator.ge,
    ("==", 2): operator.eq,
    ("not", 1): operator.not_,
}


def value(parts: tuple[Part, ...]) -> Any:
    """A stack over parts in postfix order."""
    stack: list[Any] = []
    for part in parts:
        arguments = stack[len(stack) - part.count :]
        del stack[len(stack) - part.count :]
        if part.kind == "number":
            stack.append(float(part.text))
        elif part.kind == "name":
            name, _, epoch = part.text.partition("@")
            stack.append(NAMES[name] + float(epoch or 0))
        elif part.kind == "call":
            stack.append({"abs": abs, "min": min}[part.text](*arguments))
        elif part.text in {"and", "or"}:
            stack.append({"and": all, "or": any}[part.text](arguments))
        else:
            stack.append(OPERATORS[part.text, part.count](*arguments))
    (result,) = stack
    return result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("loss < 0.5 and lambda >= 3", True),
        ("loss@10 < 0.5", False),
        ("loss@10 - loss == 10", True),
        ("not loss < 0.5 or alpha < 1", True),
        ("not (loss < 0.5 or alpha < 1)", False),
        ("alpha < 0 and loss < 1 or lambda >= 2", True),
        ("alpha < 0 and (loss < 1 or lambda >= 2)", False),
        ("alpha < 1 and loss < 1 and lambda < 3", False),
        ("min(abs(-loss), 007) < 1 +\nalpha", True),
    ],
)
def test_checks_have_the_values_found_by_hand(text: str, result: bool) -> None:
    assert value(read_formula(text, CHECKS)) is result


ATOMS = st.sampled_from(["1", "2.5", "alpha", "loss", "lambda"])
SUMS = st.tuples(ATOMS, st.sampled_from([" + ", " - ", "*"]), ATOMS).map("".join)
LESS = st.tuples(SUMS, st.sampled_from([" < ", " >= "]), SUMS).map("".join)
TEXTS = st.recursive(
    LESS,
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from([" and ", " or "]), parts).map("".join),
        parts.map(lambda part: f"not {part}"),
        parts.map(lambda part: f"({part})"),
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_python_gives_the_same_answer(text: str) -> None:
    names = {"loss": 0.25, "alpha": 0.1, "lambda_": 3.0}
    wanted = eval(text.replace("lambda", "lambda_"), {"__builtins__": {}}, names)
    assert value(read_formula(text, CHECKS)) == wanted


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", None, "nothing is written; try 'loss < 0.5'"),
        ("1 < loss < 2", 3, "two values at a time"),
        ("loss < not alpha", 8, "use parentheses"),
        ("loss @10", 6, "means nothing"),
        ("loss@x", 5, "means nothing"),
        ("abs@3(loss)", 1, "unknown name 'abs@3'"),
        ("loss = 1", 6, "means nothing"),
        ("loss and", 9, "missing before the end"),
        ("loss not alpha", 6, "operator is missing"),
        ("loss is alpha", 6, "operator is missing"),
        ("other < 1", 1, "known are loss, lambda, alpha, abs, min"),
        ("min(loss) < 1", 1, "takes 2 arguments, not 1"),
        ("(1, 2) < loss", 3, "arguments of min only"),
    ],
)
def test_faults_have_their_column(text: str, column: int | None, says: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read_formula(text, CHECKS)
    line = str(caught.value)
    assert says in line
    assert line.startswith("check")
    assert column is None or f"column {column}:" in line


def test_only_the_operators_of_the_grammar_are_read() -> None:
    plain = Grammar("sum", "1 + 2", (), {}, ("+",))
    assert [part.text for part in read_formula("1 + 2", plain)] == ["1", "2", "+"]
    for text in ("1 - 2", "-1", "1 < 2", "1 and 2", "1 * 2"):
        with pytest.raises(ProblemError, match="column"):
            read_formula(text, plain)
