"""The share line: a run as one line of plain text, which repeats it wherever its data are built in.

`gd1:` and then, in the URL-safe letters of base 64 without padding: the canonical JSON of settings
and steps (sorted keys, only what is not usual), deflated, and the first 4 bytes of its SHA-256.
The JSON has `settings` by the names of the options, `epoch` and `lane` that were looked at, and
`steps`, each a list: a letter, then numbers and names. Floats have all their digits; weights are
hexadecimal floats.

A line may come from anybody: what it says is read as numbers and names of a few kinds within fixed
limits, and never as code, nor as the name of a file.
"""

import base64
import hashlib
import json
import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any, NoReturn

from tui_gd.errors import ProblemError
from tui_gd.learning.names import ACTIVATIONS, LOSSES, OPTIMIZERS, STARTS
from tui_gd.runs.exported import Exported
from tui_gd.runs.recipe import recipe
from tui_gd.runs.steps import (
    BranchOff,
    ChangeRate,
    DrawStart,
    Drop,
    PutStart,
    Rename,
    Shared,
    Step,
    replay,
)
from tui_gd.session.settings import RunSettings

# How what a share line says is read: every value of a known kind, and within limits.

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


__all__ = ["Shared", "open_line", "replay", "share_line"]

VERSION = "gd1:"
LONGEST_LINE = 20_000
LONGEST_JSON = 1 << 20
MOST_WEIGHTS = 64
CHECK_BYTES = 4


def share_line(exported: Exported) -> str:
    """Return the line that repeats a run.

    `ProblemError` if its data are in a file, or if it starts at more than 64 numbers that no seed
    gives.
    """
    settings = exported.settings
    try:
        problem(settings.problem)
    except ValueError:
        raise ProblemError(
            f"{settings.problem}: its data are in a file: only built-in problems can be shared"
        ) from None
    shared = recipe(exported)
    weights = sum(len(step.weights) for step in shared.steps if isinstance(step, PutStart))
    if weights > MOST_WEIGHTS:
        raise ProblemError(
            f"the run starts at {weights} weights of its own: a share line takes {MOST_WEIGHTS};"
            " export its weights instead"
        )
    document: dict[str, Any] = {"settings": _plain(shared.settings)}
    if shared.epoch:
        document["epoch"] = shared.epoch
    if shared.current:
        document["lane"] = shared.current
    if shared.steps:
        document["steps"] = [_written(step) for step in shared.steps]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(text) + packer.flush()
    code = base64.urlsafe_b64encode(packed + _check(text)).rstrip(b"=").decode()
    if len(VERSION) + len(code) > LONGEST_LINE or len(text) > LONGEST_JSON:
        raise ProblemError(
            f"the run has {len(shared.steps)} changes: more than a share line of"
            f" {LONGEST_LINE} characters takes"
        )
    return VERSION + code


def open_line(text: str) -> Shared:
    """Return the run of a share line, to be repeated by `replay`; `ProblemError` if it is broken.

    White space, as where a mail has broken the line, is left out.
    """
    line = "".join(text.split())
    if not line.startswith(VERSION):
        version = line.partition(":")[0][:10]
        raise ProblemError(f"share line of version {version}: this program opens gd1; update it")
    if len(line) > LONGEST_LINE:
        _refuse(f"it has {len(line)} characters, and {LONGEST_LINE} are the most")
    document = _document(line.removeprefix(VERSION))
    try:
        return _shared(document)
    except (ValueError, ProblemError) as error:
        _refuse(str(error))


def _refuse(why: str) -> NoReturn:
    raise ProblemError(f"the share line cannot be opened: {why}")


def _check(text: bytes) -> bytes:
    return hashlib.sha256(VERSION.encode() + text).digest()[:CHECK_BYTES]


def _document(code: str) -> object:
    """Return the object in a line; `ProblemError` if it is damaged or too large."""
    try:
        data = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj(-15)
        text = unpacker.decompress(data[:-CHECK_BYTES], LONGEST_JSON + 1)
    except (ValueError, zlib.error):
        _refuse("a character is wrong or missing; copy it whole, in quotes")
    if len(text) > LONGEST_JSON:
        _refuse(f"it unpacks to more than {LONGEST_JSON} characters")
    if not unpacker.eof or unpacker.unused_data or _check(text) != data[-CHECK_BYTES:]:
        _refuse("its checksum is wrong; copy it whole, in quotes")
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        _refuse("it does not hold a run")


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _shared(document: object) -> Shared:
    if not isinstance(document, dict):
        raise refuse(document, "a run")
    _check_keys(document, {"settings", "epoch", "lane", "steps"})
    given = document.get("settings", {})
    if not isinstance(given, dict):
        raise refuse(given, "settings")
    _check_keys(given, SETTINGS)
    values = {name: _read(name, SETTINGS[name], value) for name, value in given.items()}
    settings = RunSettings(**values)
    if settings.surface is None and settings.problem == "surface":
        raise ValueError("a surface needs a formula")
    reader = _StepReader(len(settings.alpha) * len(settings.optimizer))
    steps = document.get("steps", [])
    if not isinstance(steps, list):
        raise refuse(steps, "a list of steps")
    read = tuple(map(reader.read, steps))
    epoch = _read("epoch", whole(0, MOST_EPOCHS), document.get("epoch", 0))
    current = _read("lane", whole(0, len(reader.open) - 1), document.get("lane", 0))
    return Shared(settings, read, epoch, current)


