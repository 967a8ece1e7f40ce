"""The verdict on a run's current lane, from its snapshot and from measurements there.

Curvature and saturation take passes over the data, so a study measures them next to the run. They
hold for nearby weights; elsewhere a verdict does without them.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tui_gd.insight.curvature import (
    EXACT_PARAMETERS,
    LARGEST_ERROR,
    Curvature,
    SafeRate,
    curvature,
    safe_learning_rate,
)
from tui_gd.insight.diagnosis import diagnose, rescue_epoch
from tui_gd.insight.evidence import (
    WINDOW,
    Evidence,
    overflow_of,
    saturated_share,
    stuck_share,
)
from tui_gd.insight.explain import weight_names
from tui_gd.insight.many_starts import row_work
from tui_gd.insight.verdict import Verdict
from tui_gd.learning.engine import Engine
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats, Predictor
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import LaneSnapshot, RunState, Snapshot
from tui_gd.training.descent import length, lengths
from tui_gd.training.evaluation import constant_loss

MOST_ROWS = 20_000
"""The most rows that are checked for saturation and overflow."""
MOST_WORK = 5e7
"""The whole Hessian may cost this much, in units of `row_work`: about a third of a second."""
REACHES = tuple(sign * 10.0**power for power in (-3, -2, -1.5, -1, -0.5, 0) for sign in (1, -1))
"""The distances, in lengths of the weights, of losses along a direction that curves down."""
NEAR = 1e-2
"""A measurement holds here if its weights are no farther away, in lengths of the weights."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The measurements at a lane's weights (parameters,).

    `unit` is a usual size of a weight: one over the root mean square of the features. `start_norm`
    is the length of the direction of descent at the lane's first weights. `evidence` has the other
    measurements, by the names of their fields in `Evidence`; those of a curvature that is too
    inexact (`LARGEST_ERROR`) are left out.
    """

    lane: int
    loss_name: str
    epoch: int
    weights: Floats
    curvature: Curvature
    unit: float
    start_norm: float
    evidence: dict[str, Any]

    def of(self, lane: LaneSnapshot) -> bool:
        """Return whether it was measured on this lane, with the lane's present loss."""
        same = (self.lane, self.loss_name) == (lane.number, lane.loss_name)
        return same and self.weights.shape == lane.weights.shape

    def holds(self, lane: LaneSnapshot) -> bool:
        """Return whether it still holds at the lane's weights."""
        if not self.of(lane):
            return False
        return length(lane.weights - self.weights) <= NEAR * length(lane.weights)


def is_hurried(snapshot: Snapshot, predictor: Predictor) -> bool:
    """Return whether to measure only what is quick: for many weights while the run goes on."""
    many = predictor.model.parameters > EXACT_PARAMETERS
    return many and snapshot.state is RunState.RUNNING


