"""A race made from the settings of a run."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tui_gd.insight.race import RaceResult, race
from tui_gd.learning.engine import interrupting
from tui_gd.learning.models import Floats
from tui_gd.problems import Problem
from tui_gd.session.settings import RunSettings


def race_settings(
    settings: RunSettings,
    rates: Sequence[float],
    optimizers: Sequence[str],
    *,
    loss: str | None,
    epochs: int,
) -> RunSettings:
    """Return the settings of a race: a lane for each rate with each optimizer.

    It has no stop rules: one that waits for all lanes would wait for the worst. A schedule takes
    the race for the whole run.
    """
    return replace(
        settings,
        alpha=tuple(rates),
        optimizer=tuple(optimizers),
        loss=loss,
        epochs=epochs,
        init=None,
        target_loss=None,
        gradient_norm=None,
        patience=None,
    )


def hold_race(
    settings: RunSettings,
    problem: Problem,
    weights: Floats,
    *,
    wanted: Callable[[], bool] = lambda: True,
    show: Callable[[RaceResult], None] | None = None,
) -> RaceResult:
    """Race the lanes of `settings` from `weights` (parameters,); see `tui_gd.insight.race.race`.

    With several optimizers the test losses of every epoch are recorded, else those of the last one.
    """
    trainer = settings.make_trainer(
        problem,
        test_losses=len(settings.optimizer) > 1,
        initial_weights=weights,
        between_blocks=interrupting(wanted),
    )
    return race(trainer, settings.epochs, wanted=wanted, show=show)
