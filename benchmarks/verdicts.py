"""How often a verdict is right, on runs whose state is known: `benchmarks/verdicts.py`.

A run's state is known from how it was made: by its learning rate and the limit in closed form, by
its loss and the least one that least squares or scipy found, by a start on a known saddle or
plateau, by too few rows or random labels. `holds` says at which epochs the run is in that state.
The verdict is asked for as the interface does it, at rest and as if the run went on.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from scipy.optimize import minimize

from tui_gd.insight.curvature import EXACT_PARAMETERS
from tui_gd.insight.verdict import Kind, Verdict
from tui_gd.learning.models import Predictor
from tui_gd.problems import Problem
from tui_gd.problems.problem import with_ones
from tui_gd.session.observer import Observer
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState
from tui_gd.session.verdict import measure, verdict_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from tui_gd.training.trainer import Trainer

    Floats = NDArray[np.float64]

WELL = {Kind.DESCENDING, Kind.NEARLY, Kind.MINIMUM}
"""The kinds that say that all is well."""
STATES = {
    "just begun": {Kind.BEGINNING},
    "learning": {Kind.DESCENDING},
    "nearly there": {Kind.NEARLY},
    "at a minimum": {Kind.MINIMUM},
    "on a saddle": {Kind.SADDLE, Kind.PLATEAU},
    "on a plateau": {Kind.PLATEAU, Kind.SATURATED},
    "in a narrow valley": {Kind.VALLEY},
    "far from the minimum": {Kind.DESCENDING},
    "swinging": {Kind.ZIGZAG},
    "noisy batches": {Kind.NOISY},
    "diverging": {Kind.DIVERGING},
    "blown up": {Kind.DIVERGED},
    "overfitting": {Kind.OVERFITTING},
    "learned by heart": {Kind.BY_HEART},
    "one class for all": {Kind.ONE_CLASS},
}
"""The states, and the kinds that are right."""
_UNKNOWN = {state: {Kind.FLAT} for state in STATES} | {"nearly there": {Kind.DESCENDING}}
IS_WELL = {"just begun", "learning", "nearly there", "at a minimum", "far from the minimum"}


@dataclass
class Watch:
    """A lane at an epoch, with its losses from the start."""

    trainer: Trainer
    least: float

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return self.trainer.epoch

    @property
    def losses(self) -> Floats:
        """The train losses of all epochs."""
        return self.trainer.losses()

    @property
    def test(self) -> Floats:
        """The test losses of all epochs."""
        return self.trainer.test_losses()

    @property
    def left(self) -> float:
        """What is left to gain, as a share of the loss."""
        return float((self.losses[-1] - self.least) / self.losses[-1])

    @property
    def change(self) -> float:
        """The change of the loss over the last ten epochs, as a share."""
        return float(self.losses[-1] / self.losses[max(0, self.epoch - 10)] - 1.0)


@dataclass
class Case:
    """A run, and the state that it is in wherever `holds` is true at one of `epochs`.

    `least` is the lowest loss that it can reach, NaN where that is not needed.
    """

    state: str
    name: str
    problem: Problem
    settings: RunSettings
    epochs: Sequence[int]
    start: Floats | None = None
    least: float = math.nan
    holds: Callable[[Watch], bool] = lambda _: True
    also: set[Kind] = field(default_factory=set)

    @property
    def right(self) -> set[Kind]:
        """The kinds that are right."""
        return STATES[self.state] | self.also

    @property
    def many(self) -> bool:
        """Whether there are so many weights that their curvature is measured at rest only."""
        model = self.settings.make_trainer(self.problem).model
        return model.parameters > EXACT_PARAMETERS


def said_of(case: Case) -> Iterator[tuple[int, str, Verdict]]:
    """Yield epoch, "rest" or "run", and verdict, wherever the state is there."""
    initial = None if case.start is None else np.array(case.start, dtype=float)
    trainer = case.settings.make_trainer(case.problem, initial_weights=initial)
    trainer.record_norms()
    predictor = Predictor(trainer.model, case.problem.task)
    observer = Observer(trainer, predictor)
    engine = trainer.engines.make(trainer.lanes[0].methods[0].loss)
    for epoch in case.epochs:
        trainer.advance(epoch - trainer.epoch)
        if trainer.epoch < epoch and not trainer.diverged.all():
            raise RuntimeError(f"{case.name}: stopped at epoch {trainer.epoch}")
        with np.errstate(all="ignore"):
            if not case.holds(Watch(trainer, case.least)):
                continue
            if not trainer.diverged.all():
                trainer.look_ahead()
            for state, how in ((RunState.PAUSED, "rest"), (RunState.RUNNING, "run")):
                snapshot = observer.snapshot(state=state, epochs=epoch, seed=0)
                found = measure(snapshot, case.problem, predictor, engine)
                yield trainer.epoch, how, verdict_on(snapshot, case.problem, case.settings, found)
        if trainer.diverged.all():
            return


# Data


def regression(
    rows: int, features: int, *, noise: float = 0.3, offset: float = 0.0, seed: int = 0,
    scales: Sequence[float] | None = None, signal: float = 1.0,
) -> Problem:  # fmt: skip
    """Return a linear target with noise; the features have these scales."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2 * rows, features)) * np.array(scales or [1.0] * features)
    y = signal * (x / np.array(scales or [1.0] * features)) @ np.arange(1.0, features + 1)
    y = y + noise * rng.standard_normal(2 * rows) + offset
    return _split(f"linear-{seed}", "regression", x, y, ())