def _check_keys(given: dict[Any, Any], known: Any) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{ascii(name)[:40]} is not known here; update gd-tui")


def _read(name: str, reader: Reader, value: object) -> Any:
    try:
        return reader(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _plain(settings: RunSettings) -> dict[str, Any]:
    """Return the settings that are not usual; `ProblemError` for one that belongs to files."""
    plain = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value == field.default:
            continue
        if field.name not in SETTINGS:
            option = field.name.replace("_", "-")
            raise ProblemError(f"--{option} is for data in a file, which cannot be shared")
        plain[field.name] = list(value) if isinstance(value, tuple) else value
    return plain


# Steps


def _written(step: Step) -> list[Any]:
    match step:
        case DrawStart(seed):
            return ["s", seed]
        case PutStart(lanes, weights):
            return ["w", list(lanes), [number.hex() for number in weights]]
        case BranchOff(epoch, parent, rate, optimizer, loss):
            parts: list[Any] = ["b", epoch, parent, rate, optimizer, loss]
            while parts[-1] is None:
                parts.pop()
            return parts
        case ChangeRate(epoch, lane, rate):
            return ["a", epoch, lane, rate]
        case Drop(epoch, lane):
            return ["x", epoch, lane]
        case Rename(lane, name):
            shown = "".join(letter for letter in name if letter.isprintable())
            return ["n", lane, shown[:LONGEST_NAME]]


class _StepReader:
    """Reads steps one after the other, and knows which lanes there are then."""

    def __init__(self, lanes: int) -> None:
        self.open = list(range(lanes))
        self._made = lanes
        self._epoch = 0
        if lanes > MOST_LANES:
            raise ValueError(f"{lanes} lanes are more than {MOST_LANES}")

    def read(self, parts: object) -> Step:
        """Return a step as JSON gives it; `ValueError` if it is none that can be done here."""
        try:
            if isinstance(parts, list) and parts:
                return self._step(parts[0], parts[1:])
        except ValueError as error:
            raise ValueError(f"step {ascii(parts)[:40]}: {error}") from None
        raise refuse(parts, "a step")

    def _step(self, kind: object, parts: Sequence[object]) -> Step:
        match kind, *parts:
            case "s", seed:
                self._at_start()
                return DrawStart(whole(0, MOST_SEED)(seed))
            case "w", lanes, weights:
                self._at_start()
                which = several(self._lane, 1, MOST_LANES)(lanes)
                return PutStart(which, several(weight, 1, MOST_WEIGHTS)(weights))
            case "b", epoch, parent, *more if len(more) <= 3:
                return self._branch(epoch, parent, [*more, None, None, None])
            case "a", epoch, lane, rate:
                return ChangeRate(self._when(epoch), self._lane(lane), _rate(rate))
            case "x", epoch, lane:
                step = Drop(self._when(epoch), self._lane(lane))
                if len(self.open) == 1:
                    raise ValueError("the last lane cannot be closed")
                self.open.remove(step.lane)
                return step
            case "n", lane, name:
                return Rename(self._lane(lane), text(LONGEST_NAME)(name))
        raise ValueError("is not known here; update gd-tui")

    def _branch(self, epoch: object, parent: object, more: Sequence[object]) -> Step:
        rate, optimizer, loss = more[:3]
        step = BranchOff(
            self._when(epoch),
            self._lane(parent),
            None if rate is None else _rate(rate),
            None if optimizer is None else one_of(*OPTIMIZERS)(optimizer),
            None if loss is None else one_of(*LOSSES)(loss),
        )
        if self._made == MOST_LANES:
            raise ValueError(f"more than {MOST_LANES} lanes")
        self.open.append(self._made)
        self._made += 1
        return step

    def _at_start(self) -> None:
        if self._epoch:
            raise ValueError("a start comes before all else")

    def _when(self, epoch: object) -> int:
        self._epoch = whole(self._epoch, MOST_EPOCHS)(epoch)
        return self._epoch

    def _lane(self, lane: object) -> int:
        found: int = whole(0, self._made - 1)(lane)
        if found not in self.open:
            raise ValueError(f"lane {found} is closed")
        return found


_rate = number(0, float("inf"), above=True)
