"""How often the limit of α predicts the step, and what λ costs: `benchmarks/curvature.py`.

States are random: weights at a start of random size, or some epochs of descent from there, and α a
random multiple of the limit, evenly on a logarithmic scale from 0.05 to 20.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from tui_gd import load_problem
from tui_gd.insight.curvature import Curvature, curvature, safe_learning_rate
from tui_gd.learning.engine import LocalEngine, Penalty
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Model, make_start
from tui_gd.learning.optimizers import make_optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LOWEST, HIGHEST = 0.05, 20.0
RANGES = {"0.05 to 1 x": (0.05, 1.0), "1 to 2 x": (1.0, 2.0), "2 to 20 x": (2.0, 20.0)}
# a change of the loss below this share of it may be rounding: such states are at a minimum
TELLABLE = 1e-11


@dataclass(frozen=True)
class Family:
    """Models of one kind on one problem."""

    kind: str
    problem: str
    loss: str
    hidden: tuple[int, ...] = ()
    activation: str = "tanh"
    l1: float = 0.0

    @property
    def name(self) -> str:
        """Its name in the table."""
        net = f" {'-'.join(map(str, self.hidden))} {self.activation}" if self.hidden else ""
        return f"{self.problem} {self.loss}{net}{' l1' if self.l1 else ''}"

    def make(self, rows: int | None = None) -> tuple[Model, LocalEngine]:
        """Return the model and an engine on the first `rows` training rows."""
        problem = load_problem(self.problem, standardize=True)
        model = Model(problem.features, problem.outputs, self.hidden, self.activation)
        x, y = problem.x_train[:rows], problem.y_train[:rows]
        loss = make_loss(self.loss, problem.task)
        return model, LocalEngine(model, loss, x, y, penalty=Penalty(self.l1))


FAMILIES = (
    Family("quadratic", "diabetes", "mse"),
    Family("quadratic", "plane", "sse"),
    Family("smooth", "blobs", "sse"),
    Family("smooth", "moons", "mse"),
    Family("smooth", "moons", "cross-entropy"),
    Family("smooth", "breast-cancer", "cross-entropy"),
    Family("smooth", "iris", "cross-entropy"),
    Family("smooth", "iris", "sse"),
    Family("huber", "plane", "huber"),
    Family("huber", "line", "huber"),
    Family("smooth", "xor", "cross-entropy", (4,)),
    Family("smooth", "moons", "mse", (4,)),
    Family("smooth", "plane", "mse", (6,)),
    Family("smooth", "spiral", "cross-entropy", (8, 8), "sigmoid"),
    Family("with kinks", "moons", "cross-entropy", (4,), "relu"),
    Family("with kinks", "plane", "mse", (6,), "relu"),
    Family("with kinks", "xor", "cross-entropy", (8, 8), "relu"),
    Family("with kinks", "moons", "cross-entropy", l1=0.05),
)


@dataclass(frozen=True)
class Outcome:
    """One step: α over its limit, α over what the gradient's direction allows, and its outcome."""

    ratio: float
    along: float
    lowered: bool


def states(
    model: Model, engine: LocalEngine, count: int, seed: int, epochs: int = 10
) -> Iterator[tuple[Floats, Curvature]]:
    """Yield weights and their curvature: random starts, and where descent leads from them."""
    rng = np.random.default_rng(seed)
    weights = np.empty(0)
    for number in range(count):
        if number % 4 == 0:
            start = make_start("glorot" if model.hidden else "normal", seed + number, model)
            start += 0.1 * rng.standard_normal(len(start))
            weights = start * 10.0 ** rng.uniform(-1.0, 0.5)
        found = curvature(engine, weights)
        yield weights, found
        limit = safe_learning_rate(found, "sgd", engine.rule.descent_factor).limit
        rate = min(0.5 * (limit or 0.1), 10.0)
        for _ in range(int(rng.integers(1, epochs))):
            weights = weights - rate * engine.loss_and_grad(weights[None])[1][0]


def outcomes(
    family: Family, count: int, *, rows: int | None = None, seed: int = 0, epochs: int = 10
) -> tuple[list[Outcome], int]:
    """Return the outcomes of a step from `count` states, and how many states had no limit."""
    model, engine = family.make(rows)
    rng = np.random.default_rng([seed, 1])
    factor = engine.rule.descent_factor
    found, without = [], 0
    for weights, here in states(model, engine, count, seed, epochs):
        safe = safe_learning_rate(here, "sgd", factor)
        if safe.limit is None:
            without += 1
            continue
        ratio = float(np.exp(rng.uniform(np.log(LOWEST), np.log(HIGHEST))))
        rate = ratio * safe.limit
        loss, direction = engine.loss_and_grad(weights[None])
        if rate * float(direction[0] @ direction[0]) < TELLABLE * loss[0]:
            continue
        after = engine.loss(weights[None] - rate * direction)
        along = rate * factor * here.along_gradient / 2.0
        found.append(Outcome(ratio, along, bool(after[0] < loss[0])))
    return found, without