def classes(
    rows: int, *, share: float = 0.5, apart: float = 1.0, features: int = 2, seed: int = 0,
    count: int = 2,
) -> Problem:  # fmt: skip
    """Return classes around points that are `apart`; the second of two has that share."""
    rng = np.random.default_rng(seed)
    if count == 2:
        y = (np.arange(2 * rows) < share * 2 * rows).astype(np.int8)
    else:
        y = (np.arange(2 * rows) % count).astype(np.int8)
    y = rng.permutation(y)
    centres = rng.standard_normal((count, features))
    centres /= np.linalg.norm(centres, axis=1)[:, None]
    x = rng.standard_normal((2 * rows, features)) + apart * centres[y]
    task = "binary" if count == 2 else "multiclass"
    return _split(f"classes-{seed}", task, x, y, tuple("abcdefgh"[:count]))


def _split(name: str, task: str, x: Floats, y: NDArray[np.generic], names: tuple) -> Problem:
    x = with_ones(x)
    half = len(x) // 2
    features = tuple(f"x{i + 1}" for i in range(x.shape[1] - 1))
    return Problem(name, task, x[:half], y[:half], x[half:], y[half:], features, names)


@lru_cache
def built_in(name: str, **options: object) -> Problem:
    """Return a built-in problem."""
    return RunSettings(name, **options).load_problem()  # type: ignore[arg-type]


# What is known about the runs


def fit(problem: Problem, l2: float = 0.0) -> tuple[Floats, float]:
    """Return the weights with the least mse, and that loss, by the normal equations."""
    x, y = problem.x_train, problem.y_train
    penalty = l2 / 2 * np.diag([*[1.0] * (x.shape[1] - 1), 0.0])
    hessian = x.T @ x / len(y) + penalty
    weights = np.linalg.solve(hessian, x.T @ y / len(y))
    return weights, float(np.mean((x @ weights - y) ** 2) + weights @ penalty @ weights)


def limit(problem: Problem) -> float:
    """Return 2/λ of the mse, by the eigenvalues of its moments."""
    x = problem.x_train
    return 1.0 / float(np.linalg.eigvalsh(x.T @ x / len(x))[-1])


def least_of(
    problem: Problem, settings: RunSettings, start: Floats | None = None
) -> tuple[Floats, float]:
    """Return the weights and the loss that scipy's BFGS comes to from a start."""
    trainer = settings.make_trainer(problem, initial_weights=start)
    engine, factor = trainer.engine, trainer.engine.rule.descent_factor

    def value(weights: Floats) -> tuple[float, Floats]:
        loss, direction = engine.loss_and_grad(weights[None])
        return float(loss[0]), direction[0] / factor

    begin, found = trainer.weights[0].copy(), None
    for _ in range(4):  # once more from its end, because BFGS gives up early
        options = {"maxiter": 4000, "gtol": 1e-14}
        found = minimize(value, begin, jac=True, method="BFGS", options=options)
        begin = found.x
    assert found is not None
    return found.x, float(found.fun)


# The runs, state by state


def just_begun() -> Iterator[Case]:
    """At most three epochs, and the loss moves."""
    for seed in range(6):
        problem = regression(100, 2, seed=seed)
        settings = RunSettings(loss="mse", alpha=(0.3 * limit(problem),), seed=seed)
        yield Case("just begun", "linear", problem, settings, (0, 1, 2))
        settings = RunSettings(loss="cross-entropy", alpha=(0.3,), start="zeros")
        yield Case("just begun", "logistic", classes(100, seed=seed), settings, (0, 1, 2))
    for name in ("himmelblau", "booth", "beale"):
        problem = built_in(f"surface:{name}")
        settings = RunSettings(f"surface:{name}", alpha=(1e-3,))
        yield Case("just begun", name, problem, settings, (0, 1, 2))
    for seed in range(4):
        settings = RunSettings(hidden=(6,), loss="cross-entropy", alpha=(0.3,), seed=seed)
        yield Case("just begun", "network", built_in("moons", samples=200), settings, (0, 1, 2))


def learning() -> Iterator[Case]:
    """The loss falls by 1 % or more in ten epochs, and test rows are no worse than before."""

    def holds(at: Watch) -> bool:
        falls = bool((np.diff(at.losses[-12:]) < 0).all())
        return falls and at.change < -0.01 and at.test[-1] <= 1.001 * np.nanmin(at.test)

    epochs = (5, 10, 20, 40, 80)
    for seed in range(8):
        problem = regression(200, 3, seed=seed)
        settings = RunSettings(loss="mse", alpha=(0.1 * limit(problem),), seed=seed)
        yield Case("learning", "linear", problem, settings, epochs, holds=holds)
        settings = RunSettings(loss="cross-entropy", alpha=(0.5,), seed=seed)
        problem = classes(200, apart=2.0, seed=seed)
        yield Case("learning", "logistic", problem, settings, epochs, holds=holds)
    for seed in range(6):
        settings = RunSettings(hidden=(8,), loss="cross-entropy", alpha=(0.5,), seed=seed)
        problem = built_in("moons", samples=400)
        yield Case("learning", "network", problem, settings, epochs, holds=holds)
        settings = RunSettings(hidden=(8, 8), loss="mse", alpha=(0.1,), seed=seed)
        problem = regression(200, 2, seed=seed)
        yield Case("learning", "deeper network", problem, settings, epochs, holds=holds)