def measure(
    snapshot: Snapshot,
    problem: Problem,
    predictor: Predictor,
    engine: Engine,
    start: Floats | None = None,
) -> Measured:
    """Measure what a verdict on the current lane needs, by passes of `engine` over the train rows.

    `start` is a direction of steepest curvature found nearby. An exception from the engine's
    `between_blocks` ends the measurement.
    """
    lane, hurried = snapshot.lane, is_hurried(snapshot, predictor)
    parameters = len(lane.weights)
    work = 2 * parameters * row_work(problem.train_rows, predictor.model)
    whole = parameters <= EXACT_PARAMETERS or (not hurried and work <= MOST_WORK)
    found = curvature(engine, lane.weights, start=start, whole=whole, both_ends=not hurried)
    gradient = lane.gradient / engine.rule.descent_factor
    nowhere = np.full_like(lane.weights, np.nan)
    newton = nowhere if found.newton is None else lane.weights - found.newton
    up = found.along_gradient > 0.0
    cauchy = lane.weights - gradient / found.along_gradient if up else nowhere
    unit = _unit(problem)
    scale = max(unit, _scale(snapshot, problem))
    down = nowhere if found.downhill is None else found.downhill
    escapes = [lane.weights + reach * scale * down for reach in REACHES]
    points = np.stack([lane.path[0], newton, cauchy, *escapes])
    losses = engine.loss(points.astype(lane.weights.dtype))
    first = engine.loss_and_grad(lane.path[:1].astype(lane.weights.dtype))[1][0]
    saturated, stuck = _saturated(lane, problem, predictor)
    constant, ratio = constant_loss(engine, problem, predictor.model), 1.0
    if engine.rule.reduction == "sum":
        held_out = problem.validation_rows or problem.test_rows
        ratio = held_out / max(problem.train_rows, 1)
    evidence: dict[str, Any] = {
        "start": float(losses[0]),
        "constant": constant,
        "test_constant": constant * ratio,
        "best_right": _best_right(snapshot, problem, predictor),
        "saturated": saturated,
        "stuck": stuck,
    }
    if has_diverged(snapshot):
        evidence["overflow"] = _overflow(snapshot, problem, predictor, engine)
    if found.error <= LARGEST_ERROR:
        evidence |= {
            "largest": found.largest,
            "smallest": None if math.isnan(found.smallest) else found.smallest,
            "along": found.along_gradient,
            "gain": found.gain,
            "newton": float(losses[1]),
            "cauchy": float(losses[2]),
            "escape": float(np.fmin.reduce(losses[3:])),
            "doubt": found.doubt,
            "exact": found.exact,
        }
    about = lane.number, lane.loss_name, snapshot.epoch, lane.weights
    return Measured(*about, found, unit, length(first), evidence)


def verdict_on(
    snapshot: Snapshot, problem: Problem, settings: RunSettings, measured: Measured | None
) -> Verdict:
    """Return the verdict on the current lane; it ignores what was measured elsewhere."""
    holds = measured is not None and measured.holds(snapshot.lane)
    with np.errstate(all="ignore"):
        return diagnose(evidence_of(snapshot, problem, settings, measured if holds else None))


