"""The share line: a run on built-in data as one line of text that repeats it on any machine.

The line is `gd1:` followed by URL-safe base 64 without padding. It encodes canonical JSON (sorted
keys, defaults left out), deflated, and then the first 4 bytes of the JSON's SHA-256. The JSON has
`settings` by option name, the viewed `epoch` and `lane`, `steps`, lists of a letter followed by
numbers and names, and the other fields of `Shared` by similar names. Floats have all their digits;
weights are hexadecimal floats.

A line may come from a stranger: it is read as numbers and names of known kinds within fixed limits,
never as code or as the name of a file.
"""

import base64
import hashlib
import json
import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from tui_gd.errors import ProblemError
from tui_gd.learning import LOSSES, OPTIMIZERS
from tui_gd.problems import BUILTIN, SURFACES
from tui_gd.problems.surfaces import TYPED
from tui_gd.runs.recipe import (
    BranchOff,
    ChangeRate,
    DrawStart,
    Drop,
    PutStart,
    Rename,
    Shared,
    Step,
    recipe,
)
from tui_gd.runs.record import RunRecord
from tui_gd.session import readers
from tui_gd.session.options import Scope, flag_of, options_of
from tui_gd.session.readers import MOST_LANES, Reader, refuse
from tui_gd.session.settings import RunSettings

T = TypeVar("T")

SHARED = (Scope.ANY, Scope.ROWS, Scope.MADE)
"""The scopes of the settings that a line holds."""
LONGEST_NAME = 64


def _check_built_in(name: str) -> None:
    """Raise `ValueError` if a problem is not built in."""
    if name not in {*BUILTIN, *SURFACES, TYPED}:
        error = refuse(name, "a problem that is built in (gd-tui problems)")
        raise ValueError(f"problem: {error}")


VERSION = "gd1:"
LONGEST_LINE = 20_000
LONGEST_JSON = 1 << 20
MOST_WEIGHTS = 64
CHECK_BYTES = 4
_SEED = readers.whole(0, readers.LARGEST_SEED)
_RATE = readers.number(0, above=True)
_KEYS = frozenset(
    {"settings", "epoch", "lane", "steps", "numbers", "rates", "seed", "goal", "stop"}
)


def share_line(run: RunRecord) -> str:
    """Return the line that repeats a run.

    `ProblemError` if its data come from a file, or if it starts at more than 64 weights that no
    seed draws.
    """
    settings = run.settings
    try:
        _check_built_in(settings.problem)
    except ValueError:
        raise ProblemError(
            f"{settings.problem}: its data come from a file; only built-in problems can be shared"
        ) from None
    shared = recipe(run)
    weights = sum(len(step.weights) for step in shared.steps if isinstance(step, PutStart))
    if weights > MOST_WEIGHTS:
        raise ProblemError(
            f"the run starts at {weights} given weights, and a share line holds at most"
            f" {MOST_WEIGHTS}: export its weights instead"
        )
    stop = None
    if shared.stop is not None:
        stopped_at, there = shared.stop
        stop = [None if math.isinf(stopped_at) else int(stopped_at), there]
    every = {
        "settings": _plain(shared.settings),
        "epoch": shared.epoch or None,
        "lane": shared.current or None,
        "steps": [_written(step) for step in shared.steps] or None,
        "numbers": shared.numbers or None,
        "rates": shared.rates or None,
        "seed": shared.seed,
        "goal": shared.goal,
        "stop": stop,
    }
    document = {name: value for name, value in every.items() if value is not None}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    code = packed(text, _check(text))
    if len(VERSION) + len(code) > LONGEST_LINE or len(text) > LONGEST_JSON:
        raise ProblemError(
            f"the run has {len(shared.steps)} changes, too many for a share line of"
            f" {LONGEST_LINE} characters: export it as a script instead"
        )
    return VERSION + code


def open_line(text: str) -> Shared:
    """Return the run of a share line, which `replay` repeats; `ProblemError` if it is damaged.

    White space is ignored, since mail programs break long lines.
    """
    line = "".join(text.split())
    if not line.startswith(VERSION):
        version = line.partition(":")[0][:10]
        raise ProblemError(f"share line of version {version}: this program opens gd1; update it")
    try:
        if len(line) > LONGEST_LINE:
            raise ValueError(f"it has {len(line)} characters; the limit is {LONGEST_LINE}")
        return _shared(_document(line.removeprefix(VERSION)))
    except (ValueError, ProblemError) as error:
        raise ProblemError(f"the share line cannot be opened: {error}") from None


def _check(text: bytes) -> bytes:
    return hashlib.sha256(VERSION.encode() + text).digest()[:CHECK_BYTES]