def learning_otherwise() -> Iterator[Case]:
    """With other losses, models, optimizers and schedules."""

    def holds(at: Watch) -> bool:
        rises = int((np.diff(at.losses[-12:]) > 0).sum())
        return not rises and at.change < -0.01 and at.test[-1] <= 1.001 * np.nanmin(at.test)

    epochs = (5, 10, 20, 40, 80, 200)
    for seed in range(3):
        moons, iris = built_in("moons", samples=400), built_in("iris", standardize=True)
        line = regression(200, 3, seed=seed)
        for name, problem, options in (
            ("hinge", classes(200, apart=3.0, seed=seed), {"loss": "hinge", "alpha": (0.05,)}),
            ("absolute error", line, {"loss": "mae", "alpha": (0.05,)}),
            ("huber", line, {"loss": "huber", "alpha": (0.2,)}),
            ("softmax", iris, {"loss": "cross-entropy", "alpha": (0.3,)}),
            ("separable", classes(200, apart=9.0, seed=seed), {"loss": "cross-entropy"}),
            (
                "squared sigmoid",
                classes(200, apart=3.0, seed=seed),
                {"loss": "mse", "alpha": (1.0,)},
            ),
            ("momentum", line, {"loss": "mse", "alpha": (0.005,), "optimizer": ("momentum",)}),
            ("nesterov", moons, {"loss": "cross-entropy", "optimizer": ("nesterov",)}),
            ("adam", moons, {"loss": "cross-entropy", "hidden": (8,), "optimizer": ("adam",)}),
            ("relu", moons, {"loss": "cross-entropy", "hidden": (8,), "activation": "relu"}),
            ("337 weights", moons, {"loss": "cross-entropy", "hidden": (16, 16), "alpha": (0.3,)}),
            ("exponential", line, {"loss": "mse", "alpha": (0.3,), "schedule": "exponential:0.97"}),
            ("warmup", line, {"loss": "mse", "alpha": (0.1,), "schedule": "warmup:50+constant"}),
        ):
            settings = RunSettings(**{"alpha": (0.05,), "seed": seed, **options})
            yield Case("learning", name, problem, settings, epochs, holds=holds)


def nearly_there() -> Iterator[Case]:
    """The loss has 0.001 to 0.3 % left, and falls by less than 0.1 % in ten epochs."""

    def holds(at: Watch) -> bool:
        return 1e-5 < at.left < 3e-3 and -7e-4 < at.change < 0.0

    for seed in range(10):
        problem = regression(200, 3, seed=seed, noise=1.0)
        weights, least = fit(problem)
        settings = RunSettings(loss="mse", alpha=(0.02 * limit(problem),))
        near = weights + 0.02 * np.random.default_rng(seed).standard_normal(4)
        yield Case("nearly there", "linear", problem, settings, (5, 15, 40), near, least, holds)
    for seed in range(8):
        problem = classes(200, apart=1.0, seed=seed)
        settings = RunSettings(loss="cross-entropy", alpha=(0.1,))
        weights, least = least_of(problem, settings)
        near = weights + 0.03 * np.random.default_rng(seed).standard_normal(3)
        yield Case("nearly there", "logistic", problem, settings, (5, 15, 40), near, least, holds)
    for seed in range(4):
        problem = classes(150, apart=1.0, seed=seed, count=3)
        settings = RunSettings(loss="cross-entropy", alpha=(0.1,))
        weights, least = least_of(problem, settings)
        near = weights + 0.03 * np.random.default_rng(seed).standard_normal(9)
        yield Case("nearly there", "softmax", problem, settings, (5, 15, 40), near, least, holds)


def networks_at_rest() -> Iterator[Case]:
    """Networks with a penalty, at the minimum that scipy's BFGS found, and a little beside it."""
    for seed in range(6):
        problem = _split(f"sine-{seed}", "regression", *_sine(100, seed), ())
        hidden = ((3,), (6,), (14,))[seed % 3]
        settings = RunSettings(hidden=hidden, loss="mse", l2=0.02, alpha=(0.05,), seed=seed)
        weights, least = least_of(problem, settings)
        epochs = (0, 4, 12)
        yield Case("at a minimum", "network, l2", problem, settings, epochs, weights)
        rng = np.random.default_rng(seed)
        for size in (1e-3, 3e-3, 0.01):
            near = weights + size * rng.standard_normal(len(weights))
            slow = RunSettings(hidden=hidden, loss="mse", l2=0.02, alpha=(0.002,), seed=seed)
            yield Case(
                "nearly there", "network, l2", problem, slow, (5, 15, 40), near, least,
                holds=lambda at: 1e-5 < at.left < 3e-3 and -7e-4 < at.change < 0.0,
                also={Kind.DESCENDING},  # where it still curves down a little
            )  # fmt: skip
    for seed in range(6):
        # without a penalty a unit in two parts is a saddle as good as the minimum it comes from
        problem = _split(f"sine-{seed}", "regression", *_sine(60, seed), ())
        hidden = 2 + seed % 3
        settings = RunSettings(hidden=(hidden,), loss="mse", alpha=(0.02,), seed=seed)
        weights, least = least_of(problem, settings)
        doubled, lower = _split_unit(weights, hidden), math.inf
        more = RunSettings(hidden=(hidden + 1,), loss="mse", alpha=(0.02,), seed=seed)
        for push in range(4):
            moved = doubled[0] + 0.05 * np.random.default_rng(push).standard_normal(len(doubled[0]))
            lower = min(lower, least_of(problem, more, moved)[1])
        values = _eigenvalues(problem, more, doubled[0])
        if lower < 0.98 * least and values[0] < -1e-4 * values[-1]:
            more = replace(more, alpha=(0.3 / values[-1],))
            yield Case("on a saddle", "a unit in two", problem, more, (0, 3, 6), doubled[0])


