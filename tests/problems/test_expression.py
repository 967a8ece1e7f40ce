"""Expressions in x and y: Python reads the same, gradients by hand and by differences, refusals."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tui_gd.errors import ProblemError
from tui_gd.problems.dual import FUNCTIONS
from tui_gd.problems.formula import MOST_CHARACTERS, MOST_DEPTH
from tui_gd.problems.surfaces import SURFACES, typed_surface

OF_ONE, OF_TWO = (sorted(one for one in FUNCTIONS if FUNCTIONS[one] == n) for n in (1, 2))
NAMES = {
    "pi": math.pi,
    "e": math.e,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": math.fabs,
    "tanh": math.tanh,
    "min": min,
    "max": max,
}


def by_python(text: str, x: float, y: float) -> float:
    """Python's own reading of the text; NaN where it has no real number for it."""
    try:
        value = eval(text.replace("^", "**"), {"__builtins__": {}}, {**NAMES, "x": x, "y": y})
    except (ArithmeticError, ValueError, TypeError):  # the last for functions of complex numbers
        return math.nan
    return math.nan if isinstance(value, complex) else float(value)


def at(text: str, x: float, y: float) -> tuple[float, dict[str, float]]:
    """The value and the slope along each variable."""
    expression = typed_surface(text)
    point = np.array([[{"x": x, "y": y}[name] for name in expression.names]])
    value, gradient = expression.value_and_gradient(point)
    return float(value[0]), dict(zip(expression.names, gradient[0].tolist(), strict=True))


def combined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(parts, st.sampled_from([*"+-*/", " - ", " / "]), parts).map("".join),
        st.tuples(parts, st.sampled_from(["^2", "**3", "^-1", "^0.5", "^x", "^2^y"])).map("".join),
        parts.map(lambda part: f"-{part}"),
        parts.map(lambda part: f"({part})"),
        st.tuples(st.sampled_from(OF_ONE), parts).map(lambda two: f"{two[0]}({two[1]})"),
        st.tuples(st.sampled_from(OF_TWO), parts, parts).map(
            lambda three: f"{three[0]}({three[1]}, {three[2]})"
        ),
    )


# without brackets around the parts, so that precedence has to be right
TEXTS = st.recursive(
    st.sampled_from(["x", "y", "x", "y", "2", "0.5", "3.", ".25", "1e-1", "pi", "e"]),
    combined,
    max_leaves=6,
)
NUMBERS = st.floats(-3, 3).map(lambda number: round(number, 3))


@settings(max_examples=300, deadline=None)
@given(TEXTS, NUMBERS, NUMBERS)
def test_values_are_those_that_python_reads(text: str, x: float, y: float) -> None:
    assume("x" in text.replace("exp", "").replace("max", "") or "y" in text)
    wanted, beside = by_python(text, x, y), by_python(text, x * (1 + 1e-12), y * (1 + 1e-12))
    assume(math.isfinite(wanted) and abs(wanted) < 1e4 and abs(wanted - beside) < 1e-7)
    value, _ = at(text, x, y)
    assert value == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(TEXTS, NUMBERS, NUMBERS)
def test_gradients_are_those_of_differences(text: str, x: float, y: float) -> None:
    try:
        expression = typed_surface(text)
    except ProblemError:
        return

    def difference(name: str, h: float) -> float:
        across, up = (h, 0.0) if name == "x" else (0.0, h)
        return (by_python(text, x + across, y + up) - by_python(text, x, y)) / h

    _, slopes = at(text, x, y)
    for name in expression.names:
        right, left = difference(name, 1e-5), difference(name, -1e-5)
        if not abs(right - left) < 1e-2 * min(1.0 + abs(right), 100.0):
            continue  # at a kink, a pole or the edge of what is defined
        assert slopes[name] == pytest.approx((left + right) / 2, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "value", "slope"),
    [
        ("sin(x)", math.sin(0.7), math.cos(0.7)),
        ("cos(x)", math.cos(0.7), -math.sin(0.7)),
        ("tan(x)", math.tan(0.7), 1 / math.cos(0.7) ** 2),
        ("exp(x)", math.exp(0.7), math.exp(0.7)),
        ("e^x", math.exp(0.7), math.exp(0.7)),
        ("log(x)", math.log(0.7), 1 / 0.7),
        ("sqrt(x)", math.sqrt(0.7), 0.5 / math.sqrt(0.7)),
        ("abs(-x)", 0.7, 1.0),
        ("tanh(x)", math.tanh(0.7), 1 / math.cosh(0.7) ** 2),
        ("min(x, 2*x)", 0.7, 1.0),
        ("max(x, 2*x)", 1.4, 2.0),
        ("1/x", 1 / 0.7, -1 / 0.49),
        ("x^5", 0.7**5, 5 * 0.7**4),
        ("x^-3", 0.7**-3, -3 * 0.7**-4),
        ("x^0", 1.0, 0.0),
        ("x^2.5", 0.7**2.5, 2.5 * 0.7**1.5),
        ("2^x", 2**0.7, math.log(2) * 2**0.7),
        ("x^x", 0.7**0.7, 0.7**0.7 * (math.log(0.7) + 1)),
        ("x*sin(x)", 0.7 * math.sin(0.7), math.sin(0.7) + 0.7 * math.cos(0.7)),
        (
            "sin(x)/x",
            math.sin(0.7) / 0.7,
            (math.cos(0.7) * 0.7 - math.sin(0.7)) / 0.49,
        ),
        ("exp(-x^2)", math.exp(-0.49), -1.4 * math.exp(-0.49)),
    ],
)
def test_derivatives_are_those_found_by_hand(text: str, value: float, slope: float) -> None:
    found, slopes = at(text, 0.7, 0.0)
    assert found == pytest.approx(value, rel=1e-14)
    assert slopes == {"x": pytest.approx(slope, rel=1e-13)}


