"""Diagnosis: how training goes, in one line with its numbers, and what to try.

Rules are asked in their order, and the first that applies is the verdict. They compare the ratios
of `tui_gd.learning.evidence` with the numbers below; none depends on the size of loss or data.
"""

from collections.abc import Callable, Sequence

import numpy as np

from tui_gd.learning import advice
from tui_gd.learning.evidence import HARDLY, WINDOW, Evidence, Facts
from tui_gd.learning.models import Floats
from tui_gd.learning.standstill import (
    FAR_BELOW,
    FEWEST_STEPS,
    IN_SIGHT,
    NO_BOWL,
    NO_CURVATURE,
    STRAIGHT,
    changed,
    flat,
    nowhere_down,
)
from tui_gd.learning.verdict import Found, Kind, Verdict
from tui_gd.learning.words import epochs, percent, ratio_of, signed

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
        return Kind.SADDLE, eigenvalues, advice.LEAVE_SADDLE
    none_lower = facts.evidence.convex or facts.evidence.lowest
    other = "" if none_lower else advice.MAY_END_LOWER
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
    doing = advice.FALLS_NOW if past else _out(facts)
    return Kind.DIVERGING, f"the loss {since}, {grown}{_limit(facts)}", doing


def _out(facts: Facts) -> str:
    """Advise to go back; from the start where a tenth of α would be too much still."""
    ratio = facts.evidence.ratio
    if ratio is None or ratio < FAR_ABOVE:
        return advice.GO_BACK
    return advice.begin_below(facts.evidence.learning_rate / ratio)


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
    return Kind.OVERFITTING, words, advice.back_to(epoch) if seen else advice.EARLIER


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
        return Kind.ZIGZAG, words + _limit(facts), advice.LOWER
    if facts.rises >= max(2, ROSE_SHARE * facts.steps):
        words = f"the loss rose in {facts.rises} of the last {facts.steps} epochs"
        return Kind.ZIGZAG, words + _limit(facts), advice.LOWER
    return None


def _beginning(facts: Facts) -> Found:
    if facts.steps >= FEWEST_STEPS:
        return None
    text = f"{epochs(facts.steps)}, too early to say{_limit(facts)}"
    return Kind.BEGINNING, text, advice.RUN


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
    way = advice.RAISE if abs(change) < SLOW * steps / WINDOW and _has_room(facts) else ""
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
        return Kind.FLAT, f"the loss does not change; ‖g‖ {facts.norm:.2g}", advice.RAISE
    return Kind.ZIGZAG, f"the loss rose at epoch {facts.epoch}{_limit(facts)}", advice.LOWER


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
