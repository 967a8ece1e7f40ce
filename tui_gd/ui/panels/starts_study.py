"""What is computed for many starts: where they end, on the run's loss and on one beside it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tui_gd.learning.engine import Interrupted
from tui_gd.learning.landscape import Plane, covering, grid, grid_shape, losses_on, plane_of_weights
from tui_gd.learning.many_starts import (
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
from tui_gd.learning.trainer import Trainer
from tui_gd.plots.landscape import Limits
from tui_gd.problems import Problem
from tui_gd.settings import RunSettings
from tui_gd.ui.panels.arithmetic import weight_names
from tui_gd.ui.panels.panel import View
from tui_gd.ui.studies import Progress

FEWEST_EPOCHS, MOST_EPOCHS = 100, 1000
# a part is shown where the whole takes longer than this
_PATIENCE_SECONDS = 0.8
# the landscape's points: more than these are not told apart in half of a screen
_PIXELS = (48, 72)


@dataclass(frozen=True, eq=False)
class Terrain:
    """The loss `values` (h, w) over two weights, the others held at the starts' mean."""

    plane: Plane
    limits: Limits
    values: Floats


@dataclass(frozen=True, eq=False)
class Found:
    """Where the starts end: on the run's loss, on the other one, and how the land lies."""

    results: tuple[StartsResult, ...]
    terrain: Terrain | None = None


def other_loss(task: str, loss: str) -> str | None:
    """Return the loss shown beside the run's own; None for a surface, which has only one.

    Of classes cross-entropy beside squared error and hinge, and squared error beside cross-entropy,
    the tutorial's sum for two classes. Of regressions absolute beside squared error.
    """
    if task == "binary":
        return "sse" if loss == "cross-entropy" else "cross-entropy"
    if task == "multiclass":
        return "mse" if loss == "cross-entropy" else "cross-entropy"
    if task == "regression":
        return "mse" if loss == "mae" else "mae"
    return None


def settings_of(view: View) -> RunSettings:
    """Return the settings of one lane that descends as the current one, for the epochs tried."""
    lane = view.snapshot.lane
    return replace(
        view.settings,
        alpha=(lane.learning_rate,),
        optimizer=(lane.optimizer.name,),
        loss=lane.loss_name,
        epochs=min(max(view.settings.epochs, FEWEST_EPOCHS), MOST_EPOCHS),
        seed=view.snapshot.seed,
        start=None,
        init=None,
        target_loss=None,
        gradient_norm=None,
        patience=None,
    )


def computation(view: View, settings: RunSettings, spread: float) -> Callable[[Progress], Found]:
    """Return what descends from all starts, first on the run's own loss, with its learning rate.

    The other loss descends from the same starts, with the learning rate of `LADDER` that has the
    least median final loss among the first few of them.
    """
    problem, model = view.problem, view.predictor.model
    make_engine = view.make_engine

    def compute(progress: Progress) -> Found:
        begun = time.perf_counter()

        def look() -> None:
            if not progress.wanted:
                raise Interrupted

        def wanted() -> bool:
            return progress.wanted

        def show(results: tuple[StartsResult, ...]) -> None:
            if time.perf_counter() - begun > _PATIENCE_SECONDS:
                progress.show(Found(results))

        work = row_work(len(problem.y_train), model)
        count = affordable_starts(work, settings.epochs)
        starts = _starts(problem, model.parameters, count, spread, settings.seed).astype(
            np.dtype(settings.dtype)
        )
        name = other_loss(problem.task, settings.loss_for(problem))
        for loss in filter(None, (settings.loss, name)):
            engine = make_engine(loss)
            engine.between_blocks = look
            starts = _finite(starts, engine.loss(starts))
        count = len(starts)
        trainer = _trainer(settings, problem, settings.alpha * count, starts, look)
        minima = _minima(problem)
        own = run_starts(
            trainer,
            settings.epochs,
            spread,
            minima=minima,
            wanted=wanted,
            show=lambda part: show((part,)),
        )
        show((own,))
        terrain = None
        if model.parameters > 1:
            engine = make_engine(own.loss_name)
            engine.between_blocks = look
            terrain = _terrain(problem, own, lambda p, x, y: losses_on(engine, p, x, y, look))
        if name is None:
            return Found((own,), terrain)
        other = replace(settings, loss=name)
        few, epochs = ladder_size(work, settings.epochs, count)
        rates = tuple(np.repeat(LADDER, few).tolist())
        trainer = _trainer(other, problem, rates, np.tile(starts[:few], (len(LADDER), 1)), look)
        rate = best_rate(trainer, LADDER, epochs, wanted)
        trainer = _trainer(other, problem, (rate,) * count, starts, look)
        beside = run_starts(
            trainer,
            settings.epochs,
            spread,
            wanted=wanted,
            show=lambda part: show((own, part)),
        )
        return Found((own, beside), terrain)

    return compute


def _trainer(
    settings: RunSettings,
    problem: Problem,
    rates: tuple[float, ...],
    starts: Floats,
    look: Callable[[], None],
) -> Trainer:
    """Return a trainer with one lane for each rate and start."""
    one = replace(settings, alpha=rates)
    return one.make_trainer(problem, test_losses=False, initial_weights=starts, between_blocks=look)


def _starts(problem: Problem, parameters: int, count: int, spread: float, seed: int) -> Floats:
    """Return starts (count, parameters): normal, on a surface uniform within its limits."""
    surface = problem.surface
    if surface is None:
        return draw_starts(parameters, count, spread, seed)
    return np.stack([surface.draw_start(abs(seed) * count + i, spread) for i in range(count)])


def _finite(starts: Floats, losses: Floats) -> Floats:
    """Return the starts with a finite loss: from others no step leads on. All, if there is none."""
    finite = np.isfinite(losses)
    return starts[finite] if finite.any() else starts


def _minima(problem: Problem) -> Minima | None:
    surface = problem.surface
    if surface is None or not surface.minima:
        return None
    return Minima(
        np.array([minimum.point for minimum in surface.minima]),
        tuple(minimum.is_global for minimum in surface.minima),
        surface.near,
    )


def _terrain(
    problem: Problem, own: StartsResult, losses: Callable[[Plane, Floats, Floats], Floats]
) -> Terrain:
    """Return the loss over the two weights that tell good starts from the others best."""
    names = weight_names(problem, own.begin.shape[1])
    plane = plane_of_weights(own.begin.mean(axis=0), telling_weights(own), names)
    a, b, c, d = covering(plane.project(own.begin))
    xs, ys = grid((a, b, c, d), grid_shape(len(problem.y_train), own.begin.shape[1], _PIXELS))
    return Terrain(plane, (a, b, c, d), losses(plane, xs, ys))


def telling_weights(result: StartsResult) -> tuple[int, int]:
    """Return two weights, rising: those where good starts and others differ most on average.

    The measure is `|mean of good − mean of others| / spread`; the first two of equals, and the
    first two weights where all starts are alike.
    """
    good, begin = result.good, result.begin
    if good.all() or not good.any():
        return 0, 1
    apart = np.abs(begin[good].mean(axis=0) - begin[~good].mean(axis=0))
    first, second = sorted(np.argsort(-apart, kind="stable")[:2].tolist())
    return first, second