def test_himmelblau_has_the_gradient_found_by_hand() -> None:
    points = np.random.default_rng(1).uniform(-5, 5, (50, 2))
    values, gradients = typed_surface("(x^2 + y - 11)^2 + (x + y^2 - 7)^2").value_and_gradient(
        points
    )
    for (x, y), value, gradient in zip(points.tolist(), values, gradients, strict=True):
        a, b = x * x + y - 11, x + y * y - 7
        assert value == pytest.approx(a * a + b * b, rel=1e-13)
        assert gradient == pytest.approx([4 * x * a + 2 * b, 2 * a + 4 * y * b], rel=1e-12)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-x^2", -9.0),
        ("2^3^x", 2.0**27),
        ("2^-x", 0.125),
        ("x - 1 - 1", 1.0),
        ("12/x/2", 2.0),
        ("--x", 3.0),
        ("-+-x", 3.0),
        ("1 - -x", 4.0),
        ("x**2^1", 9.0),
        ("  x\t+ 1 ", 4.0),
        ("(-x)^3", -27.0),
        ("(-x)^64", 3.0**64),
        ("x^100", 3.0**100),
        ("0*x + 1", 1.0),
    ],
)
def test_precedence_is_that_of_mathematics(text: str, value: float) -> None:
    assert at(text, 3.0, 0.0)[0] == pytest.approx(value, rel=1e-12)


def test_one_variable_is_one_weight_and_two_are_in_order() -> None:
    assert typed_surface("y^2").names == ("y",)
    assert typed_surface("exp(x)").names == ("x",)
    assert typed_surface("y - x").names == ("x", "y")


def test_outside_of_what_is_defined_numbers_are_not_finite_and_nothing_warns() -> None:
    for text in ("log(x)", "sqrt(x)", "x^0.5", "x^x"):
        assert math.isnan(at(text, -1.5, 0.0)[0])
    assert at("1/x", 0.0, 0.0)[0] == math.inf
    assert at("exp(x)", 1e4, 0.0)[0] == math.inf
    value, slopes = at("abs(x)", 0.0, 0.0)
    assert (value, slopes["x"]) == (0.0, 0.0)
    assert at("x^2", 1e200, 0.0)[0] == math.inf
    assert at("x^1 + x^0", 0.0, 0.0) == (1.0, {"x": 1.0})
    assert typed_surface("x").value(np.empty((0, 1))).shape == (0,)


# a lane's bits ---------------------------------------------------------------

ALONE = [
    *(f"{name}(x)" for name in OF_ONE),
    *(f"{name}(x, y)" for name in OF_TWO),
    "x^7", "x^-3", "x^2.5", "x^0.5", "x^65", "abs(x)^y", "2^x", "x/y", "x*y - x", "exp(sin(x*y))/y",
    *(surface.formula for surface in SURFACES.values()),
]  # fmt: skip


@pytest.mark.parametrize("text", ALONE)
def test_a_points_bits_do_not_depend_on_the_points_beside_it(text: str) -> None:
    expression = typed_surface(text)
    rng = np.random.default_rng(len(text))
    points = rng.standard_normal((4000, len(expression.names)))
    points[1000:1500] *= 10.0 ** rng.integers(-9, 10, (500, 1))
    points[1500:1600] = rng.integers(-2, 3, points[1500:1600].shape)  # equal exponents, zeros
    points[1600:1604] = [[np.nan], [np.inf], [-np.inf], [-0.0]]
    value, gradient = expression.value_and_gradient(points)
    wanted = np.column_stack([value, gradient])

    def check(begin: int, stop: int) -> None:
        part = np.column_stack(expression.value_and_gradient(points[begin:stop]))
        same = wanted[begin:stop]
        nan = np.isnan(same)
        assert (np.isnan(part) == nan).all()
        assert part[~nan].tobytes() == same[~nan].tobytes(), (begin, stop)
        alone = expression.value(points[begin:stop])
        assert np.array_equal(alone, value[begin:stop], equal_nan=True)

    for size in (1, 2, 3, 7, 64):
        for _ in range(12):
            begin = int(rng.integers(0, 4000 - size))
            check(begin, begin + size)
            begin = int(rng.integers(1500, 1604 - size))
            check(begin, begin + size)


