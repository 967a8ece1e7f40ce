"""Diagnosis: how training goes, in one line with its numbers, and what to try.

Rules are asked in their order, and the first that applies is the verdict. They compare the ratios
of `tui_gd.insight.evidence` with the numbers below; none depends on the size of loss or data.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tui_gd.insight.evidence import HARDLY, WINDOW, Evidence, Facts
from tui_gd.learning.models import Floats

# What a verdict advises, in words that leave open by which key or command it is done.

RUN = "{run} to train, or {step} for one epoch"
GO_BACK = "{rescue} to go back with α/10"
FALLS_NOW = "{run} or {reset}: with this α the loss falls"
LOWER, RAISE = "{lower} to lower α", "{raise} to raise α"
OTHER_START = "{new_start} for another start"
MAY_END_LOWER = "{new_start}: another start may end lower"
CROSS_ENTROPY = "{choose_loss} for cross-entropy: it has no such plateau"
MOMENTUM = "{choose_optimizer} for momentum or adam: faster here"
LEAVE_SADDLE = "{choose_optimizer} for momentum, or {new_start} for another start"
EARLIER = "{back} to go back"

DOINGS = (
    "run",
    "step",
    "back",
    "rescue",
    "reset",
    "new_start",
    "raise",
    "lower",
    "type_rate",
    "choose_loss",
    "choose_optimizer",
    "go_to",
)
"""All that can stand in braces."""


def back_to(epoch: int) -> str:
    """Advise to go back to an epoch."""
    return f"{{go_to}} to go back to epoch {epoch}"


def begin_below(rate: float) -> str:
    """Advise to begin again with a learning rate below `rate`."""
    return f"{{reset}} to begin again, {{type_rate}} for an α below {rate:.2g}"


# What a verdict is: a kind in one word, a text, an advice, and the numbers that it rests on.


class Kind(StrEnum):
    """How training goes, in one word."""

    BEGINNING = "beginning"
    DESCENDING = "descending"
    ZIGZAG = "zig-zagging"
    DIVERGING = "diverging"
    DIVERGED = "diverged"
    PLATEAU = "plateau"
    VALLEY = "valley"
    SATURATED = "saturated"
    FLAT = "flat"
    SADDLE = "saddle"
    MINIMUM = "minimum"
    OVERFITTING = "overfitting"


@dataclass(frozen=True)
class Verdict:
    """The verdict: `text` begins with the kind; `advice` is as in that module, or empty.

    `numbers` are names and values of all that it rests on, NaN what is not known.
    """

    kind: Kind
    text: str
    advice: str
    numbers: tuple[tuple[str, float], ...] = ()


Found = tuple[Kind, str, str] | None
"""What a rule finds: kind, text without it, advice; None where the rule does not apply."""


# Numbers as a verdict on a run writes them.


def epochs(count: int) -> str:
    """Return `1 epoch`, `2 epochs`."""
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def signed(value: float) -> str:
    """Return a number to two digits with a true minus.

    >>> signed(-0.5), signed(12345.0)
    ('−0.5', '1.2e+04')
    """
    return f"{value:.2g}".replace("-", "−", 1) if value < 0 else f"{value:.2g}"


def percent(change: float) -> str:
    """Return a change in per cent with its sign.

    >>> percent(-0.032), percent(2.5), percent(0.0)
    ('−3.2 %', '+250 %', '±0 %')
    """
    sign = "−" if change < 0 else "+" if change > 0 else "±"
    return sign + share(abs(change))


def share(value: float) -> str:
    """Return a share in per cent, to two digits; near the whole, to two digits of what is missing.

    >>> share(0.4), share(0.9983), share(1.0), share(2.5)
    ('40 %', '99.83 %', '100 %', '250 %')
    """
    size = value * 100.0
    if 99.0 < size < 100.0:
        return f"{100.0 - float(f'{100.0 - size:.2g}'):.12g} %"
    return f"{size:.0f} %" if 99.0 < size < 1e5 else f"{size:.2g} %"


def ratio_of(a: float, b: float) -> float:
    """Return a/b, inf for b = 0, NaN for 0/0."""
    return a / b if b else (math.nan if not a else math.inf)


# Rules for what hardly moves: saturated, on a plateau, in a valley, or flat.

# fewer steps than these say nothing of how it goes on
FEWEST_STEPS = 3
# where the slope is below, the place is flat (where most samples are saturated, the slope comes
# from the few others); where the bowl is, there is none
FLAT_SLOPE, SATURATED_SLOPE, NO_BOWL = 0.05, 0.3, 1e-2
# how far a minimum may be, of the weights' length, to be in sight
IN_SIGHT = 0.1
# a valley: across it the loss curves so many times as much as along it, its sides would add so much
# of the loss to it, and along g it curves as it does where it does least, but for such a share
NARROW, WALLS, FLOOR = 20.0, 0.5, 0.25
# eigenvalues are found to some 1e-8 of the largest, more where features are large
NO_CURVATURE = 1e-5
# α so far below its limit: a larger one promises more
FAR_BELOW = 0.3
# steps whose cosines all are above go straight on, and may be longer
STRAIGHT = 0.9
# shares of the samples that are saturated: the reason of a standstill, or a part of it
MOSTLY, PARTLY = 0.5, 0.2


def flat(facts: Facts) -> Found:
    """Saturated, plateau, or flat where it is not known why; not where a minimum is in sight."""
    evidence = facts.evidence
    saturated = evidence.saturated is not None and evidence.saturated >= MOSTLY
    level = facts.slope < (SATURATED_SLOPE if saturated else FLAT_SLOPE)
    level &= facts.steps >= FEWEST_STEPS or facts.slope < 0.1 * FLAT_SLOPE
    if not (facts.still or (level and facts.hardly_changes)):
        return None
    now = f"‖g‖ {facts.norm:.2g}"
    if facts.steps and facts.hardly_changes:
        now = f"{changed(facts, facts.steps)} in {epochs(facts.steps)}, {now}"
    if evidence.saturated is not None and saturated and level:
        way = CROSS_ENTROPY if evidence.squared_sigmoid else OTHER_START
        told = f"{share(evidence.saturated)} of the samples have p near 0 or 1"
        return Kind.SATURATED, f"{told}; {now}", way
    if facts.still and not level:
        return Kind.FLAT, f"a step is lost in the rounding of the weights; {now}", RAISE
    return _flat_by_curvature(facts, now)


def _flat_by_curvature(facts: Facts, now: str) -> Found:
    # where the curvature would not do more than the slope does, there is no bowl to be near to
    if facts.distance >= IN_SIGHT or facts.bowl < NO_BOWL or facts.along < 0.0:
        return _valley(facts, now) or (
            Kind.PLATEAU,
            f"{now}, no minimum near",
            _off_the_plateau(facts),
        )
    if facts.evidence.smallest is None or not facts.distance < IN_SIGHT or facts.still:
        way = "" if facts.evidence.convex else OTHER_START
        return Kind.FLAT, f"{now}: it may be a minimum, a saddle or a plateau", way
    if not nowhere_down(facts):
        return Kind.PLATEAU, f"{now}, near a saddle", _off_the_plateau(facts)
    return None


def _valley(facts: Facts, now: str) -> Found:
    """Slow along the floor of a valley: g keeps to the direction in which the loss curves least."""
    smallest, largest = facts.evidence.smallest, facts.evidence.largest
    if smallest is None or largest is None or not len(facts.cosines):
        return None
    steep = ratio_of(largest, abs(facts.along))
    straight = bool((facts.cosines > STRAIGHT).all())
    along_floor = abs(facts.along - smallest) <= FLOOR * abs(smallest)
    if not (straight and along_floor and facts.bowl >= WALLS and NARROW <= steep < np.inf):
        return None
    ratio = facts.evidence.ratio
    way = RAISE if ratio is not None and ratio < FAR_BELOW else MOMENTUM
    times = f"{float(f'{steep:.2g}'):,.0f}"
    return Kind.VALLEY, f"{now}; curves {times} times as much across as along", way


def nowhere_down(facts: Facts) -> bool:
    """Whether the loss curves down in no direction, as far as that can be told."""
    smallest = facts.evidence.smallest
    return smallest is not None and smallest >= -NO_CURVATURE * facts.curvature


def _off_the_plateau(facts: Facts) -> str:
    evidence = facts.evidence
    if evidence.squared_sigmoid and (evidence.saturated is None or evidence.saturated > PARTLY):
        return CROSS_ENTROPY
    # below 0 the loss falls the faster, the farther one goes
    if facts.along < 0.0 or (evidence.ratio is not None and evidence.ratio < FAR_BELOW):
        return RAISE
    return MOMENTUM


def changed(facts: Facts, steps: int) -> str:
    """Say how the loss changed over the last steps: by what share, or from what to what."""
    before = float(facts.train[-1 - steps])
    if facts.evidence.floor:
        return f"loss {percent(facts.change_since(len(facts.train) - 1 - steps))}"
    return f"loss {before:.6g} → {facts.loss:.6g}".replace("-", "−")


# a step turned back where its cosine to the one before is below; so many of ten make a zig-zag
TURNED, TURNED_SHARE, ROSE_SHARE = -0.5, 0.6, 0.3
# a descent below this over the window is slow
SLOW = 1e-2
# how far a minimum may be, of the weights' length: to be it, to be all but it
NEAR, AT = 1e-3, 1e-6
# α so far above its limit: a tenth is too much still
FAR_ABOVE = 9.0
# a run diverges where so many of its last steps rise, or where two alone rise by such a factor;
# from the other factor on the growth is told as one
RISING_SHARE, RISEN, MANIFOLD = 0.8, 1.5, 2.0
OVERFITTING_EPOCHS, OVERFITTING_RISE = 10, 5e-3


def diagnose(evidence: Evidence) -> Verdict:
    """Return how training goes at the last of the epochs: the first rule that applies.

    The order: what has ended; where nothing is left to gain; what gets worse; what stands still;
    and only then what descends.
    """
    with np.errstate(all="ignore"):
        facts = Facts(evidence)
        for rule in _RULES:
            found = rule(facts)
            if found:
                kind, text, way = found
                return Verdict(kind, f"{kind}: {text}", way, facts.numbers())
    raise AssertionError("the last rule always applies")


def _diverged(facts: Facts) -> Found:
    if not facts.evidence.diverged:
        return None
    what = facts.evidence.overflow or "the next update is not finite"
    return Kind.DIVERGED, what, _out(facts)


def _settled(facts: Facts) -> bool:
    """Whether so little is left to gain that it does not matter how the steps turn."""
    known = facts.evidence.along is not None and facts.distance < AT
    return facts.still or (facts.hardly_changes and (known or facts.slope < AT))


def _bottom(facts: Facts) -> Found:
    if facts.nothing_left:
        return Kind.MINIMUM, f"loss {facts.loss:.2g}: nothing left to gain", ""
    return _stationary(facts) if _settled(facts) else None


def _stationary(facts: Facts) -> Found:
    """Minimum or saddle: near where the gradient vanishes, by curvature that is known."""
    smallest, largest = facts.evidence.smallest, facts.evidence.largest
    if smallest is None or largest is None or not facts.distance < NEAR:
        return None
    if not (facts.hardly_changes or facts.still):
        return None
    eigenvalues = f"‖g‖ {facts.norm:.2g}, curvature from {signed(smallest)} to {signed(largest)}"
    if largest <= NO_CURVATURE * facts.curvature or facts.bowl < NO_BOWL:
        return None
    if not nowhere_down(facts):
        return Kind.SADDLE, eigenvalues, LEAVE_SADDLE
    none_lower = facts.evidence.convex or facts.evidence.lowest
    other = "" if none_lower else MAY_END_LOWER
    sure = "nothing left to gain" if facts.evidence.exact else "none found that is negative"
    return Kind.MINIMUM, f"{eigenvalues}, {sure}", other


def _diverging(facts: Facts) -> Found:
    if _settled(facts):
        return None
    turn, steps, ups = _turn(facts.train)
    factor = ratio_of(facts.loss, float(facts.train[turn]))
    enough = steps >= FEWEST_STEPS and ups >= RISING_SHARE * min(steps, WINDOW)
    if not enough and not (ups == steps == 2 and factor > RISEN):
        return None
    if not facts.evidence.plain and turn and facts.loss < facts.train[:turn].max():
        return None  # what has a memory, or a batch's noise, swings without diverging
    seen = turn or not facts.first
    since = f"has risen since epoch {facts.epoch - steps}" if seen else f"rose for {steps} epochs"
    grown = f"by {signed(facts.loss - float(facts.train[turn]))}"
    if facts.evidence.floor and factor >= MANIFOLD:
        grown = f"to {factor:.3g} times as much"
    # the rises are past where α was lowered since
    past = facts.evidence.following < facts.loss and not _limit(facts)
    doing = FALLS_NOW if past else _out(facts)
    return Kind.DIVERGING, f"the loss {since}, {grown}{_limit(facts)}", doing


def _out(facts: Facts) -> str:
    """Advise to go back; from the start where a tenth of α would be too much still."""
    ratio = facts.evidence.ratio
    if ratio is None or ratio < FAR_ABOVE:
        return GO_BACK
    return begin_below(facts.evidence.learning_rate / ratio)


def _turn(losses: Floats) -> tuple[int, int, int]:
    """Return where losses were least before they rose, the steps since, the rises of the last."""
    turn = max(0, len(losses) - 1 - WINDOW)
    turn += int(np.argmin(losses[turn:]))
    while turn and losses[turn - 1] < losses[turn]:
        turn -= 1
    steps = len(losses) - 1 - turn
    return turn, steps, int((np.diff(losses[turn:])[-WINDOW:] > 0.0).sum())


def _overfitting(facts: Facts) -> Found:
    test = facts.test
    if not np.isfinite(test[-1]) or not facts.evidence.floor or _settled(facts):
        return None
    test = np.where(np.isfinite(test), test, np.inf)
    turn = len(test) - 1 - int(np.argmin(test[::-1]))
    steps = len(test) - 1 - turn
    since = np.diff(test[turn:])
    if steps < OVERFITTING_EPOCHS or facts.first + turn == 0 or (since > 0.0).mean() < TURNED_SHARE:
        return None
    rise, fall = ratio_of(float(test[-1]), float(test[turn])) - 1.0, facts.change_since(turn)
    if not (rise > OVERFITTING_RISE and fall < -HARDLY):
        return None
    epoch = facts.epoch - steps
    seen = turn or not facts.first
    when = f"since epoch {epoch}" if seen else f"in the last {steps} epochs"
    words = f"test loss {percent(rise)} {when}, training loss {percent(fall)}"
    return Kind.OVERFITTING, words, back_to(epoch) if seen else EARLIER


def _zigzag(facts: Facts) -> Found:
    if _settled(facts) or facts.steps < FEWEST_STEPS:
        return None
    count = len(facts.cosines)
    turned = int((facts.cosines < TURNED).sum())
    if count >= FEWEST_STEPS and turned >= TURNED_SHARE * count:
        middle = float(np.median(facts.cosines))
        words = f"{turned} of the last {count} steps turned back (cos {signed(middle)})"
        if facts.change < 0.0 and not _limit(facts):
            words += f", {changed(facts, facts.steps)}"
        return Kind.ZIGZAG, words + _limit(facts), LOWER
    if facts.rises >= max(2, ROSE_SHARE * facts.steps):
        words = f"the loss rose in {facts.rises} of the last {facts.steps} epochs"
        return Kind.ZIGZAG, words + _limit(facts), LOWER
    return None


def _beginning(facts: Facts) -> Found:
    if facts.steps >= FEWEST_STEPS:
        return None
    text = f"{epochs(facts.steps)}, too early to say{_limit(facts)}"
    return Kind.BEGINNING, text, RUN


def _descending(facts: Facts) -> Found:
    """Descending over the window, or since the last time that the loss rose."""
    steps = facts.steps
    if not facts.change < 0.0:
        rose = np.flatnonzero(np.diff(facts.train) > 0.0)
        steps = len(facts.train) - 2 - int(rose[-1]) if len(rose) else 0
    change = facts.change_since(len(facts.train) - 1 - steps)
    if steps < 2 or not change < 0.0:
        return None
    where = f"in the last {epochs(steps)}"
    if steps < facts.steps:
        where = f"since epoch {facts.epoch - steps}, after a rise"
    way = RAISE if abs(change) < SLOW * steps / WINDOW and _has_room(facts) else ""
    if facts.hardly_changes and facts.distance < IN_SIGHT and nowhere_down(facts):
        where += ", a minimum in sight"
    return Kind.DESCENDING, f"{changed(facts, steps)} {where}{_limit(facts)}", way


def _has_room(facts: Facts) -> bool:
    """Whether a larger α promises more: far below its limit, or the direction does not turn."""
    ratio = facts.evidence.ratio
    if ratio is not None:
        return ratio < FAR_BELOW
    return len(facts.cosines) > 0 and bool((facts.cosines > STRAIGHT).all())


def _else(facts: Facts) -> Found:
    if not facts.change:
        return Kind.FLAT, f"the loss does not change; ‖g‖ {facts.norm:.2g}", RAISE
    return Kind.ZIGZAG, f"the loss rose at epoch {facts.epoch}{_limit(facts)}", LOWER


_RULES: Sequence[Callable[[Facts], Found]] = (
    _diverged,
    _bottom,
    _diverging,
    _overfitting,
    _zigzag,
    _stationary,
    flat,
    _beginning,
    _descending,
    _else,
)


def _limit(facts: Facts) -> str:
    """Say how far α is above its limit, if it is."""
    ratio = facts.evidence.ratio
    return f"; α is {ratio:.3g} times its limit" if ratio is not None and ratio > 1.0 else ""
