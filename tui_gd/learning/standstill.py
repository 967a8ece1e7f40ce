"""Rules for what hardly moves: saturated, on a plateau, in a valley, or flat."""

import numpy as np

from tui_gd.learning import advice
from tui_gd.learning.evidence import Facts
from tui_gd.learning.verdict import Found, Kind
from tui_gd.learning.words import epochs, percent, ratio_of, share

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
        way = advice.CROSS_ENTROPY if evidence.squared_sigmoid else advice.OTHER_START
        told = f"{share(evidence.saturated)} of the samples have p near 0 or 1"
        return Kind.SATURATED, f"{told}; {now}", way
    if facts.still and not level:
        return Kind.FLAT, f"a step is lost in the rounding of the weights; {now}", advice.RAISE
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
        way = "" if facts.evidence.convex else advice.OTHER_START
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
    way = advice.RAISE if ratio is not None and ratio < FAR_BELOW else advice.MOMENTUM
    times = f"{float(f'{steep:.2g}'):,.0f}"
    return Kind.VALLEY, f"{now}; curves {times} times as much across as along", way


def nowhere_down(facts: Facts) -> bool:
    """Whether the loss curves down in no direction, as far as that can be told."""
    smallest = facts.evidence.smallest
    return smallest is not None and smallest >= -NO_CURVATURE * facts.curvature


def _off_the_plateau(facts: Facts) -> str:
    evidence = facts.evidence
    if evidence.squared_sigmoid and (evidence.saturated is None or evidence.saturated > PARTLY):
        return advice.CROSS_ENTROPY
    # below 0 the loss falls the faster, the farther one goes
    if facts.along < 0.0 or (evidence.ratio is not None and evidence.ratio < FAR_BELOW):
        return advice.RAISE
    return advice.MOMENTUM


def changed(facts: Facts, steps: int) -> str:
    """Say how the loss changed over the last steps: by what share, or from what to what."""
    before = float(facts.train[-1 - steps])
    if facts.evidence.floor:
        return f"loss {percent(facts.change_since(len(facts.train) - 1 - steps))}"
    return f"loss {before:.6g} → {facts.loss:.6g}".replace("-", "−")