def settled(family: Family, optimizer: str, count: int = 100) -> list[float]:
    """Return in how many of random states 100 updates lead to no higher loss, as shares.

    One share for each of `RANGES` of α over its limit at the first of the updates.
    """
    model, engine = family.make()
    rule = make_optimizer(optimizer)
    rng = np.random.default_rng(2)
    kept = []
    for weights, here in states(model, engine, count, 0):
        factor = engine.rule.descent_factor
        safe = safe_learning_rate(here, optimizer, factor, momentum=rule.momentum)
        if safe.limit is not None:
            kept.append((weights, safe.limit))
    starts, limits = np.array([one for one, _ in kept]), np.array([one for _, one in kept])
    shares = []
    for low, high in RANGES.values():
        rates = limits * np.exp(rng.uniform(np.log(low), np.log(high), len(limits)))
        state = np.zeros((len(starts), 1 + rule.slots, model.parameters))
        state[:, 0] = starts
        with np.errstate(all="ignore"):
            for update in range(100):
                grad = engine.loss_and_grad(state[:, 0])[1]
                following = np.empty_like(state)
                steps = np.full((len(starts), 1), update + 1.0)
                rule.update(state, grad, rates[:, None], steps, following)
                state = following
            first, last = engine.loss(starts), engine.loss(state[:, 0])
        shares.append(float((last <= first * (1.0 + TELLABLE)).mean()))
    return shares


def share(found: Sequence[Outcome], wanted: Callable[[Outcome], bool]) -> str:
    """Return how many of the wanted steps lowered the loss."""
    chosen = [one.lowered for one in found if wanted(one)]
    part = f"{sum(chosen) / len(chosen):8.2%}" if chosen else f"{'-':>8}"
    return f"{sum(chosen):5d}/{len(chosen):<5d}{part}"


def print_outcomes(count: int) -> None:
    """Print how many steps lowered the loss, by family and by α."""
    heads = ("α < limit", "1 to 2 x", "2 to 20 x", "α < 2/along", "α > 2/along")
    print(f"{'steps that lowered the loss':<42}" + "".join(f"{head:>20}" for head in heads))

    def row(name: str, found: Sequence[Outcome]) -> None:
        shares = (
            share(found, lambda one: one.ratio <= 1.0),
            share(found, lambda one: 1.0 < one.ratio <= 2.0),
            share(found, lambda one: one.ratio > 2.0),
            share(found, lambda one: one.along <= 1.0),
            share(found, lambda one: one.along > 1.0),
        )
        print(f"{name:<42}" + "".join(f"{text:>20}" for text in shares))

    by_kind: dict[str, list[Outcome]] = {}
    for family in FAMILIES:
        found, without = outcomes(family, count)
        by_kind.setdefault(family.kind, []).extend(found)
        row(family.name + (f" ({without} no limit)" if without else ""), found)
    for kind, found in by_kind.items():
        row(f"ALL {kind}", found)


def print_settled() -> None:
    """Print the shares of states from which 100 updates settle."""
    print(
        f"\n{'loss no higher after 100 updates':<42}" + "".join(f"{'α ' + h:>20}" for h in RANGES)
    )
    for optimizer in ("sgd", "momentum", "nesterov"):
        for family in (FAMILIES[0], FAMILIES[4], FAMILIES[11]):
            shares = settled(family, optimizer)
            name = f"{optimizer}: {family.name}"
            print(f"{name:<42}" + "".join(f"{part:>20.1%}" for part in shares))


def seconds(work: Callable[[], object]) -> float:
    """Return the median time of some calls."""
    times = []
    for _ in range(15):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def print_costs() -> None:
    """Print the cost of a study of the curvature, over that of a pass over the data."""
    print(
        f"\n{'one study of the curvature':<42}{'weights':>8}{'products':>10}{'epochs':>8}{'ms':>8}"
    )
    for name, hidden in (("500x3", ()), ("2-16-16-1 on 500 rows", (16, 16))):
        model, engine = Family("", "blobs", "sse", hidden).make()
        weights = make_start("glorot", 0, model)
        epoch = seconds(lambda e=engine, w=weights: e.loss_and_grad(w[None]))
        for how, start in (("", None), (", warm", curvature(engine, weights).direction)):
            found = curvature(engine, weights, start=start)
            took = seconds(lambda e=engine, w=weights, s=start: curvature(e, w, start=s))
            print(
                f"{name + how:<42}{model.parameters:>8}{found.products:>10}"
                f"{took / epoch:>8.0f}{took * 1e3:>8.2f}"
            )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--states", type=int, default=300, help="of every family")
    print_outcomes(parser.parse_args().states)
    print_settled()
    print_costs()


if __name__ == "__main__":
    main()
