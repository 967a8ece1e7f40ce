"""The study of many starts: where they end, on the run's loss and on another loss."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tui_gd.insight.explain import weight_names
from tui_gd.insight.landscape import covering, grid_shape, plane_of_weights
from tui_gd.insight.many_starts import (
    LADDER,
    Minima,
    StartsResult,
    affordable_starts,
    best_rate,
    draw_starts,
    ladder_size,
    row_work,
    run_starts,
)
from tui_gd.learning.models import Floats
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer
from tui_gd.ui.panels.landscape_study import Landscape
from tui_gd.ui.panels.panel import View, on_sample
from tui_gd.ui.studies import Progress

FEWEST_EPOCHS, MOST_EPOCHS = 100, 1000
# a study that takes longer than this shows a part of it first
_PATIENCE_SECONDS = 0.8
# the most points of the landscape: half of a screen cannot show more
_PIXELS = (48, 72)
# the loss that is shown next to any other, and the one next to that
_COMPARED = {
    "binary": ("cross-entropy", "sse"),
    "multiclass": ("cross-entropy", "mse"),
    "regression": ("mae", "mse"),
}


@dataclass(frozen=True, eq=False)
class StartsFound:
    """Where the starts end: on the run's loss and on the other one, and the landscape there.

    The landscape is over two weights; the others are held at the starts' mean.
    """

    results: tuple[StartsResult, ...]
    terrain: Landscape | None = None


def other_loss(task: str, loss: str) -> str | None:
    """Return the loss to show next to the run's own; None for a surface, which has only one.

    For classes it is cross-entropy next to squared error and hinge, and squared error (for two
    classes the tutorial's sum) next to cross-entropy. For a regression it is squared error
    next to absolute error, and absolute error next to any other.
    """
    if task not in _COMPARED:
        return None
    usual, other = _COMPARED[task]
    return other if loss == usual else usual


def settings_of(view: View) -> RunSettings:
    """Return the settings of one lane that descends as the current one, for the epochs tried."""
    lane = view.snapshot.lane
    return replace(view.settings, seed=view.snapshot.seed, start=None).of_race(
        [lane.learning_rate],
        [lane.optimizer.name],
        loss=lane.loss_name,
        epochs=min(max(view.settings.epochs, FEWEST_EPOCHS), MOST_EPOCHS),
    )


def computation(
    view: View, settings: RunSettings, spread: float
) -> Callable[[Progress], StartsFound]:
    """Return the descent from all starts, first on the run's own loss with its learning rate.

    The other loss starts from the same weights. Its learning rate is the one of `LADDER` with the
    least median final loss among the first few starts.
    """
    problem = view.problem
    other = other_loss(problem.task, settings.loss_for(problem))

    def compute(progress: Progress) -> StartsFound:
        begun = time.perf_counter()

        def show(*results: StartsResult) -> None:
            if time.perf_counter() - begun > _PATIENCE_SECONDS:
                progress.show(StartsFound(results))

        def wanted() -> bool:
            return progress.wanted

        def trainer(settings: RunSettings, rates: tuple[float, ...], starts: Floats) -> Trainer:
            """Return a trainer with one lane for each rate and start."""
            return replace(settings, alpha=rates).make_trainer(
                problem,
                test_losses=False,
                initial_weights=starts,
                between_blocks=progress.check,
            )

        def descend(settings: RunSettings, *before: StartsResult) -> StartsResult:
            """Descend from all starts; `before` is what is known of another loss."""
            return run_starts(
                trainer(settings, settings.alpha * len(starts), starts),
                settings.epochs,
                spread,
                minima=_minima(problem),
                wanted=wanted,
                show=lambda part: show(*before, part),
            )

        work = row_work(problem.train_rows, view.predictor.model)
        starts = _starts(view, affordable_starts(work, settings.epochs), spread, settings)
        for loss in filter(None, (settings.loss, other)):
            engine = view.make_engine(loss)
            engine.between_blocks = progress.check
            starts = _finite(starts, engine.loss(starts))
        own = descend(settings)
        show(own)
        terrain = _terrain(view, own, progress) if own.begin.shape[1] > 1 else None
        if other is None:
            return StartsFound((own,), terrain)
        compared = replace(settings, loss=other)
        few, epochs = ladder_size(work, settings.epochs, len(starts))
        tried = np.tile(starts[:few], (len(LADDER), 1))
        ladder = trainer(compared, tuple(np.repeat(LADDER, few).tolist()), tried)
        rate = best_rate(ladder, LADDER, epochs, wanted)
        return StartsFound((own, descend(replace(compared, alpha=(rate,)), own)), terrain)

    return compute


def _starts(view: View, count: int, spread: float, settings: RunSettings) -> Floats:
    """Return starts (count, parameters): normal, or on a surface uniform within its limits."""
    surface, seed = view.problem.surface, settings.seed
    if surface is None:
        starts = draw_starts(view.predictor.model.parameters, count, spread, seed)
    else:
        each = range(abs(seed) * count, (abs(seed) + 1) * count)
        starts = np.stack([surface.draw_start(number, spread) for number in each])
    return starts.astype(np.dtype(settings.dtype))


def _finite(starts: Floats, losses: Floats) -> Floats:
    """Return the starts with a finite loss, or all if none is finite: no other can descend."""
    finite = np.isfinite(losses)
    return starts[finite] if finite.any() else starts


def _minima(problem: Problem) -> Minima | None:
    surface = problem.surface
    if surface is None:
        return None
    return Minima(
        np.array([minimum.point for minimum in surface.minima]).reshape(-1, len(surface.limits)),
        tuple(minimum.is_global for minimum in surface.minima),
        surface.near,
    )


def _terrain(view: View, own: StartsResult, progress: Progress) -> Landscape:
    """Return the loss over the two weights that best separate good starts from the others."""
    engine = on_sample(view.make_engine(own.loss_name))
    engine.between_blocks = progress.check
    names = weight_names(view.problem, view.predictor.model)
    plane = plane_of_weights(own.begin.mean(axis=0), telling_weights(own), names)
    shape = grid_shape(len(view.problem.y_train), own.begin.shape[1], _PIXELS)
    return Landscape.of(plane, covering(plane.project(own.begin)), shape, own.loss_name, engine)


def telling_weights(result: StartsResult) -> tuple[int, int]:
    """Return two weights, in rising order, whose means differ most between good and other starts.

    The measure is `|mean of good − mean of others| / spread`. Of equal weights the first two count;
    if all starts are alike, these are the first two of all.
    """
    good, begin = result.good, result.begin
    if good.all() or not good.any():
        return 0, 1
    apart = np.abs(begin[good].mean(axis=0) - begin[~good].mean(axis=0))
    first, second = sorted(np.argsort(-apart, kind="stable")[:2].tolist())
    return first, second
