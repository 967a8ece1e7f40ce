"""Diagnosis: how training goes, in two sentences with their reason, and what to try.

Rules are asked in their order, and the first that applies gives the verdict. They compare the
ratios of `tui_gd.insight.evidence` with the numbers below; none depends on the size of loss or
data. A verdict names actions, never keys or commands: whoever shows it knows those.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from tui_gd.insight.evidence import HARDLY, WINDOW, Evidence, Facts
from tui_gd.learning.models import Floats


class Kind(StrEnum):
    """How training goes, in a word or two."""

    BEGINNING = "beginning"
    DESCENDING = "descending"
    NEARLY = "nearly there"
    MINIMUM = "minimum"
    BY_HEART = "by heart"
    ONE_CLASS = "one class"
    OVERFITTING = "overfitting"
    ZIGZAG = "zig-zagging"
    NOISY = "noisy batches"
    DIVERGING = "diverging"
    DIVERGED = "diverged"
    PLATEAU = "plateau"
    SATURATED = "saturated"
    SADDLE = "saddle"
    VALLEY = "valley"
    FLAT = "flat"


ACTIONS = (
    "run",
    "step",
    "help",
    "back",
    "go_to",
    "rescue",
    "reset",
    "new_start",
    "raise",
    "lower",
    "type_rate",
    "branch_with",
    "race_optimizers",
    "why",
    "report",
)
"""All actions that a verdict may name."""


@dataclass(frozen=True, slots=True)
class Try:
    """One thing to try, to be shown behind its key or command: `B branch with cross-entropy`.

    `action` is one of `ACTIONS`, or empty for what no key does. `short` are words for where there
    is little room. `argument` is what the action is given: an epoch for `go_to`, a learning rate
    for `rescue`, `loss NAME` or `optimizer NAME` for `branch_with`.
    """

    action: str
    words: str
    argument: str = ""
    short: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How training goes: what happens, why, and what to try, the most important first.

    `title` is the beginning of the first line, to be set off, and `text` the rest of it; together
    they have at most `LINE_CELLS` cells, as has `why`. `numbers` are names and values of all that
    the verdict rests on, NaN what is not known.
    """

    kind: Kind
    title: str
    text: str
    why: str = ""
    tries: tuple[Try, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()

    @property
    def line(self) -> str:
        """The first line: what happens."""
        return f"{self.title} {self.text}".strip()


LINE_CELLS = 76

Found = Verdict | None
"""What a rule finds; None where it does not apply."""


# Things to try

RUN, STEP, HELP = Try("run", "run"), Try("step", "one step"), Try("help", "help")
LARGER, SMALLER = Try("raise", "larger steps"), Try("lower", "smaller steps")
NUMBERS = Try("why", "the numbers behind this", short="the numbers")
OTHER_START = Try("new_start", "another start")
MAY_END_LOWER = Try("new_start", "another start may end lower", short="another start")
CROSS_ENTROPY = Try(
    "branch_with",
    "branch with cross-entropy, which has no such plateau",
    "loss cross-entropy",
    "with cross-entropy",
)
MOMENTUM = Try(
    "branch_with", "branch with momentum, which is faster here", "optimizer momentum", "momentum"
)
ALL_OPTIMIZERS = Try("race_optimizers", "race all optimizers from here", short="race optimizers")
REGULARIZE = Try("", "more data, or L2", short="more data, L2")


# Numbers as a verdict writes them


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


def times(factor: float) -> str:
    """Return how many times, to two digits.

    >>> times(3.04), times(1234.5), times(2.4e13)
    ('3', '1,200', '2.4e+13')
    """
    return f"{float(f'{factor:.2g}'):,g}" if factor < 1e6 else f"{factor:.2g}"


def ratio_of(a: float, b: float) -> float:
    """Return a/b, inf for b = 0, NaN for 0/0."""
    return a / b if b else (math.nan if not a else math.inf)


def rescue_rate(rate: float, limit: float | None) -> float:
    """Return the learning rate to go on with after steps that were too large.

    A tenth, or half of the largest safe one where that is known and lower: with half of it a step
    ends in the middle of a quadratic valley. To two digits, rounded down.
    """
    lower = rate / 10.0 if limit is None or not limit > 0.0 else min(rate / 10.0, limit / 2.0)
    if not 0.0 < lower < math.inf:
        return lower
    unit = 10.0 ** (math.floor(math.log10(lower)) - 1)
    found = float(f"{math.floor(lower / unit * (1.0 + 1e-9)) * unit:.2g}") if unit > 0.0 else lower
    return found or lower


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
# steps whose cosines all are above go straight on, and may be longer
STRAIGHT = 0.9
# shares of the samples that are saturated: the reason of a standstill, or a part of it
MOSTLY, PARTLY = 0.5, 0.2
# a step turned back where its cosine to the one before is below; so many of ten make a zig-zag
TURNED, TURNED_SHARE, ROSE_SHARE = -0.5, 0.6, 0.3
# a descent below this over the window is slow
SLOW = 1e-2
# how far a minimum may be, of the weights' length: to be it, to be all but it
NEAR, AT = 1e-3, 1e-6
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
                return replace(found, numbers=facts.numbers())
    raise AssertionError("the last rule always applies")


# What has ended


def _diverged(facts: Facts) -> Found:
    if not facts.evidence.diverged:
        return None
    what = facts.evidence.overflow or "The next update is not finite"
    return Verdict(
        Kind.DIVERGED,
        f"Blown up at epoch {facts.epoch}.",
        "The numbers left what a computer can hold.",
        f"{what}. The last good weights are kept.",
        _ways_out(facts),
    )


def _ways_out(facts: Facts) -> tuple[Try, ...]:
    rate = facts.evidence.learning_rate
    lower = rescue_rate(rate, facts.limit)
    rescue = Try(
        "rescue", f"back 10 epochs with α {lower:g}", f"{lower:g}", f"back with α {lower:g}"
    )
    if facts.limit is None:
        return (rescue,)
    return (rescue, Try("type_rate", f"an α below {facts.limit:.2g}"))


# Where nothing is left to gain


def _settled(facts: Facts) -> bool:
    """Whether so little is left to gain that it does not matter how the steps turn."""
    known = facts.evidence.along is not None and facts.distance < AT
    return facts.still or (facts.hardly_changes and (known or facts.slope < AT))


def _bottom(facts: Facts) -> Found:
    if facts.nothing_left:
        return _minimum(facts, "Nothing is left to gain.")
    return _stationary(facts) if _settled(facts) else None


def _minimum(facts: Facts, text: str) -> Verdict:
    none_lower = facts.evidence.convex or facts.evidence.lowest or facts.nothing_left
    tries = () if none_lower else (MAY_END_LOWER,)
    return Verdict(Kind.MINIMUM, "At a minimum.", text, _rows_right(facts), tries)


def _stationary(facts: Facts) -> Found:
    """Minimum or saddle: near where the gradient vanishes, by curvature that is known."""
    smallest, largest = facts.evidence.smallest, facts.evidence.largest
    if smallest is None or largest is None or not facts.distance < NEAR:
        return None
    if not (facts.hardly_changes or facts.still):
        return None
    if largest <= facts.doubt or facts.bowl < NO_BOWL:
        return None
    if not nowhere_down(facts):
        return Verdict(
            Kind.SADDLE,
            "On a saddle.",
            "Flat here, but downhill in one direction.",
            "Plain descent needs long to find it.",
            (MOMENTUM, OTHER_START),
        )
    sure = "every direction leads uphill" if facts.evidence.exact else "no way down was found"
    return _minimum(facts, f"The gradient is zero and {sure}.")


# What gets worse


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
    grown = f"by {signed(facts.loss - float(facts.train[turn]))}"
    if facts.evidence.floor and factor >= MANIFOLD:
        grown = f"to {factor:.3g} times as much"
    since = f"since epoch {facts.epoch - steps}" if turn or not facts.first else "all the time"
    # the rises are past where α was lowered since
    if facts.evidence.following < facts.loss and not facts.above_limit:
        return Verdict(
            Kind.DIVERGING,
            "It went up.",
            f"The loss rose {since}, {grown}; with this α it falls.",
            "The steps that were too large are past.",
            (RUN, Try("reset", "again from the start with this α", short="again")),
        )
    return Verdict(
        Kind.DIVERGING,
        "Going up.",
        "Each step leaps over the valley and lands higher.",
        _limit(facts) or f"The loss has risen {since}, {grown}.",
        _ways_out(facts),
    )


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
    back = Try("go_to", f"back to epoch {epoch}", f"{epoch}") if seen else Try("back", "go back")
    return Verdict(
        Kind.OVERFITTING,
        "Test rows get worse",
        f"{when} ({percent(rise)}) while train rows get better.",
        _rows_right(facts) or f"The train loss changed by {percent(fall)} meanwhile.",
        (back, REGULARIZE),
    )


def _zigzag(facts: Facts) -> Found:
    if _settled(facts) or facts.steps < FEWEST_STEPS:
        return None
    count = len(facts.cosines)
    turned = int((facts.cosines < TURNED).sum())
    if count >= FEWEST_STEPS and turned >= TURNED_SHARE * count:
        why = f"{turned} of the last {count} steps turned back"
        if facts.change < 0.0:
            why += f"; the loss still {fell(facts, facts.steps)}"
        return _overshoots(facts, f"{why}.")
    if facts.rises >= max(2, ROSE_SHARE * facts.steps):
        return _overshoots(
            facts, f"The loss rose in {facts.rises} of the last {facts.steps} epochs."
        )
    return None


def _overshoots(facts: Facts, why: str) -> Verdict:
    text = "Each step overshoots the valley and the next one turns back."
    return Verdict(Kind.ZIGZAG, "Zig-zag.", text, _limit(facts) or why, (SMALLER,))


# What stands still


def flat(facts: Facts) -> Found:
    """Saturated, plateau, or flat where it is not known why; not where a minimum is in sight."""
    evidence = facts.evidence
    saturated = evidence.saturated is not None and evidence.saturated >= MOSTLY
    level = facts.slope < (SATURATED_SLOPE if saturated else FLAT_SLOPE)
    level &= facts.steps >= FEWEST_STEPS or facts.slope < 0.1 * FLAT_SLOPE
    if not (facts.still or (level and facts.hardly_changes)):
        return None
    if evidence.saturated is not None and saturated and level:
        hardly = (
            "squared error hardly feels them" if evidence.squared_sigmoid else "they hardly pull"
        )
        way = (CROSS_ENTROPY,) if evidence.squared_sigmoid else ()
        return Verdict(
            Kind.SATURATED,
            "Stuck on a plateau.",
            _wrong_yet_still(facts),
            f"For {share(evidence.saturated)} of rows p is so near 0 or 1 that {hardly}.",
            (*way, OTHER_START, NUMBERS),
        )
    if facts.still and not level:
        return Verdict(
            Kind.FLAT,
            "Standing still:",
            "the step is smaller than the computer can add.",
            "A step below 1e-13 of the weights is lost in their rounding.",
            (LARGER,),
        )
    return _flat_by_curvature(facts)


def _wrong_yet_still(facts: Facts) -> str:
    outcome = facts.evidence.outcome
    if outcome is None or not outcome.rows:
        return "The loss stands still, and no minimum is near."
    wrong = 1.0 - outcome.right / outcome.rows
    many = "Half" if 0.48 <= wrong <= 0.52 else share(wrong)
    return f"{many} of the rows are wrong, yet the loss stands still."


def _flat_by_curvature(facts: Facts) -> Found:
    # where the curvature would not do more than the slope does, there is no bowl to be near to
    if facts.distance >= IN_SIGHT or facts.bowl < NO_BOWL or facts.along < 0.0:
        return _valley(facts) or _plateau(facts, "Flat ground, but no minimum near.")
    if facts.evidence.smallest is None or not facts.distance < IN_SIGHT or facts.still:
        return Verdict(
            Kind.FLAT,
            "Standing still:",
            "it may be a minimum, a saddle or a plateau.",
            "Only the curvature of the loss can tell, and it is not known here.",
            (NUMBERS,) if facts.evidence.convex else (OTHER_START, NUMBERS),
        )
    if not nowhere_down(facts):
        return _plateau(facts, "Flat ground, near a saddle.")
    return None


def _plateau(facts: Facts, text: str) -> Verdict:
    why = "The gradient is next to zero, so the steps are too."
    return Verdict(Kind.PLATEAU, "Stuck on a plateau.", text, why, _off_the_plateau(facts))


def _valley(facts: Facts) -> Found:
    """Slow along the floor of a valley: g keeps to the direction in which the loss curves least."""
    smallest, largest = facts.evidence.smallest, facts.evidence.largest
    if smallest is None or largest is None or not len(facts.cosines):
        return None
    steep = ratio_of(largest, abs(facts.along))
    straight = bool((facts.cosines > STRAIGHT).all())
    along_floor = abs(facts.along - smallest) <= FLOOR * abs(smallest)
    if not (straight and along_floor and facts.bowl >= WALLS and NARROW <= steep < np.inf):
        return None
    return Verdict(
        Kind.VALLEY,
        "Creeping along a narrow valley.",
        f"The sides are {times(steep)} times steeper than the floor.",
        "α has to suit the sides, so the floor is slow.",
        (LARGER, MOMENTUM) if facts.far_below_limit else (MOMENTUM, ALL_OPTIMIZERS),
    )


def nowhere_down(facts: Facts) -> bool:
    """Whether the loss is known to curve down in no direction."""
    smallest = facts.evidence.smallest
    return smallest is not None and smallest >= -facts.doubt


def _off_the_plateau(facts: Facts) -> tuple[Try, ...]:
    evidence = facts.evidence
    if evidence.squared_sigmoid and (evidence.saturated is None or evidence.saturated > PARTLY):
        return (CROSS_ENTROPY, OTHER_START, NUMBERS)
    # below 0 the loss falls the faster, the farther one goes
    if facts.along < 0.0 or facts.far_below_limit:
        return (LARGER, MOMENTUM, OTHER_START)
    return (MOMENTUM, OTHER_START)


# What goes on


def _beginning(facts: Facts) -> Found:
    if facts.steps >= FEWEST_STEPS:
        return None
    tries = (RUN, STEP, SMALLER if facts.above_limit else HELP)
    if facts.epoch:
        text = f"{epochs(facts.epoch)} are too few to say how it goes on."
        text = text.replace("1 epoch are", "1 epoch is")
        why = _limit(facts) or _rows_right(facts)
        return Verdict(Kind.BEGINNING, "Just begun.", text, why, tries)
    text, outcome = "The weights are those of the start.", facts.evidence.outcome
    if outcome is not None and outcome.rows:
        wrong = f"{outcome.rows - outcome.right} of {outcome.rows} {outcome.which} rows are wrong"
        text = f"{text[:-1]}: {wrong}."
    why = _limit(facts) or "Each epoch moves every weight one step against its gradient."
    return Verdict(Kind.BEGINNING, "Not started.", text, why, tries)


def _descending(facts: Facts) -> Found:
    """Descending over the window, or since the last time that the loss rose."""
    steps = facts.steps
    if not facts.change < 0.0:
        rose = np.flatnonzero(np.diff(facts.train) > 0.0)
        steps = len(facts.train) - 2 - int(rose[-1]) if len(rose) else 0
    change = facts.change_since(len(facts.train) - 1 - steps)
    if steps < 2 or not change < 0.0:
        return None
    if facts.hardly_changes and facts.distance < IN_SIGHT and nowhere_down(facts):
        return Verdict(
            Kind.NEARLY,
            "Nearly there.",
            "A minimum is close; what is left to gain is small.",
            f"The loss {fell(facts, steps)} in the last {epochs(steps)}.",
            () if facts.evidence.convex else (OTHER_START,),
        )
    where = f"in the last {epochs(steps)}"
    if steps < facts.steps:
        where = f"since epoch {facts.epoch - steps}, after a rise"
    slow = abs(change) < SLOW * steps / WINDOW and _has_room(facts)
    return Verdict(
        Kind.DESCENDING,
        "Learning.",
        f"The loss {fell(facts, steps)} {where}.",
        _limit(facts) or _rows_right(facts),
        (_larger(facts),) if slow else (),
    )


def fell(facts: Facts, steps: int) -> str:
    """Say by how much the loss fell over the last steps, or from what to what."""
    before = float(facts.train[-1 - steps])
    if facts.evidence.floor:
        return f"fell by {share(-facts.change_since(len(facts.train) - 1 - steps))}"
    return f"fell from {before:.6g} to {facts.loss:.6g}".replace("-", "−")


def _larger(facts: Facts) -> Try:
    ratio = facts.evidence.ratio
    if not ratio:
        return LARGER
    words = f"larger steps: α is {times(1.0 / ratio)} times below the largest safe one"
    return replace(LARGER, words=words, short=LARGER.words)


def _has_room(facts: Facts) -> bool:
    """Whether a larger α promises more: far below its limit, or the direction does not turn."""
    if facts.evidence.ratio is not None:
        return facts.far_below_limit
    return len(facts.cosines) > 0 and bool((facts.cosines > STRAIGHT).all())


def _else(facts: Facts) -> Found:
    if not facts.change:
        why = f"The gradient is {facts.norm:.2g} long."
        return Verdict(Kind.FLAT, "Standing still:", "the loss does not change.", why, (LARGER,))
    return _overshoots(facts, f"The loss rose at epoch {facts.epoch}.")


def _rows_right(facts: Facts) -> str:
    outcome = facts.evidence.outcome
    if outcome is None or not outcome.rows:
        return ""
    return f"{outcome.right} of {outcome.rows} {outcome.which} rows are right."


def _limit(facts: Facts) -> str:
    """Say how far α is above its limit, if it is."""
    ratio = facts.evidence.ratio
    if ratio is None or facts.limit is None or not facts.above_limit:
        return ""
    return f"α is {times(ratio)} times the largest safe value ({facts.limit:.3g})."


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
