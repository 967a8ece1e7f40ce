"""Readers: what a person types or a JSON file holds, as a value of one kind within fixed limits.

Every option of a run has one (`tui_gd.session.options`). The command line, a share line and stored
settings go through the same reader, so the same limits hold for all three.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Generic, TypeVar

from tui_gd.errors import ProblemError, did_you_mean

T = TypeVar("T")
D = TypeVar("D")

LARGEST_WHOLE = 2**53 - 1
LARGEST_SEED = 2**64 - 1
MOST_LANES = 1024
MOST_PARAMETERS = 10_000_000
SHOWN = 40
AUTO = "auto"
ALIASES = {
    "bce": "cross-entropy",
    "logloss": "cross-entropy",
    "log-loss": "cross-entropy",
    "logistic": "cross-entropy",
    "l1": "mae",
    "l2": "mse",
    "squared": "sse",
    "mean-squared-error": "mse",
    "nag": "nesterov",
    "gradient-descent": "sgd",
    "gd": "sgd",
    "logit": "sigmoid",
    "identity": "linear",
    "none": "linear",
    "xavier": "glorot",
    "kaiming": "he",
    "gaussian": "normal",
    "double": "float64",
    "single": "float32",
    "classify": "classification",
}
"""Other names that people use for losses, optimizers, activations, starts and types."""
_HEX = re.compile(r"-?0x[01]\.?[0-9a-f]{0,13}p[+-][0-9]{1,4}")


@dataclass(frozen=True)
class Reader(Generic[T]):
    """Reads values of one kind; raises `ValueError` with what it wanted.

    `plain` checks a value as JSON holds it. `parse` turns typed text into such a value, or returns
    the text itself if it cannot. `names` are the only words that are allowed, if there are such.
    `metavar` stands for the value in help.
    """

    plain: Callable[[object], T]
    parse: Callable[[str], object] = str
    names: tuple[str, ...] = ()
    metavar: str = "NAME"

    def typed(self, text: str) -> T:
        """Return the value that a person typed."""
        return self.plain(self.parse(text))


def refuse(value: object, wanted: str) -> ValueError:
    """Return the error that a value, shortened, is not what was wanted."""
    text = ascii(value)
    return ValueError(f"{text if len(text) <= SHOWN else text[:SHOWN] + '...'} is not {wanted}")


def _check(
    kind: type[T], wanted: str, fits: Callable[[T], bool] = lambda _: True
) -> Callable[[object], T]:
    """Return a function that returns values of exactly this type that fit, and refuses others."""

    def plain(value: object) -> T:
        if type(value) is not kind or not fits(value):
            raise refuse(value, wanted)
        return value

    return plain


def whole(low: int = 0, high: int = LARGEST_WHOLE) -> Reader[int]:
    """Read a whole number from `low` to `high`; typed also as `1e6`."""
    wanted = f"a whole number from {low}" + (f" to {high}" if high < LARGEST_WHOLE else "")

    def parse(text: str) -> object:
        if text.isdecimal() and text.isascii():
            return int(text) if len(text) <= SHOWN else text
        number = _number(text)
        if isinstance(number, float) and abs(number) <= LARGEST_WHOLE and number.is_integer():
            return int(number)
        return text

    return Reader(_check(int, wanted, lambda value: low <= value <= high), parse, metavar="N")


def size() -> Reader[int]:
    """Read a number of bytes, typed also as `2GB` or `500 MB`; units are powers of 1000."""
    bytes_of = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

    def parse(text: str) -> object:
        digits = text.rstrip("BbKkMmGgTt ")
        unit, number = text[len(digits) :].strip().upper(), _number(digits)
        unit += "B" * (len(unit) == 1 and unit != "B")
        if unit not in bytes_of or not isinstance(number, float):
            return text
        return int(number * bytes_of[unit]) if abs(number) < LARGEST_WHOLE else text

    check = _check(int, "a size", lambda value: 1 <= value <= LARGEST_WHOLE)
    return Reader(check, parse, metavar="SIZE")


def number(
    low: float = -math.inf, high: float = math.inf, *, above: bool = False, below: bool = False
) -> Reader[float]:
    """Read a finite number from `low` to `high`, without `low` if `above`, `high` if `below`."""
    if above and below and high < math.inf:
        wanted = f"a number between {low:g} and {high:g}"
    else:
        wanted = "a number"
        if low > -math.inf:
            wanted += f" above {low:g}" if above else f" from {low:g}"
        if high < math.inf:
            wanted += f" to below {high:g}" if below else f" to {high:g}"

    def plain(value: object) -> float:
        try:
            given = float(value) if type(value) in {int, float} else math.nan  # type: ignore[arg-type]
        except OverflowError:
            given = math.inf
        fits = low <= given <= high and math.isfinite(given)
        if not fits or (above and given == low) or (below and given == high):
            raise refuse(value, wanted)
        return given

    return Reader(plain, _number, metavar="X")


def _part(value: object) -> float:
    wanted = "a share between 0 and 1, or a whole number of rows"
    if type(value) is int and 1 <= value <= LARGEST_WHOLE:
        return value
    if type(value) is not float or not 0.0 < value <= LARGEST_WHOLE:
        raise refuse(value, wanted)
    if value >= 1.0 and not value.is_integer():
        raise refuse(value, wanted)
    return int(value) if value >= 1.0 else value


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def hundredths() -> Reader[float]:
    """Read a number from 0.01 to 0.99 with at most two decimals."""

    def plain(value: object) -> float:
        given = float(value) if type(value) in {int, float} else 0.0  # type: ignore[arg-type]
        if not 0.0 < given < 1.0 or abs(100 * given - round(100 * given)) > 1e-9:
            raise refuse(value, "a number from 0.01 to 0.99 with two decimals")
        return round(100 * given) / 100

    return Reader(plain, number().parse)


def one_of(*names: str) -> Reader[str]:
    """Read one of some names."""

    def plain(value: object) -> str:
        if type(value) is not str or value not in names:
            hint = did_you_mean(value, names, ALIASES) if type(value) is str else ""
            raise refuse(value, f"one of {', '.join(names)}{hint}")
        return value

    return Reader(plain, names=names)


def several(reader: Reader[T], least: int, most: int) -> Reader[tuple[T, ...]]:
    """Read a list of `least` to `most` values of one kind, typed with commas between them."""

    def plain(value: object) -> tuple[T, ...]:
        if type(value) not in {list, tuple} or not least <= len(value) <= most:  # type: ignore[arg-type]
            raise refuse(value, f"a list of {least} to {most} values")
        return tuple(map(reader.plain, value))  # type: ignore[call-overload]

    def parse(text: str) -> object:
        return [reader.parse(part.strip()) for part in text.split(",")]

    return Reader(plain, parse, reader.names)


def rates(most: int) -> Reader[tuple[float, ...]]:
    """Read 1 to `most` learning rates above 0, or `auto`, which becomes a rate with the data."""
    return _or_auto(several(number(0, above=True), 1, most), ())


def number_or_auto(least: float) -> Reader[float | str]:
    """Read a number of at least `least`, or `auto`, which becomes a number with the data."""
    return _or_auto(number(least), AUTO)


def _or_auto(reader: Reader[T], auto: D) -> Reader[T | D]:
    """Read what `reader` reads, or the word auto, whose value is `auto`."""
    return Reader(
        lambda value: auto if value == AUTO else reader.plain(value),
        lambda text: AUTO if text == AUTO else reader.parse(text),
        metavar="X",
    )


def text(longest: int) -> Reader[str]:
    """Read text of printable characters."""
    wanted = f"text of at most {longest} printable characters"
    return Reader(_check(str, wanted, lambda value: len(value) <= longest and value.isprintable()))


def _weight(value: object) -> float:
    if type(value) is not str or not _HEX.fullmatch(value):
        raise refuse(value, "a hexadecimal float, as 0x1.8p+0")
    try:
        return float.fromhex(value)
    except OverflowError:
        raise refuse(value, "a finite number") from None


def _hidden(value: object) -> tuple[int, ...]:
    layers = several(whole(1, 10_000), 0, 64).plain(value)
    if sum((inputs + 1) * units for inputs, units in pairwise(layers)) > MOST_PARAMETERS:
        raise refuse(value, f"a network of at most {MOST_PARAMETERS} weights")
    return layers


def _schedule(value: object) -> str:
    from tui_gd.learning.schedules import parse_schedule

    name = text(100).plain(value)
    parse_schedule(name, 100)
    return name


def _formula(value: object) -> str:
    from tui_gd.problems.surfaces import typed_surface

    formula = anything.plain(value)
    try:
        typed_surface(formula)
    except ProblemError as error:
        raise ValueError(str(error).removeprefix("surface").lstrip(": ")) from None
    return formula


part: Reader[float] = Reader(_part, _number, metavar="X")
"""Reads a share below 1, or from 1 on a number of rows."""
anything: Reader[str] = Reader(_check(str, "text"))
"""Reads any text: the name of a file or a column."""
named: Reader[str] = Reader(_check(str, "a name", bool))
"""Reads any text but the empty one."""
columns: Reader[tuple[str, ...]] = replace(several(named, 0, LARGEST_WHOLE), metavar="COLUMNS")
"""Reads the names of columns."""
boolean: Reader[bool] = Reader(_check(bool, "true or false"))
"""Reads true or false; an option of it is a flag."""
weight: Reader[float] = Reader(_weight)
"""Reads a finite number written as a hexadecimal float."""
hidden: Reader[tuple[int, ...]] = Reader(_hidden, several(whole(), 0, 0).parse, metavar="N,N")
"""Reads the units of the hidden layers."""
formula: Reader[str] = Reader(_formula, metavar="FORMULA")
"""Reads a function of x and y to descend on."""
schedule: Reader[str] = Reader(_schedule)
"""Reads the name of a schedule."""