def packed(text: bytes, check: bytes) -> str:
    """Return a text, deflated and followed by `check`, in the URL-safe letters of base 64."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(text) + packer.flush() + check
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(code: str, check: Callable[[bytes], bytes], most: int) -> bytes:
    """Return the text in what `packed` returned; `ValueError` if it is damaged or too large.

    `check` returns the `CHECK_BYTES` bytes that follow a text, which has at most `most` bytes.
    """
    try:
        data = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj(-15)
        text = unpacker.decompress(data[:-CHECK_BYTES], most + 1)
    except (ValueError, zlib.error):
        raise ValueError("a character is wrong or missing; copy it whole, in quotes") from None
    if len(text) > most:
        raise ValueError(f"it unpacks to more than {most} characters")
    if not unpacker.eof or unpacker.unused_data or check(text) != data[-CHECK_BYTES:]:
        raise ValueError("its checksum is wrong; copy it whole, in quotes")
    return text


def _document(code: str) -> object:
    """Return the JSON document in a line; `ValueError` if it is damaged or too large."""
    text = unpacked(code, _check, LONGEST_JSON)
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise ValueError("it does not hold a run") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _shared(document: object) -> Shared:
    if not isinstance(document, dict):
        raise refuse(document, "a run")
    _check_keys(document, _KEYS)
    given = document.get("settings", {})
    if not isinstance(given, dict):
        raise refuse(given, "settings")
    options = options_of(RunSettings, *SHARED)
    _check_keys(given, options)
    values = {name: _read(name, options[name].reader, value) for name, value in given.items()}
    settings = RunSettings(**values)
    _check_built_in(settings.problem)
    if settings.surface is None and settings.problem == "surface":
        raise ValueError("a surface needs a formula")
    reader = _StepReader(len(settings.alpha) * len(settings.optimizer))
    steps = document.get("steps", [])
    if not isinstance(steps, list):
        raise refuse(steps, "a list of steps")
    read = tuple(map(reader.read, steps))
    epoch = _read("epoch", readers.whole(), document.get("epoch", 0))
    position = readers.whole(0, len(reader.open) - 1)
    return Shared(
        settings,
        read,
        epoch,
        _read("lane", position, document.get("lane", 0)),
        _numbers(document.get("numbers", []), len(reader.open)),
        tuple(_proposed(one, position) for one in _list(document.get("rates", []), "rates")),
        _read("seed", _SEED, document["seed"]) if "seed" in document else None,
        _read("goal", readers.whole(), document["goal"]) if "goal" in document else None,
        _stop(document["stop"]) if "stop" in document else None,
    )


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > 2 * MOST_LANES:
        raise refuse(value, f"a list of {name}")
    return value


def _numbers(value: object, lanes: int) -> tuple[int, ...]:
    """Read the numbers of lanes and that of the next one: all different, the last the greatest."""
    numbers = tuple(_read("numbers", readers.whole(), one) for one in _list(value, "numbers"))
    if numbers and (len(set(numbers)) != lanes + 1 or numbers[-1] != max(numbers)):
        raise ValueError(f"numbers: {ascii(value)[:40]} are not those of {lanes} lanes")
    return numbers


def _proposed(value: object, position: Reader[int]) -> tuple[int, float]:
    """Read a lane's position and a learning rate."""
    match value:
        case [lane, rate]:
            return _read("rates", position, lane), _read("rates", _RATE, rate)
    raise refuse(value, "a lane and a learning rate")


def _stop(value: object) -> tuple[float, bool]:
    """Read the epoch of a stop, null if there was none, and whether the run is still there."""
    match value:
        case [epoch, bool(there)]:
            return (math.inf if epoch is None else _read("stop", readers.whole(), epoch)), there
    raise refuse(value, "an epoch, or null, and true or false")


def _check_keys(given: dict[Any, Any], known: Any) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{ascii(name)[:40]} is not known here; update gd-tui")


def _read(name: str, reader: Reader[T], value: object) -> T:
    try:
        return reader.plain(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _plain(settings: RunSettings) -> dict[str, Any]:
    """Return the settings that differ from the defaults; `ProblemError` for one about files."""
    for name in settings.given(Scope.FILES):
        raise ProblemError(f"{flag_of(name)} is for data in a file, which cannot be shared")
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in settings.given(*SHARED).items()
    }


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
    """Reads steps in order and keeps track of the lanes that are open."""

    def __init__(self, lanes: int) -> None:
        self.open = list(range(lanes))
        self._made = lanes
        self._epoch = 0
        if lanes > MOST_LANES:
            raise ValueError(f"{lanes} lanes are more than {MOST_LANES}")

    def read(self, parts: object) -> Step:
        """Return the step of a JSON list; `ValueError` if it is invalid at this point."""
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
                return DrawStart(_SEED.plain(seed))
            case "w", lanes, weights:
                self._at_start()
                which = readers.several(Reader(self._lane), 1, MOST_LANES).plain(lanes)
                given = readers.several(readers.weight, 1, MOST_WEIGHTS).plain(weights)
                return PutStart(which, given)
            case "b", epoch, parent, *more if len(more) <= 3:
                return self._branch(epoch, parent, [*more, None, None, None])
            case "a", epoch, lane, rate:
                return ChangeRate(self._when(epoch), self._lane(lane), _RATE.plain(rate))
            case "x", epoch, lane:
                step = Drop(self._when(epoch), self._lane(lane))
                if len(self.open) == 1:
                    raise ValueError("the last lane cannot be closed")
                self.open.remove(step.lane)
                return step
            case "n", lane, name:
                return Rename(self._lane(lane), readers.text(LONGEST_NAME).plain(name))
        raise ValueError("is not known here; update gd-tui")

    def _branch(self, epoch: object, parent: object, more: Sequence[object]) -> Step:
        rate, optimizer, loss = more[:3]
        step = BranchOff(
            self._when(epoch),
            self._lane(parent),
            None if rate is None else _RATE.plain(rate),
            None if optimizer is None else readers.one_of(*OPTIMIZERS).plain(optimizer),
            None if loss is None else readers.one_of(*LOSSES).plain(loss),
        )
        if self._made == MOST_LANES:
            raise ValueError(f"more than {MOST_LANES} lanes")
        self.open.append(self._made)
        self._made += 1
        return step

    def _at_start(self) -> None:
        if self._epoch:
            raise ValueError("a start must come before later epochs")

    def _when(self, epoch: object) -> int:
        self._epoch = readers.whole(self._epoch).plain(epoch)
        return self._epoch

    def _lane(self, lane: object) -> int:
        found = readers.whole(0, self._made - 1).plain(lane)
        if found not in self.open:
            raise ValueError(f"lane {found} is closed")
        return found
