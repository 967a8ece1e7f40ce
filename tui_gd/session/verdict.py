"""The verdict on the current lane of a run: from its snapshot, and from what is measured there.

Curvature and saturation take passes over the data, so they are measured beside the run. They hold
at weights nearby; elsewhere a verdict does without.
"""

import math
from dataclasses import dataclass

import numpy as np

from tui_gd.insight.curvature import (
    LARGEST_ERROR,
    Curvature,
    SafeRate,
    curvature,
    safe_learning_rate,
)
from tui_gd.insight.diagnosis import Verdict, diagnose
from tui_gd.insight.evidence import Evidence, overflow_of, saturated_share
from tui_gd.insight.explain import weight_names
from tui_gd.learning.engine import Engine
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats, Predictor
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import LaneSnapshot, Snapshot

MOST_ROWS = 20_000
"""Of more rows, so many are looked at for saturation and for what overflows."""
NEAR = 1e-2
"""What was measured at weights that are no farther away, of their length, holds here too."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured at a lane's weights (parameters,); None where there is no such thing.

    `first_loss` is that of the lane's first weights, in the loss that it descends on here.
    """

    lane: int
    loss_name: str
    epoch: int
    weights: Floats
    curvature: Curvature
    first_loss: float
    saturated: float | None
    overflow: str | None

    def of(self, lane: LaneSnapshot) -> bool:
        """Return whether it was measured on this lane, with the loss that it has now."""
        same = (self.lane, self.loss_name) == (lane.number, lane.loss_name)
        return same and self.weights.shape == lane.weights.shape

    def holds(self, lane: LaneSnapshot) -> bool:
        """Return whether it still holds at the lane's weights."""
        if not self.of(lane):
            return False
        moved = float(np.linalg.norm(lane.weights - self.weights))
        return moved <= NEAR * float(np.linalg.norm(lane.weights))


def measure(
    snapshot: Snapshot,
    problem: Problem,
    predictor: Predictor,
    engine: Engine,
    start: Floats | None = None,
) -> Measured:
    """Measure what a verdict on the current lane needs, by passes of `engine` over the train rows.

    `start` is a direction of steepest curvature found nearby. What the engine's `between_blocks`
    raises gives the measurement up.
    """
    lane = snapshot.lane
    return Measured(
        lane=lane.number,
        loss_name=lane.loss_name,
        epoch=snapshot.epoch,
        weights=lane.weights,
        curvature=curvature(engine, lane.weights, start=start),
        first_loss=float(engine.loss(lane.path[:1])[0]),
        saturated=_saturated(lane, problem, predictor),
        overflow=_overflow(lane, problem, predictor, engine) if has_diverged(snapshot) else None,
    )


def verdict_on(
    snapshot: Snapshot, problem: Problem, settings: RunSettings, measured: Measured | None
) -> Verdict:
    """Return the verdict on the current lane; what was measured elsewhere is left out."""
    holds = measured is not None and measured.holds(snapshot.lane)
    with np.errstate(all="ignore"):
        return diagnose(evidence_of(snapshot, problem, settings, measured if holds else None))


def evidence_of(
    snapshot: Snapshot, problem: Problem, settings: RunSettings, measured: Measured | None
) -> Evidence:
    """Return what the snapshot shows of the current lane, and what was measured, as evidence."""
    lane, recent, task = snapshot.lane, snapshot.recent, problem.task
    begin = min(max(0, _loss_begun(snapshot) - recent.first), len(recent.train) - 1)
    squares = lane.loss_name in {"sse", "mse"} and task in {"binary", "multiclass"}
    full_batch = _full_batch(problem, settings)
    bent, ratio = None, None
    if measured:
        ratio = safe_rate(lane, problem, settings, measured.curvature).ratio(lane.learning_rate)
        bent = measured.curvature if measured.curvature.error <= LARGEST_ERROR else None
    return Evidence(
        first=recent.first + begin,
        train=recent.train[begin:],
        test=recent.test[begin:],
        norms=recent.norms[begin:],
        cosines=recent.cosines[begin:],
        learning_rate=lane.learning_rate,
        scale=_scale(snapshot, problem),
        step=float(np.linalg.norm(lane.next_weights - lane.weights)),
        following=lane.next_loss,
        highest=measured.first_loss if measured else math.nan,
        descent_factor=make_loss(lane.loss_name, task).descent_factor,
        ratio=ratio,
        largest=bent.largest if bent else None,
        smallest=bent.smallest if bent and not math.isnan(bent.smallest) else None,
        doubt=bent.doubt if bent else None,
        along=bent.along_gradient if bent else None,
        exact=bent.exact if bent else True,
        saturated=measured.saturated if measured else None,
        plain=lane.optimizer.name == "sgd" and settings.schedule == "constant" and full_batch,
        floor=task != "surface",
        convex=task != "surface" and not settings.hidden and not squares,
        lowest=_at_lowest(problem, lane),
        squared_sigmoid=squares,
        diverged=has_diverged(snapshot),
        overflow=measured.overflow if measured else None,
        outcome=snapshot.outcome,
        class_names=problem.class_names,
    )