def _eigenvalues(problem: Problem, settings: RunSettings, weights: Floats) -> Floats:
    """Return the eigenvalues of the Hessian by plain differences of the gradient."""
    engine = settings.make_trainer(problem, initial_weights=weights).engine
    moves = 1e-5 * np.eye(len(weights))
    slopes = engine.loss_and_grad(np.concatenate([weights + moves, weights - moves]))[1]
    hessian = (slopes[: len(weights)] - slopes[len(weights) :]) / 2e-5
    return np.linalg.eigvalsh(hessian + hessian.T) / 2.0


def _split_unit(weights: Floats, hidden: int) -> tuple[Floats, int]:
    """Return the weights of a network with one feature whose first unit is in two equal parts."""
    first, second = weights[: 2 * hidden].reshape(2, hidden), weights[2 * hidden :]
    doubled = np.hstack([first, first[:, :1]])
    shared = np.concatenate([[0.4 * second[0]], second[1:-1], [0.6 * second[0]], second[-1:]])
    return np.concatenate([doubled.ravel(), shared]), hidden + 1


def at_a_minimum() -> Iterator[Case]:
    """Started at the least loss that the normal equations or scipy found."""
    epochs = (0, 1, 4, 12, 30)
    for seed in range(6):
        for name, options in (
            ("linear", {}),
            ("pure noise", {"signal": 0.0, "noise": 1.0}),
            ("target near 1e6", {"offset": 1e6}),
            ("scales 1 to 30", {"scales": (1.0, 30.0)}),
        ):
            problem = regression(150, 2, seed=seed, **options)
            settings = RunSettings(loss="mse", alpha=(0.5 * limit(problem),))
            yield Case("at a minimum", name, problem, settings, epochs, fit(problem)[0])
        problem = classes(300, apart=0.0, seed=seed)
        settings = RunSettings(loss="cross-entropy", alpha=(0.5,))
        weights, _ = least_of(problem, settings)
        several = {Kind.ONE_CLASS}  # a coin may well look like one class
        yield Case(
            "at a minimum", "labels by a coin", problem, settings, epochs, weights, also=several
        )
        problem = classes(300, apart=1.0, seed=seed, count=4)
        settings = RunSettings(loss="cross-entropy", alpha=(0.1,), l2=0.01)
        weights, _ = least_of(problem, settings)
        yield Case("at a minimum", "softmax, l2", problem, settings, epochs, weights)
    for name in ("himmelblau", "booth", "two-valleys", "two-valleys-1d"):
        problem = built_in(f"surface:{name}")
        assert problem.surface is not None
        for one in problem.surface.minima[:2]:
            settings = RunSettings(f"surface:{name}", alpha=(1e-3,))
            yield Case("at a minimum", name, problem, settings, epochs, np.array(one.point))


def on_a_saddle() -> Iterator[Case]:
    """Started on a point without gradient that curves up and down, or a hair's breadth away."""
    for formula, point in (
        ("x^2 - y^2", (0.0, 0.0)),
        ("x^2 - y^2 + y^4/4", (0.0, 0.0)),
        ("(x-1000)^2 - (y+300)^2 + (y+300)^4", (1000.0, -300.0)),
        ("x*y", (0.0, 0.0)),
        ("cos(x) + cos(y)", (math.pi, 0.0)),
    ):
        problem = RunSettings("surface", surface=formula).load_problem()
        settings = RunSettings("surface", surface=formula, alpha=(0.01,))
        for away in (0.0, 1e-10, 1e-7):
            start = np.array(point) + away * np.array([1.0, 0.7])
            yield Case("on a saddle", formula, problem, settings, (0, 3, 6), start)
    for seed in range(6):
        problem = built_in("xor", samples=200)
        settings = RunSettings(hidden=(3,), loss="mse", alpha=(0.1,), seed=seed)
        problem = _split(
            f"sine-{seed}",
            "regression",
            *_sine(100, seed),
            (),
        )
        # all weights 0 but the last bias, which is the mean: no gradient, and a way down
        start = np.zeros(2 * 3 + 4)
        start[-1] = problem.y_train.mean()
        yield Case("on a saddle", "zero network", problem, settings, (0, 3, 6, 20), start)


def _sine(rows: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 2.0, (2 * rows, 1))
    return x, np.sin(2.0 * x[:, 0]) + 0.5 * x[:, 0] + 0.1 * rng.standard_normal(2 * rows)


