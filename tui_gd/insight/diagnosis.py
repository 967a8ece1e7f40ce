"""Diagnosis: the rules that recognise how training goes.

The rules take their turn in order, and the first one that applies gives the verdict. They compare
the ratios of `tui_gd.insight.evidence` with the numbers below. None depends on the size of the loss
or of the data.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tui_gd.insight.evidence import HARDLY, WINDOW, Evidence, Facts
from tui_gd.insight.verdict import (
    ALL_OPTIMIZERS,
    CROSS_ENTROPY,
    HELP,
    HOLD,
    LARGER,
    LARGER_BATCHES,
    MAY_END_LOWER,
    MEMORY,
    MOMENTUM,
    NUMBERS,
    OTHER_START,
    REGULARIZE,
    REPORT,
    RUN,
    SMALLER,
    STEP,
    Kind,
    Try,
    Verdict,
    epochs,
    held,
    percent,
    ratio_of,
    share,
    signed,
    times,
)
from tui_gd.learning.models import Floats

Found = Verdict | None
"""The result of a rule; None if it does not apply."""

FEWEST_STEPS = 3
"""Fewer steps do not show how training goes."""
RESCUE_EPOCHS = 10
"""A rescue goes back at least this many epochs."""
AT, NEARLY = 1e-6, 1e-2
"""The possible gain at a minimum, and close to one, as shares of the loss."""
TRUSTED = 0.5
"""A quadratic is trusted if a step gained at least this share of what it promises."""
FLAT_SLOPE, SATURATED_SLOPE = 0.05, 0.3
"""The slope on flat ground; if most rows are saturated, it comes from the few others."""
NEAR, IN_SIGHT = 1e-3, 0.1
"""The distance, in lengths of the weights, to a point without gradient: here, or in sight."""
NARROW, WALLS, FLOOR = 20.0, 0.5, 0.25
"""A valley: the loss curves at least `NARROW` times as much across as along.

The sides would add `WALLS` of the loss, and the curvature along g is the smallest, within `FLOOR`.
"""
NO_BOWL = 1e-2
"""If the curvature would add less than this share of the loss, there is no saddle either."""
STRAIGHT, TURNED = 0.9, -0.5
"""Cosines of steps that go straight on, and of steps that turn back."""
TURNED_SHARE, ROSE_SHARE = 0.6, 0.3
"""Steps overshoot if this share of the last ones turns back, or the loss rises in this share."""
FALLS_FAST = -0.5
"""A loss that changes by this or less over the window falls, even if it rises in between."""
NOISE = -0.1
"""If a mean loss changes by less from window to window, the batches move it up and down."""
MOSTLY, PARTLY, WRONG = 0.5, 0.2, 0.05
"""Shares of rows: saturated as the reason of a standstill, or as a part of it; wrong among them."""
SLOW = 1e-2
"""A loss that falls by less than this share over the window falls slowly."""
RISING_SHARE, RISEN, MANIFOLD = 0.8, 1.5, 2.0
"""A run goes up if this share of its last steps rise, or if two alone rise by `RISEN`.

From the factor `MANIFOLD` on, growth is given as a factor.
"""
RISING_EPOCHS = 20
"""A run that goes up is above its loss of this many epochs ago."""
OVERFITTING_EPOCHS, OVERFITTING_RISE, OF_ALL_GAINED = 8, 5e-3, 1e-2
"""Overfitting: epochs since the least test loss, and its rise over it and over its whole fall."""
MANY_TIMES, BADLY = 100.0, 0.3
"""Learned by heart: the test rows' loss as a multiple of the train rows', and its least size.