def safe_rate(
    lane: LaneSnapshot, problem: Problem, settings: RunSettings, found: Curvature
) -> SafeRate:
    """Return the limit of a lane's learning rate, by the curvature."""
    return safe_learning_rate(
        found,
        lane.optimizer.name,
        make_loss(lane.loss_name, problem.task).descent_factor,
        _full_batch(problem, settings),
        lane.optimizer.momentum,
    )


def has_diverged(snapshot: Snapshot) -> bool:
    """Return whether the current lane cannot go on from the viewed epoch."""
    diverged = snapshot.lane.diverged
    return diverged is not None and diverged <= snapshot.epoch


def _loss_begun(snapshot: Snapshot) -> int:
    """Return the epoch from which on the current lane's losses are of one kind."""
    lanes = {lane.number: lane for lane in snapshot.lanes}
    lane = snapshot.lane
    while lane.parent is not None:
        parent = lanes.get(lane.parent)
        if lane.branched_at <= snapshot.epoch and (
            parent is None or parent.loss_name != lane.loss_name
        ):
            return lane.branched_at
        if parent is None:
            break
        lane = parent
    return 0


def _at_lowest(problem: Problem, lane: LaneSnapshot) -> bool:
    """Whether the lane is near a global minimum that is known."""
    surface = problem.surface
    found = surface.nearest(lane.weights) if surface else None
    return bool(surface and found and found[0].is_global and found[1] <= surface.near)


def _full_batch(problem: Problem, settings: RunSettings) -> bool:
    return not 0 < settings.batch_size < len(problem.y_train)


def _scale(snapshot: Snapshot, problem: Problem) -> float:
    """Return the greatest length of the weights so far; of a surface how large what is drawn is."""
    lane, surface = snapshot.lane, problem.surface
    so_far = lane.path[lane.path_epochs <= snapshot.epoch]
    lengths = np.sqrt(np.vecdot(so_far, so_far)).max(initial=0.0)
    if surface is not None:
        lengths = max(lengths, *(float(high) - float(low) for low, high in surface.limits))
    return max(float(lengths), float(np.linalg.norm(lane.weights)))


def _saturated(lane: LaneSnapshot, problem: Problem, predictor: Predictor) -> float | None:
    """Return the share of the train rows that are saturated, None where nothing has p."""
    if problem.task not in {"binary", "multiclass"} or lane.loss_name == "hinge":
        return None
    return saturated_share(predictor.probabilities(lane.weights, _some_rows(problem)))


def _overflow(lane: LaneSnapshot, problem: Problem, predictor: Predictor, engine: Engine) -> str:
    """Return what the next update overflows in, by one pass at the weights it leads to."""
    following = lane.next_weights
    if np.isnan(following).all():
        following = lane.weights - lane.learning_rate * lane.gradient
    loss, direction = engine.loss_and_grad(following[None])
    largest = None
    if problem.task != "surface" and np.isfinite(following).all():
        scores = predictor.scores(following, _some_rows(problem))
        largest = float(np.abs(scores).max(initial=0.0))
    return overflow_of(
        lane.gradient,
        lane.learning_rate,
        following,
        float(loss[0]),
        next_direction=direction[0],
        largest_score=largest,
        names=weight_names(problem, predictor.model),
    )


def _some_rows(problem: Problem) -> Floats:
    every = max(1, -(-len(problem.y_train) // MOST_ROWS))
    return problem.rows(problem.x_train, slice(None, None, every))