def on_a_plateau() -> Iterator[Case]:
    """Half the rows or more are wrong, or the network says the same for all, and hardly moves."""
    still = dict(holds=lambda at: abs(at.change) < 5e-4)  # noqa: C408
    for seed in range(8):
        rng = np.random.default_rng(seed)
        problem = classes(200, apart=4.0, seed=seed)
        x, y = problem.x_train, problem.y_train
        # the best boundary reversed: nearly all rows are wrong, with p near 1
        side = np.linalg.lstsq(x, 2.0 * y - 1.0, rcond=None)[0]
        for size in (60.0, 300.0):
            start = -size * side / np.linalg.norm(side) + rng.standard_normal(3)
            for loss, alpha in (("sse", 1e-4), ("mse", 0.02)):
                settings = RunSettings(loss=loss, alpha=(alpha,))
                yield Case(
                    "on a plateau", "wrong side", problem, settings, (3, 8, 20, 40), start, **still
                )
    for seed in range(6):
        # sigmoid units, layer upon layer, with small weights: the gradient dies on its way back
        problem = _split(f"sine-{seed}", "regression", *_sine(150, seed), ())
        settings = RunSettings(
            hidden=(4, 4, 4), activation="sigmoid", loss="mse", alpha=(0.05,), seed=seed
        )
        trainer = settings.make_trainer(problem)
        start = 0.1 * trainer.weights[0]
        start[-1] += problem.y_train.mean() - 0.5 * start[-5:-1].sum() - start[-1]
        yield Case(
            "on a plateau", "deep sigmoid", problem, settings, (20, 40, 80), start,
            holds=lambda at: abs(at.change) < 5e-4, also={Kind.SADDLE},
        )  # fmt: skip


def networks_on_a_plateau() -> Iterator[Case]:
    """Networks that hardly move, while scipy's BFGS finds a loss a third lower from there."""
    for seed in range(5):
        for name in ("circles", "spiral", "xor"):
            for activation in ("sigmoid", "tanh"):
                problem = built_in(name, samples=100)
                settings = RunSettings(
                    name, samples=100, hidden=(3,), activation=activation, loss="mse", seed=seed,
                    alpha=(0.1,),
                )  # fmt: skip

                def holds(at: Watch, problem: Problem = problem) -> bool:
                    if not -2e-4 < at.change < 0.0:
                        return False
                    settings = RunSettings(hidden=(3,), activation=activation, loss="mse")  # noqa: B023
                    weights = at.trainer.weights[0].copy()
                    return least_of(problem, settings, weights)[1] < 0.67 * at.losses[-1]

                yield Case(
                    "on a plateau", f"network on {name}", problem, settings, (30, 100, 200, 400),
                    holds=holds, also={Kind.SADDLE, Kind.VALLEY, Kind.ONE_CLASS},
                )  # fmt: skip


def in_a_narrow_valley() -> Iterator[Case]:
    """Slow along the floor, with 2 % or more of the loss to gain, α near its limit."""

    def holds(at: Watch) -> bool:
        return at.left > 0.02 and -7e-3 < at.change < 0.0

    for seed in range(12):
        steep = (60.0, 100.0, 200.0)[seed % 3]
        problem = regression(150, 2, seed=seed, scales=(1.0, steep), noise=0.5)
        _, least = fit(problem)
        # on the floor: the best weight for the large feature, 0 for the small one
        x, y = problem.x_train, problem.y_train
        floor = np.zeros(3)
        floor[1:] = np.linalg.lstsq(x[:, 1:], y, rcond=None)[0]
        settings = RunSettings(loss="mse", alpha=(0.5 * limit(problem),))
        yield Case(
            "in a narrow valley", f"scales 1 to {steep:g}", problem, settings, (20, 60, 200), floor,
            least, holds,
        )  # fmt: skip
    problem = built_in("surface:rosenbrock")
    for x in (-1.2, -0.9, -0.5, 0.3, 0.6):
        settings = RunSettings("surface:rosenbrock", alpha=(1e-3,))
        start = np.array([x, x * x])
        yield Case(
            "in a narrow valley", "rosenbrock", problem, settings, (100, 200, 400), start, 0.0,
            holds=lambda at: at.losses[-1] > 0.02,
        )  # fmt: skip


def far_from_the_minimum() -> Iterator[Case]:
    """Weights of ordinary size, and a minimum a thousand or a million times as far away."""
    for seed in range(6):
        problem = regression(100, 2, seed=seed, offset=1e6)
        settings = RunSettings(loss="mse", alpha=(1e-6,), seed=seed)
        yield Case("far from the minimum", "target near 1e6", problem, settings, (4, 12, 40))
        settings = RunSettings(loss="mse", alpha=(0.1 * limit(problem),), seed=seed)
        yield Case("far from the minimum", "target near 1e6", problem, settings, (4, 12, 40))
    for formula, point in (("(x-1000)^2", (1000.5,)), ("(x+1e5)^2/9", (-99999.0,))):
        problem = RunSettings("surface", surface=formula).load_problem()
        for alpha in (1e-3, 1e-2, 0.1):
            settings = RunSettings("surface", surface=formula, alpha=(alpha,))
            yield Case(
                "far from the minimum", formula, problem, settings, (4, 8), np.array(point),
                holds=lambda at: at.losses[-1] > 0.03 * at.losses[0],
            )  # fmt: skip