# refusals --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", None, "nothing is written"),
        ("   ", None, "nothing is written"),
        ("x +", 4, "missing before the end"),
        ("x + * y", 5, "missing before '*'"),
        ("2x", 2, "as 2*x"),
        ("x y", 3, "operator is missing"),
        ("(x + 1", 7, "( at column 1"),
        ("x + 1)", 6, "closes nothing"),
        ("()", 2, "missing before ')'"),
        ("sin x", 5, "sin(x)"),
        ("sin()", 5, "missing"),
        ("sin(x, y)", 1, "takes 1 argument, not 2"),
        ("min(x)", 1, "takes 2 arguments, not 1"),
        ("x, y", 2, "comma"),
        ("x^2 + z", 7, "unknown name 'z'"),
        ("X", 1, "unknown name 'X'"),
        ("3 + pi", 1, "neither x nor y"),
        ("1e999*x", 1, "too large"),
        ("x + 1/0", 6, "finite"),
        ("log(-1)*x", 1, "finite"),
        ("9**9**9**9 + x", 5, "finite"),
        ("x.real", 2, "means nothing"),
        ("x; y", 2, "means nothing"),
        ("x == y", 3, "means nothing"),
        ("x if y else 1", 3, "operator is missing"),
        ("lambda: 1", 7, "means nothing"),
        ("'x'", 1, "means nothing"),
        ("[x]", 1, "means nothing"),
        ("x\x1b[31m", 2, "means nothing"),
        ("x + é", 5, "means nothing"),
        ("x²", 2, "means nothing"),
        ("x + ١", 5, "means nothing"),
        ("__import__('os').system('true')", 12, "means nothing"),
        ("__class__", 1, "unknown name"),
        ("eval(x)", 1, "unknown name 'eval'"),
        ("1_000*x", 2, "operator is missing"),
        ("1j*x", 2, "operator is missing"),
        ("0x10*x", 2, "operator is missing"),
    ],
)
def test_text_that_is_no_expression_is_refused_with_its_column(
    text: str, column: int | None, says: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        typed_surface(text)
    line = str(caught.value)
    assert says in line
    assert line.isascii()
    assert line.isprintable()
    if column is not None:
        assert f"column {column}:" in line


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1_000_000 + "x" + ")" * 1_000_000,
        "-" * 1_000_000 + "x",
        "x^" * 1_000_000 + "x",
        "sin(" * 1_000_000,
        "9" * 1_000_000,
        "(" * (MOST_DEPTH + 1) + "x" + ")" * (MOST_DEPTH + 1),
        "x^" * (MOST_DEPTH + 1) + "x",
        "sin(" * (MOST_DEPTH + 1) + "x" + ")" * (MOST_DEPTH + 1),
        "x" * MOST_CHARACTERS,
        "9" * MOST_CHARACTERS,
        "9" * 400 + "*x",
        "1" + "0" * 308 + "*9*x/1" + "^9" * 60,
        "9^" * 39 + "9*x",
        "x\n" * 200,
    ],
    ids=lambda text: f"{text[:8]!r}... {len(text)}",
)
def test_hostile_text_is_refused_in_one_short_line(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        typed_surface(text)
    line = str(caught.value)
    assert len(line) < 250
    assert line.isprintable()


def test_an_expression_just_within_the_limits_is_read() -> None:
    deep = "(" * (MOST_DEPTH - 1) + "x" + ")" * (MOST_DEPTH - 1)
    assert at(deep, 2.0, 0.0)[0] == 2.0
    assert at("-" * (MOST_CHARACTERS - 1) + "x", 2.0, 0.0)[0] == -2.0
    assert at("x+" * (MOST_CHARACTERS // 2 - 1) + "x", 1.0, 0.0)[0] == MOST_CHARACTERS // 2
    assert at("x" + "^1" * (MOST_DEPTH - 2), 2.0, 0.0)[0] == 2.0


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="xyzpie0123456789.+-*/^(), \tsincomaxlg_é'[]", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = typed_surface(text)
    except ProblemError:
        return
    points = np.ones((3, len(expression.names)))
    value, gradient = expression.value_and_gradient(points)
    assert value.shape == (3,)
    assert gradient.shape == points.shape
