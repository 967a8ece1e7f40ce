"""The study of many starts: where they end, on the run's loss and on another loss."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tui_gd.insight.explain import weight_names
from tui_gd.insight.landscape import Plane, covering, grid, grid_shape, losses_on, plane_of_weights
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
from tui_gd.plots.axes import Limits
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer
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
class Terrain:
    """The loss `values` (h, w) over two weights; the others are held at the starts' mean."""

    plane: Plane
    limits: Limits
    values: Floats


@dataclass(frozen=True, eq=False)
class StartsFound:
    """Where the starts end: on the run's loss and on the other one, and the landscape there."""

    results: tuple[StartsResult, ...]
    terrain: Terrain | None = None


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


def computation(
    view: View, settings: RunSettings, spread: float
) -> Callable[[Progress], StartsFound]:
    """Return the descent from all starts, first on the run's own loss with its learning rate.

    The other loss starts from the same weights. Its learning rate is the one of `LADDER` with the
    least median final loss among the first few starts.
    """

    def compute(progress: Progress) -> StartsFound:
        begun = time.perf_counter()

        def show(*results: StartsResult) -> None:
            if time.perf_counter() - begun > _PATIENCE_SECONDS:
                progress.show(StartsFound(results))

        trial = _Trial(view, settings, spread, progress)
        own = trial.own(show)
        show(own)
        terrain = _terrain(view, own, progress) if own.begin.shape[1] > 1 else None
        beside = trial.beside(own, show)
        return StartsFound((own,) if beside is None else (own, beside), terrain)

    return compute


class _Trial:
    """Starts drawn for a run, and the descents from them."""

    def __init__(
        self, view: View, settings: RunSettings, spread: float, progress: Progress
    ) -> None:
        self._problem, self._settings, self._spread = view.problem, settings, spread
        self._progress = progress
        self._other = other_loss(view.problem.task, settings.loss_for(view.problem))
        model = view.predictor.model
        self._work = row_work(view.problem.train_rows, model)
        count = affordable_starts(self._work, settings.epochs)
        starts = _starts(view.problem, model.parameters, count, spread, settings.seed)
        starts = starts.astype(np.dtype(settings.dtype))
        for loss in filter(None, (settings.loss, self._other)):
            engine = view.make_engine(loss)
            engine.between_blocks = progress.check
            starts = _finite(starts, engine.loss(starts))
        self._starts = starts

    def own(self, show: Callable[[StartsResult], None]) -> StartsResult:
        """Descend from all starts on the run's loss, with its learning rate."""
        rates = self._settings.alpha * len(self._starts)
        return run_starts(
            self._trainer(self._settings, rates, self._starts),
            self._settings.epochs,
            self._spread,
            minima=_minima(self._problem),
            wanted=self._wanted,
            show=show,
        )

    def beside(
        self, own: StartsResult, show: Callable[[StartsResult, StartsResult], None]
    ) -> StartsResult | None:
        """Descend on the other loss, if there is one, with the rate that suits the first starts."""
        if self._other is None:
            return None
        settings, count = replace(self._settings, loss=self._other), len(self._starts)
        few, epochs = ladder_size(self._work, settings.epochs, count)
        tried = np.tile(self._starts[:few], (len(LADDER), 1))
        trainer = self._trainer(settings, tuple(np.repeat(LADDER, few).tolist()), tried)
        rate = best_rate(trainer, LADDER, epochs, self._wanted)
        return run_starts(
            self._trainer(settings, (rate,) * count, self._starts),
            settings.epochs,
            self._spread,
            wanted=self._wanted,
            show=lambda part: show(own, part),
        )

    def _wanted(self) -> bool:
        return self._progress.wanted

    def _trainer(self, settings: RunSettings, rates: tuple[float, ...], starts: Floats) -> Trainer:
        """Return a trainer with one lane for each rate and start."""
        return replace(settings, alpha=rates).make_trainer(
            self._problem,
            test_losses=False,
            initial_weights=starts,
            between_blocks=self._progress.check,
        )


def _starts(problem: Problem, parameters: int, count: int, spread: float, seed: int) -> Floats:
    """Return starts (count, parameters): normal, or on a surface uniform within its limits."""
    surface = problem.surface
    if surface is None:
        return draw_starts(parameters, count, spread, seed)
    return np.stack([surface.draw_start(abs(seed) * count + i, spread) for i in range(count)])


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


def _terrain(view: View, own: StartsResult, progress: Progress) -> Terrain:
    """Return the loss over the two weights that best separate good starts from the others."""
    engine = on_sample(view.make_engine(own.loss_name))
    engine.between_blocks = progress.check
    parameters = own.begin.shape[1]
    names = weight_names(view.problem, view.predictor.model)
    plane = plane_of_weights(own.begin.mean(axis=0), telling_weights(own), names)
    a, b, c, d = covering(plane.project(own.begin))
    xs, ys = grid((a, b, c, d), grid_shape(len(view.problem.y_train), parameters, _PIXELS))
    return Terrain(plane, (a, b, c, d), losses_on(engine, plane, xs, ys, progress.check))


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