def swinging() -> Iterator[Case]:
    """Between 0.9 and 1 of the limit of a quadratic, along its steepest direction."""
    for seed in range(10):
        problem = regression(150, 2, seed=seed)
        x = problem.x_train
        weights, least = fit(problem)
        steepest = np.linalg.eigh(x.T @ x)[1][:, -1]
        for ratio in (0.9, 0.96, 0.995):
            settings = RunSettings(loss="mse", alpha=(ratio * limit(problem),))
            start = weights + 5.0 * steepest
            yield Case(
                "swinging", "linear", problem, settings, (5, 10, 20, 40), start, least,
                holds=lambda at: at.left > 1e-3,
            )  # fmt: skip


def swinging_otherwise() -> Iterator[Case]:
    """A logistic regression that jumps between two sides, and networks at the edge."""

    def holds(at: Watch) -> bool:
        ups = np.diff(at.losses[-14:]) > 0
        back_and_forth = bool((ups[1:] != ups[:-1]).all())
        return len(ups) > 10 and back_and_forth and abs(at.change) < 0.3

    for seed in range(6):
        problem = classes(200, apart=1.0, seed=seed)
        for alpha in (12.0, 20.0, 40.0):
            settings = RunSettings(loss="cross-entropy", alpha=(alpha,), seed=seed)
            yield Case(
                "swinging", "logistic", problem, settings, (20, 40, 80, 160), None, math.nan, holds
            )


def noisy_batches() -> Iterator[Case]:
    """Mini-batches of 4 with steps so large that the loss stays far above its least."""

    def holds(at: Watch) -> bool:
        last, before = at.losses[-40:].mean(), at.losses[-80:-40].mean()
        return abs(last / before - 1.0) < 0.5 and last > 1.05 * at.least

    for seed in range(14):
        problem = regression(100, 4, seed=seed, noise=3.0)
        _, least = fit(problem)
        settings = RunSettings(loss="mse", alpha=(0.1,), batch_size=4, seed=seed)
        yield Case(
            "noisy batches", "linear", problem, settings, (100, 130, 170, 220), None, least, holds
        )


def diverging() -> Iterator[Case]:
    """Above the limit of a quadratic, when the loss has risen for six epochs or more."""
    for seed in range(8):
        for ratio in (1.05, 1.3, 2.0, 6.0):
            problem = regression(150, 2, seed=seed)
            settings = RunSettings(loss="mse", alpha=(ratio * limit(problem),), seed=seed)
            yield Case(
                "diverging", f"{ratio:g} times the limit", problem, settings, (6, 10, 20, 40, 60),
                holds=lambda at: at.epoch >= 6 and bool((np.diff(at.losses[-7:]) > 0.0).all())
                and at.losses[-1] > at.losses[0],
            )  # fmt: skip


def diverging_otherwise() -> Iterator[Case]:
    """With momentum, with a schedule that raises the rate, and on half the gradient."""

    def holds(at: Watch) -> bool:
        return bool((np.diff(at.losses[-7:]) > 0.0).all()) and at.losses[-1] > 2 * at.losses[0]

    epochs = (10, 15, 20, 30, 40, 60)
    for seed in range(5):
        problem = regression(150, 2, seed=seed)
        for name, options in (
            ("momentum", {"optimizer": ("momentum",), "alpha": (9.0 * limit(problem),)}),
            ("nesterov", {"optimizer": ("nesterov",), "alpha": (4.0 * limit(problem),)}),
            ("rising rate", {"schedule": "exponential:1.2", "alpha": (0.3 * limit(problem),)}),
            ("sse", {"loss": "sse", "alpha": (1.5 * 2.0 * limit(problem) / 150,)}),
        ):
            settings = RunSettings(**{"loss": "mse", "seed": seed, **options})
            yield Case("diverging", name, problem, settings, epochs, holds=holds)


def blown_up() -> Iterator[Case]:
    """Until a number overflows."""
    for seed in range(5):
        problem = regression(150, 2, seed=seed)
        settings = RunSettings(loss="mse", alpha=(5.0 * limit(problem),), seed=seed)
        yield Case("blown up", "linear", problem, settings, (3000,))
        settings = RunSettings("surface", surface="x^4 + y^4", alpha=(1.0,))
        problem = RunSettings("surface", surface="x^4 + y^4").load_problem()
        yield Case("blown up", "quartic", problem, settings, (3000,), np.array([3.0 + seed, 1.0]))


def overfitting() -> Iterator[Case]:
    """The test loss has risen for 15 epochs by 5 % or more of all that it fell."""

    def holds(at: Watch) -> bool:
        best = int(np.nanargmin(at.test))
        rise, rises = at.test[-1] - at.test[best], np.diff(at.test[best:]) > 0
        steady = best < at.epoch - 15 and bool(rises.mean() > 0.65)
        return best > 1 and steady and rise > 0.05 * (at.test[0] - at.test[best])

    for seed in range(14):
        settings = RunSettings(
            samples=40, noise=0.9, data_seed=seed, hidden=(16,), loss="cross-entropy", alpha=(0.5,),
            seed=seed, epochs=400,
        )  # fmt: skip
        problem = built_in("moons", samples=40, noise=0.9, data_seed=seed)
        yield Case(
            "overfitting", "network on 20 rows", problem, settings, range(40, 400, 30), holds=holds,
            also={Kind.BY_HEART},
        )  # fmt: skip


