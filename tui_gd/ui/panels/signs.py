"""The signs of how training goes: a view of the run, and what a study found, as evidence."""

import math
from dataclasses import dataclass

import numpy as np

from tui_gd.learning.curvature import Curvature
from tui_gd.learning.engine import Engine
from tui_gd.learning.evidence import Evidence, saturated_share
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats
from tui_gd.learning.overflow import overflow_of
from tui_gd.learning.safe_rate import LARGEST_ERROR, SafeRate, safe_learning_rate
from tui_gd.ui.panels.arithmetic import weight_names
from tui_gd.ui.panels.panel import View

# of more rows, so many are looked at for what is saturated and what overflows
MOST_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class SignsFound:
    """What a study found at a lane's weights (parameters,); None is what there is not.

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


def evidence_of(view: View, found: SignsFound | None) -> Evidence:
    """Return what the snapshot shows of the current lane, and what was found, as evidence."""
    lane, recent = view.snapshot.lane, view.snapshot.recent
    begin = min(max(0, _loss_begun(view) - recent.first), len(recent.train) - 1)
    task = view.problem.task
    squares = lane.loss_name in {"sse", "mse"} and task in {"binary", "multiclass"}
    limited = safe_rate(view, found.curvature) if found else None
    bent = found.curvature if found and found.curvature.error <= LARGEST_ERROR else None
    return Evidence(
        first=recent.first + begin,
        train=recent.train[begin:],
        test=recent.test[begin:],
        norms=recent.norms[begin:],
        cosines=recent.cosines[begin:],
        learning_rate=lane.learning_rate,
        scale=_scale(view),
        step=float(np.linalg.norm(lane.next_weights - lane.weights)),
        following=lane.next_loss,
        highest=found.first_loss if found else math.nan,
        descent_factor=make_loss(lane.loss_name, task).descent_factor,
        ratio=limited.ratio(lane.learning_rate) if limited else None,
        largest=bent.largest if bent else None,
        smallest=bent.smallest if bent else None,
        along=bent.along_gradient if bent else None,
        exact=bent.exact if bent else True,
        saturated=found.saturated if found else None,
        plain=lane.optimizer.name == "sgd"
        and view.settings.schedule == "constant"
        and _full_batch(view),
        floor=task != "surface",
        convex=task != "surface" and not view.settings.hidden and not squares,
        lowest=_at_lowest(view),
        squared_sigmoid=squares,
        diverged=has_diverged(view),
        overflow=found.overflow if found else None,
    )


def _loss_begun(view: View) -> int:
    """Return the epoch from which on the current lane's losses are of one kind."""
    lanes = {lane.number: lane for lane in view.snapshot.lanes}
    lane = view.snapshot.lane
    while lane.parent is not None:
        parent = lanes.get(lane.parent)
        if lane.branched_at <= view.snapshot.epoch and (
            parent is None or parent.loss_name != lane.loss_name
        ):
            return lane.branched_at
        if parent is None:
            break
        lane = parent
    return 0


def _at_lowest(view: View) -> bool:
    """Whether the current lane is near a global minimum that is known."""
    surface, weights = view.problem.surface, view.snapshot.lane.weights
    found = surface.nearest(weights) if surface else None
    return bool(surface and found and found[0].is_global and found[1] <= surface.near)


def _full_batch(view: View) -> bool:
    return not 0 < view.settings.batch_size < len(view.problem.y_train)


def safe_rate(view: View, found: Curvature) -> SafeRate:
    """Return the limit of the current lane's learning rate, by the curvature."""
    lane = view.snapshot.lane
    return safe_learning_rate(
        found,
        lane.optimizer.name,
        make_loss(lane.loss_name, view.problem.task).descent_factor,
        _full_batch(view),
        lane.optimizer.momentum,
    )


def has_diverged(view: View) -> bool:
    """Return whether the current lane cannot go on from the viewed epoch."""
    lane = view.snapshot.lane
    return lane.diverged is not None and lane.diverged <= view.snapshot.epoch


def _scale(view: View) -> float:
    """Return the greatest length of the weights so far; of a surface how large what is drawn is."""
    lane, surface = view.snapshot.lane, view.problem.surface
    so_far = lane.path[lane.path_epochs <= view.snapshot.epoch]
    lengths = np.sqrt(np.vecdot(so_far, so_far)).max(initial=0.0)
    if surface is not None:
        lengths = max(lengths, *(float(high) - float(low) for low, high in surface.limits))
    return max(float(lengths), float(np.linalg.norm(lane.weights)))


def saturated(view: View) -> float | None:
    """Return the share of the train rows that are saturated, None where nothing has p."""
    lane = view.snapshot.lane
    if view.problem.task not in {"binary", "multiclass"} or lane.loss_name == "hinge":
        return None
    return saturated_share(view.predictor.probabilities(lane.weights, _some_rows(view)))


def overflow(view: View, engine: Engine) -> str:
    """Return what the next update overflows in, by one pass at the weights it leads to."""
    lane = view.snapshot.lane
    following = lane.next_weights
    if np.isnan(following).all():
        following = lane.weights - lane.learning_rate * lane.gradient
    loss, direction = engine.loss_and_grad(following[None])
    largest = None
    if view.problem.task != "surface" and np.isfinite(following).all():
        scores = view.predictor.scores(following, _some_rows(view))
        largest = float(np.abs(scores).max(initial=0.0))
    return overflow_of(
        lane.gradient,
        lane.learning_rate,
        following,
        float(loss[0]),
        next_direction=direction[0],
        largest_score=largest,
        names=weight_names(view.problem, len(following)),
    )


def _some_rows(view: View) -> Floats:
    problem = view.problem
    every = max(1, -(-len(problem.y_train) // MOST_ROWS))
    return problem.rows(problem.x_train, slice(None, None, every))