Both losses are shares of the best constant's loss.
"""
RARE = 0.2
"""A class with fewer than this share of the rows is rare."""
GROWS = -0.05
"""If the loss falls faster than this over the window, it may soon leave the one class."""


_STANDING = {Kind.MINIMUM, Kind.SADDLE, Kind.PLATEAU, Kind.SATURATED, Kind.FLAT}


def diagnose(evidence: Evidence) -> Verdict:
    """Return how training goes at the last epoch, by the kind that has held.

    A kind that has held for fewer than `HOLD` epochs is not shown yet; the verdict is then the last
    one of the kind before. A run that has only begun, or is over, is shown as such at once.
    """
    with np.errstate(all="ignore"):
        now = judge(evidence)
        shown = now
        if now.kind not in {Kind.DIVERGED, Kind.BEGINNING}:
            before = [judge(evidence, back) for back in _backs(evidence, 1, HOLD)]
            if any(one.kind is not now.kind for one in before):
                before += [judge(evidence, back) for back in _backs(evidence, HOLD, MEMORY)]
                shown = held([*reversed(before), now])
            if shown.kind is Kind.DIVERGING and _is_rescued(evidence):
                shown = now
        return replace(shown, numbers=Facts(evidence).numbers())


def _is_rescued(evidence: Evidence) -> bool:
    """Whether α was lowered, or the loss fell, and the next step lowers the loss too."""
    lowered = evidence.learning_rate < evidence.last_rate
    fell = len(evidence.train) > 1 and evidence.train[-1] < evidence.train[-2]
    return bool(evidence.following < evidence.train[-1] and (lowered or fell))


def _backs(evidence: Evidence, begin: int, stop: int) -> range:
    """Return how many epochs to look back, but only as far as the loss is known."""
    known = np.isfinite(evidence.train[::-1])
    depth = len(known) if known.all() else int(np.argmin(known))
    return range(begin, min(stop, depth))


def going(verdict: Verdict) -> str:
    """Return in a few words what the loss does, so that they agree with the verdict.

    If the verdict says that nothing moves, a loss that hardly changes "stands still". If the loss
    moves again before the verdict changes, return an empty text.
    """
    change = dict(verdict.numbers)["change of the loss"]
    if verdict.kind in _STANDING:
        return "stands still" if abs(change) < HARDLY else ""
    if not change:
        return "stands still"
    return f"{'hardly ' * (abs(change) < HARDLY)}{'falls' if change < 0.0 else 'rises'}"


def judge(evidence: Evidence, back: int = 0) -> Verdict:
    """Return the verdict `back` epochs before the last, regardless of earlier ones; no numbers."""
    facts = Facts(evidence, back)
    found = (rule(facts) for rule in _RULES)
    return next(verdict for verdict in found if verdict)  # the last rule always applies


# What has ended


def _diverged(facts: Facts) -> Found:
    if not facts.evidence.diverged or facts.back:
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
    evidence, limit = facts.evidence, facts.limit
    rate = evidence.learning_rate / (evidence.factor or 1.0)
    lower = rescue_rate(rate, limit, evidence.factor)
    goal = rescue_epoch(evidence.first, evidence.train)
    words = f"back to epoch {goal} with α {lower:g}"
    rescue = Try("rescue", words, f"{goal} {lower:g}", f"back with α {lower:g}")
    if limit is None:
        return (rescue,)
    return (
        rescue,
        Try("type_learning_rate", f"an α below {limit / max(evidence.factor, 1.0):.2g}"),
    )


def rescue_epoch(first: int, train: Floats) -> int:
    """Return the epoch to go back to after steps that were too large.

    `train` (epochs,) are the losses from epoch `first` on; the last one is that of now. If the loss
    is more than twice its least value, go back to the epoch of that value, but in any case at least
    `RESCUE_EPOCHS` back. No epoch is before `first`.
    """
    epoch = first + len(train) - 1
    usual = max(first, epoch - RESCUE_EPOCHS)
    if not np.isfinite(train).any():
        return usual
    lowest = int(np.nanargmin(train))
    return min(usual, first + lowest) if train[-1] > 2.0 * train[lowest] else usual


def rescue_rate(rate: float, limit: float | None, factor: float = 1.0) -> float:
    """Return the learning rate to try after steps that were too large.

    It is a tenth of the rate, or half of the largest safe one if that is known and lower: with half
    of it, a step ends in the middle of a quadratic valley. A schedule's `factor` above 1 makes it
    smaller still. It has two digits, rounded down.
    """
    lower = rate / 10.0
    if limit is not None and limit > 0.0:
        lower = min(lower, limit / max(factor, 1.0) / 2.0)
    if not 0.0 < lower < math.inf:
        return lower
    unit = 10.0 ** (math.floor(math.log10(lower)) - 1)
    found = float(f"{math.floor(lower / unit * (1.0 + 1e-9)) * unit:.2g}") if unit > 0.0 else lower
    return found or lower


# Where nothing is left to gain


def _settled(facts: Facts) -> bool:
    """Whether so little is left to gain that the turns of the steps do not matter."""
    if facts.curves_up and facts.left <= AT:
        return True
    if facts.gained > AT:
        return False
    stays = facts.still or (facts.evidence.along is not None and facts.distance < AT)
    return stays or (facts.hardly_changes and facts.slope < AT)


def _bottom(facts: Facts) -> Found:
    if facts.nothing_left:
        return _minimum(facts, "Nothing is left to gain.")
    return _stationary(facts) if _settled(facts) else None


def _stationary(facts: Facts) -> Found:
    """Minimum or saddle: a point without gradient and with known curvature."""
    smallest, largest = facts.evidence.smallest, facts.evidence.largest
    if smallest is None or largest is None:
        return None
    if facts.curves_up:
        if not facts.left <= AT:
            return None
        sure = "every direction leads uphill" if smallest > facts.doubt else "no way leads down"
        return _minimum(facts, f"The gradient is zero and {sure}.")
    here = facts.distance < NEAR and (facts.hardly_changes or facts.still)
    if facts.nowhere_down or not here or largest <= facts.doubt or facts.bowl < NO_BOWL:
        return None
    if facts.escapes < (NEARLY if facts.evidence.floor else AT):
        return None
    return Verdict(
        Kind.SADDLE,
        "On a saddle.",
        "Flat here, but downhill in one direction.",
        "Plain descent needs long to find it.",
        (MOMENTUM, OTHER_START),
    )


def _minimum(facts: Facts, text: str) -> Verdict:
    none_lower = facts.evidence.convex or facts.evidence.lowest or facts.nothing_left
    tries = () if none_lower else (MAY_END_LOWER,)
    verdict = Verdict(Kind.MINIMUM, "At a minimum.", text, _how_well(facts), tries)
    return _not_well(facts) or verdict


def _not_well(facts: Facts) -> Found:
    """Return why the loss, falling or at its lowest, is not all that matters."""
    return _one_class(facts) or _by_heart(facts)


def _one_class(facts: Facts) -> Found:
    outcome = facts.evidence.outcome
    only = None if outcome is None else outcome.only_class
    if outcome is None or only is None:
        return None
    common = outcome.true[only] / outcome.rows
    if common < 1.0 - RARE and facts.change < GROWS * facts.steps / WINDOW:
        return None  # the boundary may be on its way
    names = facts.evidence.class_names
    name = _quoted(names[only] if only < len(names) else str(only))
    others = [index for index, count in enumerate(outcome.true) if count and index != only]
    missed = outcome.rows - outcome.true[only]
    if len(others) == 1 and others[0] < len(names):
        missing = f"0 of {missed} rows of {_quoted(names[others[0]])} found"
    else:
        missing = f"none of the {len(others)} other classes found"
    if common >= 1.0 - RARE:
        why = f"Most rows are {name}, so saying it always is cheap."
    else:
        why = f"{missed} of {outcome.rows} {outcome.which} rows are wrong."
    tries = (
        *((CROSS_ENTROPY,) if facts.evidence.squared_sigmoid else ()),
        REPORT,
        *(() if facts.evidence.convex else (OTHER_START,)),
    )
    return Verdict(
        Kind.ONE_CLASS,
        f"Predicts {name} for every row.",
        f"{share(common)} right, and {missing}.",
        why,
        tries,
    )


def _by_heart(facts: Facts) -> Found:
    evidence, test = facts.evidence, float(facts.test[-1])
    train_share, test_share = facts.loss / evidence.constant, test / evidence.test_constant
    if not (test_share > BADLY and test_share > MANY_TIMES * train_share):
        return None
    return Verdict(
        Kind.BY_HEART,
        "Learned by heart.",
        f"Train loss {facts.loss:.3g}, but {evidence.held_out} loss {test:.3g}.",
        _how_well(facts) or "The model repeats the train rows and knows nothing of others.",
        (REGULARIZE, REPORT),
    )


# What gets worse


def _diverging(facts: Facts) -> Found:
    if _settled(facts):
        return None
    turn, steps, ups = _turn(facts.train)
    factor = ratio_of(facts.loss, float(facts.train[turn]))
    enough = steps >= FEWEST_STEPS and ups >= RISING_SHARE * min(steps, WINDOW)
    if not enough and not (ups == steps == 2 and factor > RISEN):
        return None
    plain = facts.evidence.plain and facts.evidence.full_batch
    if not plain and turn and facts.loss < facts.train[:turn].max():
        return None  # momentum and the noise of batches swing without diverging
    grown = f"by {signed(facts.loss - float(facts.train[turn]))}"
    if facts.evidence.floor and factor >= MANIFOLD:
        grown = f"to {factor:.3g} times as much"
    since = f"since epoch {facts.epoch - steps}" if turn or not facts.first else "all the time"
    # the next step is known, whatever was found some epochs before
    if facts.following < facts.loss:
        return _coming_down(f"It has risen {since}, {grown}.")
    before = float(facts.train[max(0, len(facts.train) - 1 - RISING_EPOCHS)])
    too_large = facts.above_limit or (facts.evidence.ratio is None and factor >= RISEN)
    if not (facts.above_start or (too_large and (facts.loss > before or factor >= RISEN))):
        return None
    return Verdict(
        Kind.DIVERGING,
        "Going up.",
        "Each step leaps over the valley and lands higher.",
        _limit(facts) or f"The loss has risen {since}, {grown}.",
        _ways_out(facts),
    )


def _coming_down(why: str) -> Verdict:
    """Return the verdict after α was lowered: the steps that were too large are over."""
    text = "The loss was rising; with this α the next step lowers it."
    return Verdict(Kind.DESCENDING, "Coming down.", text, why, (RUN, STEP))


def _turn(losses: Floats) -> tuple[int, int, int]:
    """Return where the losses were lowest before they rose, the steps since, and recent rises."""
    turn = max(0, len(losses) - 1 - WINDOW)
    turn += int(np.argmin(losses[turn:]))
    while turn and losses[turn - 1] < losses[turn]:
        turn -= 1
    steps = len(losses) - 1 - turn
    return turn, steps, int((np.diff(losses[turn:])[-WINDOW:] > 0.0).sum())


def _overfitting(facts: Facts) -> Found:
    test, evidence = facts.test, facts.evidence
    if not np.isfinite(test[-1]) or not evidence.floor or _settled(facts):
        return None
    test = np.where(np.isfinite(test), test, np.inf)
    turn = len(test) - 1 - int(np.argmin(test[::-1]))
    steps = len(test) - 1 - turn
    since = np.diff(test[turn:])
    if steps < OVERFITTING_EPOCHS or facts.first + turn == 0 or (since > 0.0).mean() < TURNED_SHARE:
        return None
    least, now = float(test[turn]), float(test[-1])
    rise, fall = ratio_of(now, least) - 1.0, facts.change_since(turn)
    if not evidence.full_batch:  # the least of noisy losses is low by chance
        least, now = _around(test, turn), _around(test, len(test) - 1)
        rise = ratio_of(now, least) - 1.0
        fall = ratio_of(_around(facts.train, len(test) - 1), _around(facts.train, turn)) - 1.0
    if not (rise > OVERFITTING_RISE and fall < -HARDLY):
        return None
    right = evidence.outcome.right if evidence.outcome else None
    fewer = evidence.best_right is not None and right is not None and right < evidence.best_right
    if now - least <= OF_ALL_GAINED * (evidence.start_test - least) and not fewer:
        return None
    if wrong := _one_class(facts):
        return wrong
    epoch = facts.epoch - steps
    seen = turn or not facts.first
    when = f"since epoch {epoch}" if seen else f"in the last {steps} epochs"
    back = (
        Try("go_to", f"back to epoch {epoch}", f"{epoch}")
        if seen
        else Try("step_back(10)", "go back")
    )
    return Verdict(
        Kind.OVERFITTING,
        f"{evidence.held_out.capitalize()} rows get worse",
        f"{when} ({percent(rise)}) while train rows get better.",
        _how_well(facts) or f"The train loss changed by {percent(fall)} meanwhile.",
        (back, REGULARIZE),
    )


def _around(losses: Floats, index: int) -> float:
    """Return the mean of the losses at most two epochs away, as far as there are any."""
    return float(losses[max(0, index - 2) : index + 3].mean())


def _zigzag(facts: Facts) -> Found:
    if _settled(facts) or facts.steps < FEWEST_STEPS:
        return None
    count = len(facts.cosines)
    turned = int((facts.cosines < TURNED).sum())
    full_batch = facts.evidence.full_batch
    if full_batch and count >= FEWEST_STEPS and turned >= TURNED_SHARE * count:
        why = f"{turned} of the last {count} steps turned back"
        if facts.change < 0.0:
            why += f"; the loss still {fell(facts, facts.steps)}"
        return _overshoots(facts, f"{why}.")
    return _up_and_down(facts) if facts.rises >= max(2, ROSE_SHARE * facts.steps) else None


def _up_and_down(facts: Facts) -> Found:
    full_batch = facts.evidence.full_batch
    if full_batch and facts.change <= FALLS_FAST:
        return None
    rose = f"The loss rose in {facts.rises} of the last {facts.steps} epochs."
    if full_batch:
        return _overshoots(facts, rose)
    last, before = facts.train[-WINDOW:], facts.train[-2 * WINDOW : -WINDOW]
    trend = float(last.mean() / before.mean()) - 1.0 if len(before) else facts.change
    if trend <= NOISE:
        return None
    return Verdict(
        Kind.NOISY,
        "Up and down with the batches.",
        "Each batch pulls another way.",
        rose,
        (SMALLER, LARGER_BATCHES),
    )


def _overshoots(facts: Facts, why: str) -> Verdict:
    text = "Each step overshoots the valley and the next one turns back."
    return Verdict(Kind.ZIGZAG, "Zig-zag.", text, _limit(facts) or why, (SMALLER,))


# What stands still


def flat(facts: Facts) -> Found:
    """Plateau, valley, or flat without a known reason; none of them close to a minimum."""
    if _nearly(facts):
        return None
    level = facts.slope < FLAT_SLOPE and not facts.gained >= FLAT_SLOPE
    level &= facts.steps >= FEWEST_STEPS or facts.slope < 0.1 * FLAT_SLOPE
    slow = -SLOW < facts.change < 0.0 and not facts.far_below_limit
    if not (facts.still or facts.hardly_changes):
        return _valley(facts) if slow and facts.steps == WINDOW else None
    if facts.still and not level:
        return _lost(facts)
    return _valley(facts) or (_flat_by_curvature(facts) if level else None)


def _lost(facts: Facts) -> Verdict:
    why = "A step below 1e-13 of the weights is lost in their rounding."
    if facts.evidence.factor < 0.1:
        why = f"The schedule multiplies α by {facts.evidence.factor:.2g}."
    text = "the step is smaller than the computer can add."
    return Verdict(Kind.FLAT, "Standing still:", text, why, (LARGER,))


def _saturated(facts: Facts) -> Found:
    """Rows are wrong and hardly pull, since p is next to 0 or 1, whatever the curvature is."""
    evidence = facts.evidence
    if evidence.saturated is None or evidence.saturated < MOSTLY:
        return None
    if not (facts.still or facts.hardly_changes) or facts.gained >= SATURATED_SLOPE:
        return None
    too_early = facts.steps < FEWEST_STEPS and not facts.slope < 0.1 * FLAT_SLOPE
    if too_early or _too_small_steps(facts):
        return None
    wrong = evidence.stuck
    if wrong is None:
        if not facts.slope < SATURATED_SLOPE:
            return None
        text = "The loss stands still, and no minimum is near."
    elif wrong >= WRONG:
        if outcome := evidence.outcome:
            wrong = 1.0 - outcome.right / outcome.rows
        many = "Half" if 0.48 <= wrong <= 0.52 else share(wrong)
        text = f"{many} of the rows are wrong, yet the loss stands still."
    else:
        return None
    squared = evidence.squared_sigmoid
    hardly = "squared error hardly feels them" if squared else "they hardly pull"
    return Verdict(
        Kind.SATURATED,
        "Stuck on a plateau.",
        text,
        f"For {share(evidence.saturated)} of rows p is so near 0 or 1 that {hardly}.",
        (*((CROSS_ENTROPY,) if squared else ()), OTHER_START, NUMBERS),
    )


def _too_small_steps(facts: Facts) -> bool:
    """Whether only α keeps the loss still: the ground is steep, and a step found a way down."""
    downhill = facts.slope >= SATURATED_SLOPE and facts.gained >= FLAT_SLOPE
    return facts.hardly_changes and downhill and facts.far_below_limit


def _flat_by_curvature(facts: Facts) -> Found:
    smallest = facts.evidence.smallest
    if (
        facts.distance >= IN_SIGHT
        or facts.along < 0.0
        or (facts.curves_up and facts.evidence.exact)
    ):
        return _plateau(facts, "Flat ground, but no minimum near.")
    if smallest is None or not facts.distance < IN_SIGHT or facts.still:
        return Verdict(
            Kind.FLAT,
            "Standing still:",
            "it may be a minimum, a saddle or a plateau.",
            "Only the curvature of the loss can tell, and it is not known here.",
            (NUMBERS,) if facts.evidence.convex else (OTHER_START, NUMBERS),
        )
    if not facts.nowhere_down:
        return _plateau(facts, "Flat ground, near a saddle.")
    return None


def _plateau(facts: Facts, text: str) -> Verdict:
    why = "The gradient is next to zero, so the steps are too."
    if facts.no_better:
        why = "So far the model is no better than saying the same for every row."
    return Verdict(Kind.PLATEAU, "Stuck on a plateau.", text, why, _off_the_plateau(facts))


def _valley(facts: Facts) -> Found:
    """Slow along the floor of a valley, where the loss curves far less than across it."""
    smallest, largest = facts.evidence.smallest, facts.evidence.largest
    if smallest is None or largest is None or not len(facts.cosines):
        return None
    steep = ratio_of(largest, abs(facts.along))
    straight = bool((facts.cosines > STRAIGHT).all())
    if not (straight and NARROW <= steep < np.inf and _floor_leads_down(facts, smallest)):
        return None
    return Verdict(
        Kind.VALLEY,
        "Creeping along a narrow valley.",
        f"The sides are {times(steep)} times steeper than the floor.",
        "α has to suit the sides, so the floor is slow.",
        (LARGER, MOMENTUM) if facts.far_below_limit else (MOMENTUM, ALL_OPTIMIZERS),
    )


def _floor_leads_down(facts: Facts, smallest: float) -> bool:
    """Whether there is much to gain along the floor, between sides that are steep for its height.

    Either a step has found it, or the gradient has the direction of the least curvature.
    """
    if facts.curves_up and facts.gained >= NEARLY:
        return True
    along_floor = abs(facts.along - smallest) <= FLOOR * abs(smallest)
    return along_floor and facts.bowl >= WALLS


def _off_the_plateau(facts: Facts) -> tuple[Try, ...]:
    evidence = facts.evidence
    if evidence.squared_sigmoid and (evidence.saturated is None or evidence.saturated > PARTLY):
        return (CROSS_ENTROPY, OTHER_START, NUMBERS)
    # where the loss curves down, it falls faster the farther one goes
    if facts.along < 0.0 or facts.far_below_limit:
        return (LARGER, MOMENTUM, OTHER_START)
    return (MOMENTUM, OTHER_START)


# What goes on


def _beginning(facts: Facts) -> Found:
    if facts.steps >= FEWEST_STEPS:
        return None
    tries = (RUN, STEP, SMALLER if facts.above_limit else HELP)
    if facts.epoch:
        # a branch with another loss has losses of one kind only since then
        since = f" since epoch {facts.first}" if facts.first else ""
        few = f"{epochs(facts.steps)}{since} {'is' if facts.steps == 1 else 'are'}"
        text = (
            f"{few} too few to say how it goes on."
            if facts.steps
            else f"No epoch is done yet{since}."
        )
        why = _limit(facts) or _how_well(facts)
        return Verdict(Kind.BEGINNING, "Just begun.", text, why, tries)
    text, outcome = "The weights are those of the start.", facts.evidence.outcome
    if outcome is not None and outcome.rows:
        wrong = f"{outcome.rows - outcome.right} of {outcome.rows} {outcome.which} rows"
        text = f"With the weights of the start, {wrong} are wrong."
    why = (
        _limit(facts)
        or "Each epoch moves every weight downhill; α, the learning rate, says how far."
    )
    return Verdict(Kind.BEGINNING, "Not started.", text, why, tries)


def _descending(facts: Facts) -> Found:
    """Descending over the window, or since the last rise of the loss."""
    steps = facts.steps
    if not facts.change < 0.0:
        rose = np.flatnonzero(np.diff(facts.train) > 0.0)
        steps = len(facts.train) - 2 - int(rose[-1]) if len(rose) else 0
    change = facts.change_since(len(facts.train) - 1 - steps)
    if steps < 2 or not change < 0.0:
        return None
    if wrong := _not_well(facts):
        return wrong
    where = f"in the last {epochs(steps)}"
    if steps < facts.steps:
        where = f"since epoch {facts.epoch - steps}, after a rise"
    if facts.hardly_changes and _nearly(facts):
        return Verdict(
            Kind.NEARLY,
            "Nearly there.",
            "A minimum is close; what is left to gain is small.",
            _how_well(facts) or f"The loss {fell(facts, steps)} {where}.",
            () if facts.evidence.convex else (OTHER_START,),
        )
    slow = abs(change) < SLOW * steps / WINDOW
    crawls = facts.evidence.floor and steps == facts.steps and _too_small_steps(facts)
    return Verdict(
        Kind.DESCENDING,
        "Steps too small." if crawls else "Learning.",
        f"The loss {fell(facts, steps)} {where}.",
        _limit(facts) or _how_well(facts),
        _faster(facts) if slow else (),
    )


def _nearly(facts: Facts) -> bool:
    """Whether a minimum is near, with little left to gain, as a step there has shown."""
    near = facts.curves_up and facts.left <= NEARLY and not facts.gained > NEARLY
    tried = not math.isnan(facts.evidence.newton)
    return near and (not tried or facts.left <= AT or facts.gained >= TRUSTED * facts.left)


def fell(facts: Facts, steps: int) -> str:
    """Say by how much the loss fell over the last steps, or from which value to which."""
    before = float(facts.train[-1 - steps])
    if facts.evidence.floor:
        return f"fell by {share(-facts.change_since(len(facts.train) - 1 - steps))}"
    return f"fell from {before:.6g} to {facts.loss:.6g}".replace("-", "−")


def _faster(facts: Facts) -> tuple[Try, ...]:
    """Return what makes a slow descent faster: larger steps, far below the limit or straight on."""
    ratio = facts.evidence.ratio
    if facts.far_below_limit and ratio:
        factor = facts.evidence.factor
        alpha = "α" if factor == 1.0 else f"α × {factor:.2g}"
        words = f"larger steps: {alpha} is {times(1.0 / ratio)} times below the largest safe one"
        return (replace(LARGER, words=words, short=LARGER.words),)
    straight = len(facts.cosines) > 0 and bool((facts.cosines > STRAIGHT).all())
    return (LARGER,) if ratio is None and straight else ()


def _else(facts: Facts) -> Found:
    if not facts.change:
        why = f"The gradient is {facts.norm:.2g} long."
        return Verdict(Kind.FLAT, "Standing still:", "the loss does not change.", why, (LARGER,))
    return _overshoots(facts, f"The loss rose at epoch {facts.epoch}.")


# Words that several verdicts share


def _how_well(facts: Facts) -> str:
    """Say how many test rows are right, or the R²; nothing if neither is known."""
    outcome, r2 = facts.evidence.outcome, facts.evidence.r2
    if outcome is not None and outcome.rows:
        return f"{outcome.right} of {outcome.rows} {outcome.which} rows are right."
    return "" if math.isnan(r2) else f"R² on the test rows is {signed(r2, 4)}."


def _limit(facts: Facts) -> str:
    """Say how far the learning rate is above its limit, if it is."""
    ratio, factor = facts.evidence.ratio, facts.evidence.factor
    if ratio is None or facts.limit is None or not facts.above_limit:
        return ""
    alpha = "α" if factor == 1.0 else f"α × {factor:.2g}"
    return f"{alpha} is {times(ratio)} times the largest safe value ({facts.limit:.3g})."


def _quoted(name: str) -> str:
    """Return a name of at most 12 characters in quotation marks."""
    return f'"{name if len(name) <= 12 else f"{name[:11]}…"}"'


_RULES: Sequence[Callable[[Facts], Found]] = (
    _diverged,
    _saturated,
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