def overfitting_otherwise() -> Iterator[Case]:
    """As many weights as rows, nearly, and mostly noise: the test loss falls and then rises."""

    def holds(at: Watch) -> bool:
        best = int(np.nanargmin(at.test))
        rise, rises = at.test[-1] - at.test[best], np.diff(at.test[best:]) > 0
        steady = best < at.epoch - 15 and bool(rises.mean() > 0.8)
        falls = at.change < -1e-4
        return falls and best > 3 and steady and rise > 0.05 * (at.test[0] - at.test[best])

    for seed in range(14):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((80, 30))
        y = x[:, :3].sum(axis=1) + 1.5 * rng.standard_normal(80)
        problem = _split(f"wide-{seed}", "regression", x, y, ())
        settings = RunSettings(loss="mse", alpha=(0.2 * limit(problem),), start="zeros")
        yield Case(
            "overfitting", "30 features, 40 rows", problem, settings, (60, 100, 150, 200, 300, 400),
            holds=holds, also={Kind.BY_HEART},
        )  # fmt: skip


def by_heart() -> Iterator[Case]:
    """More weights than rows, and targets that mean nothing: train rows alone can be learned."""

    def holds(at: Watch) -> bool:
        return bool(at.losses[-1] < 1e-4 * at.losses[0] and at.test[-1] > at.test[0] * 0.2)

    for seed in range(14):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((60, 40)), rng.standard_normal(60)
        problem = _split(f"noise-{seed}", "regression", x, y, ())
        settings = RunSettings(loss="mse", alpha=(0.5 * limit(problem),), start="zeros")
        yield Case(
            "learned by heart", "40 features, 30 rows", problem, settings, (2000, 20000, 40000),
            holds=holds, also={Kind.OVERFITTING},
        )  # fmt: skip


def one_class() -> Iterator[Case]:
    """One class is 1 to 5 % of the rows, and the features do not tell it from the other."""

    def holds(at: Watch) -> bool:
        p = Predictor(at.trainer.model, "binary")
        problem = at.trainer.problem
        predicted = p.predict(at.trainer.weights[0], problem.x_test)  # type: ignore[arg-type]
        return len(set(predicted.tolist())) == 1 and at.change > -0.2

    for seed in range(8):
        for share in (0.01, 0.05):
            problem = classes(500, share=share, apart=0.3, seed=seed)
            settings = RunSettings(loss="cross-entropy", alpha=(0.5,), start="zeros", seed=seed)
            yield Case(
                "one class for all", f"{share:.0%} rare", problem, settings, (20, 60, 200, 600),
                holds=holds,
            )  # fmt: skip


def more_noise() -> Iterator[Case]:
    """Batches of a logistic regression and of a network, at the height where they stay."""

    def holds(at: Watch) -> bool:
        last, before = at.losses[-40:].mean(), at.losses[-80:-40].mean()
        rough = np.abs(np.diff(at.losses[-40:])).mean() > 0.01 * last
        return abs(last / before - 1.0) < 0.1 and rough

    for seed in range(6):
        problem = classes(150, apart=1.0, seed=seed)
        settings = RunSettings(loss="cross-entropy", alpha=(1.0,), batch_size=5, seed=seed)
        yield Case(
            "noisy batches", "logistic", problem, settings, (100, 130, 170, 220), holds=holds,
        )  # fmt: skip
        problem = regression(100, 2, seed=seed, noise=2.0)
        settings = RunSettings(hidden=(6,), loss="mse", alpha=(0.1,), batch_size=5, seed=seed)
        yield Case(
            "noisy batches", "network", problem, settings, (100, 130, 170, 220), holds=holds,
            also={Kind.OVERFITTING},
        )  # fmt: skip


COLLECTION = (
    just_begun,
    learning,
    learning_otherwise,
    nearly_there,
    at_a_minimum,
    networks_at_rest,
    on_a_saddle,
    on_a_plateau,
    networks_on_a_plateau,
    in_a_narrow_valley,
    far_from_the_minimum,
    swinging,
    swinging_otherwise,
    noisy_batches,
    more_noise,
    diverging,
    diverging_otherwise,
    blown_up,
    overfitting,
    overfitting_otherwise,
    by_heart,
    one_class,
)


@dataclass
class Tally:
    """The runs of one state, and their verdicts."""

    runs: int = 0
    said: Counter[Kind] = field(default_factory=Counter)
    wrong: Counter[Kind] = field(default_factory=Counter)
    empty: int = 0
    well: int = 0

    @property
    def share(self) -> float:
        """The share of verdicts that are right."""
        total = self.said.total()
        return 1.0 - self.wrong.total() / total if total else math.nan


