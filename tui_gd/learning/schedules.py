"""Schedules: the factor of the learning rate as a function of the epoch.

`schedule(epoch)` is the factor for the updates from `epoch` to `epoch + 1`, so the first one is
`schedule(0)`; torch's `last_epoch` counts the same way. It depends on the epoch only and is kept
within `LEAST` … `GREATEST`. A schedule for a number of epochs keeps its last factor after them.
"""

from collections.abc import Callable
from math import cos, isfinite, pi, sin

Schedule = Callable[[int], float]

LEAST, GREATEST = 1e-300, 1e300

# the defaults of torch.optim.lr_scheduler.OneCycleLR
CYCLE_RISE = 0.3  # of the epochs
CYCLE_START = 1 / 25.0
CYCLE_END = CYCLE_START / 1e4

SCHEDULES = (
    "constant",
    "step:EVERY:FACTOR",
    "exponential:FACTOR",
    "inverse:POWER",
    "cosine",
    "one-cycle",
    "warmup:N+SCHEDULE",
)
"""How schedules are written."""


def constant(_epoch: int) -> float:
    """`1`."""
    return 1.0


def step(every: int, factor: float) -> Schedule:
    """`factor^⌊epoch / every⌋`.

    Source: torch.optim.lr_scheduler.StepLR.
    """
    return lambda epoch: _power(factor, epoch // every)


def exponential(factor: float) -> Schedule:
    """`factor^epoch`; a factor above 1 tries larger and larger learning rates.

    Source: torch.optim.lr_scheduler.ExponentialLR.
    """
    return lambda epoch: _power(factor, epoch)


def inverse(power: float) -> Schedule:
    """`1 / t^power`, `t = epoch + 1`.

    Source: scikit-learn's `learning_rate="invscaling"`, `eta = eta0 / pow(t, power_t)`, whose t
    counts samples (SGDClassifier, MLPClassifier); here t counts epochs.
    """
    return lambda epoch: _power(epoch + 1.0, -power)


def cosine(epochs: int) -> Schedule:
    """`(1 + cos(π·epoch / epochs)) / 2`.

    It reaches 0 after the last of `epochs` epochs, when no update is left, and stays there.
    Source: torch.optim.lr_scheduler.CosineAnnealingLR with `T_max=epochs`; Loshchilov and Hutter,
    "SGDR", 2017, without restarts.
    """

    def factor(epoch: int) -> float:
        left = max(1, epochs - epoch)
        # equal to sin², which keeps its digits where 1 + cos(…) cancels
        return float(max(LEAST, sin(pi * left / (2 * max(1, epochs))) ** 2))

    return factor


def one_cycle(epochs: int) -> Schedule:
    """From 1/25 up to 1 at epoch `0.3·epochs − 1`, then down to 1/250000, by half cosines.

    The run's learning rate is the largest one. Unlike torch, the momentum does not change. With
    fewer than 4 epochs there is no rise, as with torch.
    Source: torch.optim.lr_scheduler.OneCycleLR with `total_steps=epochs` and its defaults; Smith
    and Topin, "Super-Convergence", 2018.
    """
    top = CYCLE_RISE * epochs - 1.0
    last = max(0, epochs - 1)

    def between(begin: float, end: float, part: float) -> float:
        return end + (begin - end) / 2.0 * (1.0 + cos(pi * part))

    def factor(epoch: int) -> float:
        if epoch >= last:
            return CYCLE_END
        if epoch <= top:
            return between(CYCLE_START, 1.0, epoch / top)
        return between(1.0, CYCLE_END, (epoch - top) / (last - top))

    return factor


def warmup(length: int, then: Schedule) -> Schedule:
    """`(epoch + 1) / length` in the first `length` epochs, after them `then(epoch − length)`.

    Source: torch.optim.lr_scheduler.SequentialLR of `LinearLR(start_factor=1/length,
    total_iters=length − 1)` and another; Goyal et al., "Accurate, Large Minibatch SGD", 2017.
    """
    return lambda epoch: (epoch + 1) / length if epoch < length else then(epoch - length)


def parse_schedule(text: str, epochs: int) -> Schedule:
    """Return the schedule that `text` names (see `SCHEDULES`) for a run of `epochs` epochs.

    What follows a warm-up of N epochs has `epochs − N` epochs. `ValueError`, in one line, if `text`
    names none.

    >>> parse_schedule("warmup:4+step:30:0.1", epochs=100)(0)
    0.25
    """
    text = text.strip()
    warm, _, rest = text.partition("+")
    match warm.split(":"):
        case "warmup", length if rest and not rest.strip().startswith("warmup"):
            return warmup(_whole(text, "N", length), parse_schedule(rest, epochs - int(length)))
    schedule: Schedule
    match text.split(":"):
        case ["constant"]:
            schedule = constant
        case "step", every, factor:
            schedule = step(_whole(text, "EVERY", every), _number(text, "FACTOR", factor))
        case "exponential", factor:
            schedule = exponential(_number(text, "FACTOR", factor))
        case "inverse", power:
            schedule = inverse(_number(text, "POWER", power))
        case ["cosine"]:
            schedule = cosine(epochs)
        case ["one-cycle"]:
            schedule = one_cycle(epochs)
        case _:
            raise ValueError(f"schedule {text!r} is none of: {', '.join(SCHEDULES)}")
    return schedule


def _power(base: float, exponent: float) -> float:
    """Return `base^exponent` for a base above 0, within `LEAST` … `GREATEST`."""
    try:
        return float(min(GREATEST, max(LEAST, base**exponent)))
    except OverflowError:
        return GREATEST


def _whole(text: str, what: str, number: str) -> int:
    try:
        value = int(number)
    except ValueError:
        value = 0
    if value < 1:
        raise ValueError(f"schedule {text!r}: {what} is a whole number from 1, not {number!r}")
    return value


def _number(text: str, what: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    if not (value > 0.0 and isfinite(value)):
        raise ValueError(f"schedule {text!r}: {what} is a number above 0, not {number!r}")
    return value