def evidence_of(
    snapshot: Snapshot, problem: Problem, settings: RunSettings, measured: Measured | None
) -> Evidence:
    """Return the evidence on the current lane, from the snapshot and the measurements."""
    lane, recent, task = snapshot.lane, snapshot.recent, problem.task
    begin = _begin(snapshot)
    validates = problem.validation_rows > 0
    squares = lane.loss_name in {"sse", "mse"} and task in {"binary", "multiclass"}
    rate = snapshot.learning_rate
    evidence = Evidence(
        first=recent.first + begin,
        train=recent.train[begin:],
        test=(recent.validation if validates else recent.test)[begin:],
        norms=recent.norms[begin:],
        cosines=recent.cosines[begin:],
        learning_rate=rate,
        factor=snapshot.rate_factor,
        last_rate=lane.last_rate,
        scale=_scale(snapshot, problem),
        step=length(lane.next_weights - lane.weights),
        following=lane.next_loss,
        start_test=lane.start_validation if validates else lane.start_test,
        held_out="validation" if validates else "test",
        descent_factor=make_loss(lane.loss_name, task).descent_factor,
        plain=lane.optimizer.name == "sgd",
        full_batch=_full_batch(problem, settings),
        floor=task != "surface",
        convex=task != "surface" and not settings.hidden and not squares,
        lowest=_at_lowest(problem, lane),
        squared_sigmoid=squares,
        diverged=has_diverged(snapshot),
        outcome=snapshot.outcome,
        r2=snapshot.r2,
        class_names=problem.class_names,
    )
    if measured is None:
        return evidence
    return replace(
        evidence,
        scale=max(evidence.scale, measured.unit),
        ratio=safe_rate(lane, problem, settings, measured.curvature).ratio(rate),
        **measured.evidence,
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


def rescue_goal(snapshot: Snapshot) -> int:
    """Return the epoch that a rescue of the current lane goes back to; see `rescue_epoch`."""
    recent = snapshot.recent
    begin = _begin(snapshot)
    return rescue_epoch(recent.first + begin, recent.train[begin:])


def _begin(snapshot: Snapshot) -> int:
    """Return the place in `recent` from which the lane has had the same loss function."""
    recent = snapshot.recent
    return min(max(0, snapshot.lane.loss_since - recent.first), len(recent.train) - 1)


def _at_lowest(problem: Problem, lane: LaneSnapshot) -> bool:
    """Whether the lane is near a known global minimum."""
    surface = problem.surface
    found = surface.nearest(lane.weights) if surface else None
    return bool(surface and found and found[0].is_global and found[1] <= surface.near)


def _full_batch(problem: Problem, settings: RunSettings) -> bool:
    return not 0 < settings.batch_size < problem.train_rows


def _scale(snapshot: Snapshot, problem: Problem) -> float:
    """Return the greatest recent length of the weights; on a surface, the width of its limits.

    Lengths of long ago are no measure: a lane that diverged may have come back. On a surface, the
    place of 0 means nothing; the path counts if it is wider than the limits.
    """
    lane, surface = snapshot.lane, problem.surface
    first = snapshot.epoch - WINDOW if surface is None else 0
    then = (first <= lane.path_epochs) & (lane.path_epochs <= snapshot.epoch)
    so_far = np.concatenate([lane.path[then], lane.weights[None]])
    if surface is not None:
        width = max(float(high) - float(low) for low, high in surface.limits)
        return max(width, float(np.ptp(so_far, axis=0).max()))
    return float(lengths(so_far).max())


def _unit(problem: Problem) -> float:
    """Return the weight for which usual features give a score of 1; 0 for a surface."""
    if problem.surface is not None:
        return 0.0
    squares = float(np.mean(_some_rows(problem) ** 2))
    return 1.0 / math.sqrt(squares) if squares > 0.0 else 0.0


def _best_right(snapshot: Snapshot, problem: Problem, predictor: Predictor) -> int | None:
    """Return the number of right test rows at the point of the path next to the least test loss."""
    lane, recent = snapshot.lane, snapshot.recent
    validates = problem.validation_rows > 0  # then test rows do not say where it turned
    if snapshot.outcome is None or validates or not np.isfinite(recent.test).any():
        return None
    best = recent.first + int(np.nanargmin(recent.test))
    nearest = int(np.argmin(np.abs(lane.path_epochs - best)))
    x = problem.rows(problem.x_test, slice(None))
    return int((predictor.predict(lane.path[nearest], x) == problem.y_test).sum())


def _saturated(
    lane: LaneSnapshot, problem: Problem, predictor: Predictor
) -> tuple[float | None, float | None]:
    """Return the shares of saturated and of stuck train rows; None if the model has no p."""
    if problem.task not in {"binary", "multiclass"} or lane.loss_name == "hinge":
        return None, None
    p = predictor.probabilities(lane.weights, _some_rows(problem))
    return saturated_share(p), stuck_share(p, problem.y_train[:: _every(problem)])


def _overflow(snapshot: Snapshot, problem: Problem, predictor: Predictor, engine: Engine) -> str:
    """Return what overflows in the next update, by one pass at the weights it leads to."""
    lane, rate = snapshot.lane, snapshot.learning_rate
    following = lane.next_weights
    if np.isnan(following).all():
        following = lane.weights - rate * lane.gradient
    loss, direction = engine.loss_and_grad(following[None])
    largest = None
    if problem.task != "surface" and np.isfinite(following).all():
        scores = predictor.scores(following, _some_rows(problem))
        largest = float(np.abs(scores).max(initial=0.0))
    return overflow_of(
        lane.gradient,
        rate,
        following,
        float(loss[0]),
        next_direction=direction[0],
        largest_score=largest,
        names=weight_names(problem, predictor.model),
    )


def _some_rows(problem: Problem) -> Floats:
    return problem.rows(problem.x_train, slice(None, None, _every(problem)))


def _every(problem: Problem) -> int:
    return max(1, -(-len(problem.y_train) // MOST_ROWS))