def count(every: int = 1, show: Callable[[str], object] | None = None) -> dict[str, Tally]:
    """Return a tally for every state, of each `every`-th of its runs."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for make in COLLECTION:
        for number, case in enumerate(make()):
            if number % every:
                continue
            tally, asked = tallies[case.state], 0
            for epoch, how, verdict in said_of(case):
                asked += 1
                tally.said[verdict.kind] += 1
                # what the curvature would say is not known then
                unknown = how == "run" and case.many and verdict.kind in _UNKNOWN[case.state]
                if verdict.kind not in case.right and not unknown:
                    tally.wrong[verdict.kind] += 1
                    tally.well += case.state not in IS_WELL and verdict.kind in WELL
                    if show:
                        show(f"{case.state}: {case.name}, epoch {epoch}, {how}: {verdict.line}")
            tally.runs += asked > 0
            tally.empty += asked == 0
    return dict(tallies)


def table(tallies: dict[str, Tally]) -> list[str]:
    """Return the table that is printed."""
    lines = [f"{'state':<22}{'runs':>6}{'verdicts':>10}{'right':>8}   wrong"]
    for state, tally in tallies.items():
        wrong = ", ".join(f"{kind} {count}" for kind, count in tally.wrong.most_common())
        total = tally.said.total()
        row = f"{state:<22}{tally.runs:>6}{total:>10}{tally.share:>8.1%}   {wrong}"
        lines.append(row.rstrip())
    runs = sum(tally.runs for tally in tallies.values())
    total = sum(tally.said.total() for tally in tallies.values())
    wrong = sum(tally.wrong.total() for tally in tallies.values())
    lines.append(f"{'all':<22}{runs:>6}{total:>10}{1 - wrong / total:>8.1%}")
    well = sum(tally.well for tally in tallies.values())
    lines.append(f"all is well, where it is not: {well}")
    empty = sum(tally.empty for tally in tallies.values())
    lines.append(f"runs that never came into their state, not counted: {empty}")
    return lines


# Random runs, whose verdicts scipy checks

CLAIMS = {
    Kind.MINIMUM: "0.1 % lower or more",
    Kind.NEARLY: "3 % lower or more",
    Kind.PLATEAU: "less than 0.5 % lower",
    Kind.SADDLE: "less than 0.5 % lower",
    Kind.VALLEY: "less than 0.5 % lower",
}
"""The kinds that scipy's BFGS can refute, and the loss that it comes to from there if it does."""


def is_refuted(kind: Kind, left: float) -> bool:
    """Return whether a share by which BFGS came lower refutes a verdict."""
    if kind is Kind.MINIMUM:
        return left >= 1e-3
    return left >= 0.03 if kind is Kind.NEARLY else left < 5e-3


def random_case(rng: np.random.Generator) -> Case:
    """Return a run with a random problem, model, loss, optimizer and learning rate."""

    def one(*values: object) -> object:
        return values[rng.integers(len(values))]

    name = str(one("blobs", "moons", "xor", "circles", "line", "plane", "iris", "spiral", "wine"))
    table = name in {"iris", "wine"}
    problem = built_in(name, standardize=True) if table else built_in(name, samples=150)
    losses = ("mse", "sse", "huber") if problem.task == "regression" else (
        "sse", "mse", "cross-entropy",
    )  # fmt: skip
    settings = RunSettings(
        loss=str(one(*losses)),
        hidden=one((), (), (3,), (6,), (4, 4)),  # type: ignore[arg-type]
        activation=str(one("tanh", "sigmoid", "relu")),
        optimizer=(str(one("sgd", "sgd", "momentum", "adam")),),
        alpha=(float(10.0 ** rng.uniform(-4, 1)),),
        l2=float(one(0.0, 0.0, 0.01)),  # type: ignore[arg-type]
        seed=int(rng.integers(1000)),
    )
    return Case("random", name, problem, settings, (3, 8, 20, 60, 200, 600, 2000))


def check(runs: int, seed: int, show: Callable[[str], object] | None = None) -> list[str]:
    """Return a table of how often BFGS refutes the verdicts on random runs, at rest."""
    rng = np.random.default_rng(seed)
    said: Counter[Kind] = Counter()
    refuted: Counter[Kind] = Counter()
    for _ in range(runs):
        case = random_case(rng)
        for epoch, how, verdict in said_of(case):
            if how != "rest":
                continue
            said[verdict.kind] += 1
            if verdict.kind not in CLAIMS:
                continue
            trainer = case.settings.make_trainer(case.problem)
            trainer.advance(epoch)
            loss = float(trainer.loss[0])
            with np.errstate(all="ignore"):
                least = least_of(case.problem, case.settings, trainer.weights[0].copy())[1]
            # of losses near rounding, one may be any multiple of the other
            left = (loss - least) / loss if loss > 1e-20 else 0.0
            if is_refuted(verdict.kind, left):
                refuted[verdict.kind] += 1
                if show:
                    show(f"{case.name} {case.settings}, epoch {epoch}: {verdict.line}, {left:.2g}")
    lines = [f"{'verdict':<16}{'said':>6}{'refuted':>9}   if BFGS comes to a loss"]
    lines += [f"{k!s:<16}{said[k]:>6}{refuted[k]:>9}   {why}" for k, why in CLAIMS.items()]
    others = said.total() - sum(said[kind] for kind in CLAIMS)
    return [*lines, f"{'others':<16}{others:>6}{'':>9}   not checked"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, metavar="N", help="check N random runs by BFGS")
    parser.add_argument("--seed", type=int, default=0, help="of the random runs")
    parser.add_argument("--every", type=int, default=1, help="check only every Nth run")
    parser.add_argument("--wrong", action="store_true", help="print every wrong verdict")
    options = parser.parse_args()
    if options.random:
        print("\n".join(check(options.random, options.seed, print if options.wrong else None)))
        return
    tallies = count(options.every, print if options.wrong else None)
    print("\n".join(table(tallies)))


if __name__ == "__main__":
    main()
