"""How what a share line says is read: every value of a known kind, and within limits.

A reader takes a value as JSON gives it and returns it as the settings have it; `ValueError`, which
says what was wanted, for all else.
"""

import math
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from tui_gd.names import ACTIVATIONS, LOSSES, OPTIMIZERS, STARTS

Reader = Callable[[object], Any]

MOST_LANES = 1024
MOST_EPOCHS = 2**53
MOST_SEED = 2**64
MOST_PARAMETERS = 10_000_000
LONGEST_NAME = 64
_HEX = re.compile(r"-?0x[01]\.?[0-9a-f]{0,13}p[+-][0-9]{1,4}")


def refuse(value: object, wanted: str) -> ValueError:
    """Return the error that a value, cut short, is not what was wanted."""
    text = ascii(value)
    return ValueError(f"{text if len(text) <= 40 else text[:40] + '...'} is not {wanted}")


def whole(low: int, high: int) -> Reader:
    """Read a whole number from `low` to `high`."""

    def read(value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise refuse(value, f"a whole number from {low} to {high}")
        return value

    return read


def number(low: float, high: float, *, above: bool = False, below: bool = False) -> Reader:
    """Read a finite number from `low` to `high`, these themselves out if `above` or `below`."""

    def read(value: object) -> float:
        try:
            given = float(value) if type(value) in {int, float} else math.nan  # type: ignore[arg-type]
        except OverflowError:
            given = math.inf
        fits = low <= given <= high and math.isfinite(given)
        if not fits or (above and given == low) or (below and given == high):
            raise refuse(value, f"a number from {low:g} to {high:g}")
        return given

    return read


def one_of(*names: str) -> Reader:
    """Read one of some names."""

    def read(value: object) -> str:
        if type(value) is not str or value not in names:
            raise refuse(value, f"one of {', '.join(names)}")
        return value

    return read


def several(reader: Reader, least: int, most: int) -> Reader:
    """Read a list of `least` to `most` values of one kind."""

    def read(value: object) -> tuple[Any, ...]:
        if type(value) is not list or not least <= len(value) <= most:
            raise refuse(value, f"a list of {least} to {most} values")
        return tuple(map(reader, value))

    return read


def text(longest: int) -> Reader:
    """Read text of printable characters."""

    def read(value: object) -> str:
        if type(value) is not str or len(value) > longest or not value.isprintable():
            raise refuse(value, f"text of at most {longest} printable characters")
        return value

    return read


def boolean(value: object) -> bool:
    """Read true or false."""
    if type(value) is not bool:
        raise refuse(value, "true or false")
    return value


def weight(value: object) -> float:
    """Read a finite number written as a hexadecimal float."""
    if type(value) is not str or not _HEX.fullmatch(value):
        raise refuse(value, "a hexadecimal float, as 0x1.8p+0")
    try:
        return float.fromhex(value)
    except OverflowError:
        raise refuse(value, "a finite number") from None


def problem(value: object) -> str:
    """Read the name of a problem that is built in."""
    from tui_gd.problems import BUILTIN, SURFACES
    from tui_gd.problems.surfaces import TYPED

    if type(value) is not str or value not in {*BUILTIN, *SURFACES, TYPED}:
        raise refuse(value, "a problem that is built in (gd-tui problems)")
    return value


def hidden(value: object) -> tuple[int, ...]:
    """Read the units of the hidden layers."""
    layers: tuple[int, ...] = several(whole(1, 10_000), 0, 64)(value)
    inner = pairwise(layers)
    if sum((inputs + 1) * units for inputs, units in inner) > MOST_PARAMETERS:
        raise refuse(value, f"a network of at most {MOST_PARAMETERS} weights")
    return layers


def schedule(value: object) -> str:
    """Read the name of a schedule."""
    from tui_gd.learning.schedules import parse_schedule

    name: str = text(100)(value)
    parse_schedule(name, 100)
    return name


SETTINGS: Mapping[str, Reader] = {
    "problem": problem,
    "surface": text(1000),
    "epochs": whole(1, MOST_EPOCHS),
    "alpha": several(number(0, math.inf, above=True), 1, MOST_LANES),
    "optimizer": several(one_of(*OPTIMIZERS), 1, len(OPTIMIZERS)),
    "momentum": number(0, 1, below=True),
    "loss": one_of(*LOSSES),
    "hidden": hidden,
    "activation": one_of(*ACTIVATIONS),
    "batch_size": whole(0, MOST_EPOCHS),
    "schedule": schedule,
    "l1": number(0, math.inf),
    "l2": number(0, math.inf),
    "target_loss": number(-math.inf, math.inf),
    "gradient_norm": number(0, math.inf),
    "patience": whole(0, MOST_EPOCHS),
    "start": one_of(*STARTS),
    "seed": whole(0, MOST_SEED),
    "dtype": one_of("float64", "float32"),
    "test_size": number(0, 1, above=True, below=True),
    "split_seed": whole(0, MOST_SEED),
    "standardize": boolean,
    "samples": whole(0, MOST_EPOCHS),
    "noise": number(0, math.inf),
    "data_seed": whole(0, MOST_SEED),
    "classes": whole(0, MOST_EPOCHS),
}
"""The settings that a line may hold, and how each is read; all else belongs to files."""
