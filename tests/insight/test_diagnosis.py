"""The verdict: every kind on a run that shows it, and not on one that does not."""

import itertools
import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from tui_gd.cli.plain_run import COMMANDS
from tui_gd.insight.diagnosis import diagnose, judge
from tui_gd.insight.evidence import Evidence, overflow_of, saturated_share
from tui_gd.insight.verdict import CROSS_ENTROPY, LINE_CELLS, Kind, Try, Verdict
from tui_gd.learning.models import Predictor
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer

Floats = np.ndarray
KEPT = 60


def hessian(gradients, weights: Floats) -> Floats:
    """The Hessian by central differences of the gradient, (lanes, P) → (lanes, P)."""
    count, h = len(weights), 1e-5 * max(1.0, np.abs(weights).max())
    moved = h * np.eye(count)
    with np.errstate(all="ignore"):
        slopes = gradients(np.concatenate([weights + moved, weights - moved])).copy()
    found = (slopes[:count] - slopes[count:]) / (2 * h)
    return (found + found.T) / 2


@dataclass
class Run:
    """A lane's weights, directions and losses, epoch by epoch."""

    settings: RunSettings
    trainer: Trainer
    weights: list[Floats]
    directions: list[Floats]
    train: Floats
    test: Floats

    def at(self, epoch: int, *, curved: bool = True, kept: int = KEPT) -> Evidence:
        epoch = min(epoch, len(self.weights) - 1)
        first = max(0, epoch + 1 - kept)
        directions = np.array(self.directions[first : epoch + 1])
        norms = np.sqrt((directions**2).sum(axis=1))
        cosines = np.full(len(norms), np.nan)
        with np.errstate(all="ignore"):
            products = (directions[1:] * directions[:-1]).sum(axis=1)
            cosines[1:] = products / (norms[1:] * norms[:-1])
        rule, problem = self.trainer.engine.rule, self.trainer.problem
        known = self.curvature(epoch) if curved else {}
        lengths = [float(np.linalg.norm(w)) for w in self.weights[: epoch + 1]]
        squares = problem.task != "regression" and rule.name in {"sse", "mse"}
        return Evidence(
            first=first,
            train=self.train[first : epoch + 1],
            test=self.test[first : epoch + 1],
            norms=norms,
            cosines=cosines,
            learning_rate=self.settings.alpha[0],
            scale=max(lengths),
            descent_factor=rule.descent_factor,
            plain=self.settings.optimizer == ("sgd",),
            full_batch=not self.settings.batch_size,
            start=float(self.train[0]),
            start_test=float(self.test[0]),
            convex=not self.settings.hidden and not squares,
            squared_sigmoid=squares,
            diverged=bool(self.trainer.diverged[0]) and epoch == len(self.weights) - 1,
            **known,
        )

    def curvature(self, epoch: int) -> dict[str, float | None]:
        with np.errstate(all="ignore"):
            return self._curvature(self.trainer.engine, self.weights[epoch], epoch)

    def _curvature(self, engine, weights, epoch) -> dict[str, float | None]:
        factor = engine.rule.descent_factor
        found = hessian(lambda w: engine.loss_and_grad(w)[1] / factor, weights)
        if not np.isfinite(found).all():
            return {}
        values = np.linalg.eigvalsh(found)
        g = self.directions[epoch]
        largest = float(values[-1])
        plain = self.settings.optimizer == ("sgd",) and not self.settings.batch_size
        problem = self.trainer.problem
        share = None
        if problem.task != "regression" and engine.rule.name != "hinge":
            p = Predictor(self.trainer.model, problem.task).probabilities(weights, problem.x_train)
            share = saturated_share(p)
        limit = 2 / (largest * factor) if largest > 0 else math.inf
        doubt, gain, newton = 1e-7 * np.abs(values).max(), math.nan, math.nan
        if values[0] >= -doubt and doubt > 0:
            step = np.linalg.solve(found + doubt * np.eye(len(g)), g / factor)
            gain = 0.5 * float(step @ g) / factor
            newton = float(engine.loss((weights - step)[None])[0])
        along = float(g @ found @ g / (g @ g)) if (g @ g) > 0 else math.nan
        cauchy = math.nan
        if along > 0:
            cauchy = float(engine.loss((weights - g / factor / along)[None])[0])
        return {
            "largest": largest,
            "smallest": float(values[0]),
            "along": along,
            "gain": gain,
            "newton": newton,
            "cauchy": cauchy,
            "doubt": doubt,
            "ratio": self.settings.alpha[0] / limit if plain and largest > 0 else None,
            "saturated": share,
        }

    def says(self, epoch: int, *, curved: bool = True) -> Verdict:
        return diagnose(self.at(epoch, curved=curved))


def descend(settings: RunSettings, epochs: int, start: Floats | None = None) -> Run:
    trainer = settings.make_trainer(problem_of(settings), initial_weights=start)
    weights, directions = [trainer.weights[0].copy()], [trainer.grad[0].copy()]
    while trainer.epoch < epochs and trainer.advance(1):
        weights.append(trainer.weights[0].copy())
        directions.append(trainer.grad[0].copy())
    return Run(settings, trainer, weights, directions, trainer.losses(), trainer.test_losses())


def problem_of(settings: RunSettings):
    return _problem(settings.problem, settings.samples, settings.noise, settings.standardize)


@cache
def _problem(name, samples, noise, standardize):
    return RunSettings(name, samples=samples, noise=noise, standardize=standardize).load_problem()


def run(problem: str, epochs: int, alpha: float, start=None, **options) -> Run:
    return descend(RunSettings(problem, alpha=(alpha,), **options), epochs, start)


def hand(train, *, test=None, norms=None, cosines=None, **known) -> Evidence:
    """Evidence by hand: losses, with a gradient that is neither small nor turning."""
    train = np.array(train, dtype=float)
    count = len(train)
    return Evidence(
        first=known.pop("first", 0),
        train=train,
        test=np.full(count, np.nan) if test is None else np.array(test, dtype=float),
        norms=np.ones(count) if norms is None else np.broadcast_to(norms, count).astype(float),
        cosines=np.full(count, 0.9) if cosines is None else np.broadcast_to(cosines, count) * 1.0,
        learning_rate=known.pop("learning_rate", 0.01),
        scale=known.pop("scale", 1.0),
        **known,
    )


def actions(verdict: Verdict) -> list[str]:
    return [one.action for one in verdict.tries]


def grown(line: Run, turned: int) -> str:
    """Return the words for how much the loss has grown since an epoch."""
    factor = line.train[-1] / line.train[turned]
    if factor >= 2:
        return f"to {factor:.3g} times as much"
    return f"by {line.train[-1] - line.train[turned]:.2g}"


# Descending, and the beginning


def test_the_tutorials_run_descends_with_the_share_that_it_lost() -> None:
    blobs = run("blobs", 60, 0.01)
    verdict = blobs.says(60)
    share = (blobs.train[60] - blobs.train[50]) / blobs.train[50] * 100
    assert verdict.kind is Kind.DESCENDING
    assert verdict.line == f"Learning. The loss fell by {abs(share):.2g} % in the last 10 epochs."


@pytest.mark.parametrize("curved", [True, False])
def test_a_tiny_learning_rate_is_advised_to_be_raised(curved) -> None:
    verdict = run("blobs", 30, 1e-8).says(30, curved=curved)
    assert verdict.kind is Kind.DESCENDING
    assert actions(verdict) == ["learning_rate(1)"]
    if curved:
        times = 1 / run("blobs", 30, 1e-8).at(30).ratio
        said = float(verdict.tries[0].words.split(" is ")[1].split(" times")[0].replace(",", ""))
        assert said == pytest.approx(times, rel=0.05)
    assert run("blobs", 30, 0.01).says(30, curved=curved).tries == ()


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_the_first_epochs_are_too_few(epoch) -> None:
    verdict = run("blobs", 5, 0.01).says(epoch)
    assert verdict.kind is Kind.BEGINNING
    assert actions(verdict)[0] == "run_or_pause"
    assert run("blobs", 5, 0.01).says(3).kind is not Kind.BEGINNING


@pytest.mark.parametrize(
    ("losses", "text"),
    [
        ([6], "No epoch is done yet since epoch 100."),
        ([6, 5], "1 epoch since epoch 100 is too few to say how it goes on."),
        ([6, 5, 4], "2 epochs since epoch 100 are too few to say how it goes on."),
    ],
)
def test_a_branch_with_another_loss_begins_where_its_losses_do(losses, text) -> None:
    verdict = diagnose(hand(losses, first=100))
    assert (verdict.kind, verdict.text) == (Kind.BEGINNING, text)


def test_above_the_limit_the_beginning_says_so() -> None:
    verdict = run("line", 1, 1.5).says(0)
    assert verdict.kind is Kind.BEGINNING
    assert verdict.why == "α is 1.5 times the largest safe value (0.979)."
    assert actions(verdict) == ["run_or_pause", "step(1)", "learning_rate(-1)"]


def test_after_one_rise_it_descends_since_then() -> None:
    verdict = diagnose(hand([10, 40, 38, 36, 34]))
    assert verdict.kind is Kind.DESCENDING
    assert verdict.line == "Learning. The loss fell by 15 % since epoch 1, after a rise."


# Zig-zagging and diverging


@pytest.mark.parametrize("curved", [True, False])
def test_just_below_the_limit_a_quadratic_zigzags(curved) -> None:
    # λ of the line's mse is 2.043: the limit is 0.979
    verdict = run("line", 30, 0.95).says(30, curved=curved)
    assert verdict.kind is Kind.ZIGZAG
    assert verdict.why.startswith("10 of the last 10 steps turned back; the loss still fell by ")
    assert actions(verdict) == ["learning_rate(-1)"]
    assert run("line", 30, 0.3).says(10, curved=curved).kind is Kind.DESCENDING


@pytest.mark.parametrize("curved", [True, False])
@pytest.mark.parametrize("epoch", [5, 20, 200])
def test_above_the_limit_a_quadratic_diverges(curved, epoch) -> None:
    line = run("line", epoch, 1.05)
    verdict = line.says(epoch, curved=curved)
    turned = int(np.argmin(line.train))
    assert verdict.kind is Kind.DIVERGING
    if curved:
        assert verdict.why == "α is 1.1 times the largest safe value (0.979)."
    elif turned > epoch - KEPT:
        assert verdict.why == f"The loss has risen since epoch {turned}, {grown(line, turned)}."
    assert actions(verdict)[0] == "rescue"
    assert verdict.tries[0].argument.split(" ")[1] == "0.1"


def test_after_a_divergence_a_lower_learning_rate_is_not_to_be_lowered_again() -> None:
    line = run("line", 30, 1.05)
    # 1.07 of the limit: a tenth of α multiplies the error along λ by 1 − 2·0.107
    lowered = replace(
        line.at(30, curved=True),
        ratio=0.107,
        learning_rate=0.105,
        last_rate=1.05,
        following=0.6 * line.train[-1],
    )
    verdict = diagnose(lowered)
    assert (verdict.kind, verdict.title) == (Kind.DESCENDING, "Coming down.")
    assert actions(verdict) == ["run_or_pause", "step(1)"]
    still = replace(line.at(30, curved=True), following=0.99 * line.train[-1])
    assert actions(diagnose(still))[0] == "rescue"


def test_a_learning_rate_that_was_raised_diverges_from_there() -> None:
    falling = list(8.0 * 0.9 ** np.arange(30))
    rising = list(falling[-1] * 1.2 ** np.arange(1, 6))
    verdict = diagnose(hand(falling + rising))
    assert verdict.kind is Kind.DIVERGING
    assert "has risen since epoch 29, " in verdict.why


def test_a_loss_that_jumps_about_zigzags() -> None:
    losses = [5, 9, 6, 8, 5, 9, 7, 8, 6, 9, 5]
    verdict = diagnose(hand(losses))
    assert verdict.kind is Kind.ZIGZAG
    assert "rose in 5 of the last 10 epochs" in verdict.why


def test_momentum_that_swings_does_not_diverge() -> None:
    settings = RunSettings("line", alpha=(0.3,), optimizer=("momentum",))
    swinging = descend(settings, 60)
    kinds = {swinging.says(epoch).kind for epoch in range(3, 60)}
    assert any(a < b for a, b in itertools.pairwise(swinging.train))
    assert Kind.DIVERGING not in kinds
    fast = descend(replace(settings, alpha=(5.0,)), 40)
    assert fast.says(40).kind is Kind.DIVERGING


# The end of a run that diverged


def test_a_diverged_run_says_what_overflowed() -> None:
    line = run("line", 400, 3.0)
    end = len(line.weights) - 1
    evidence = line.at(end)
    assert evidence.diverged
    plain = diagnose(evidence)
    assert plain.kind is Kind.DIVERGED
    assert plain.line.startswith(f"Blown up at epoch {end}. ")
    assert plain.why.startswith("The next update is not finite.")
    known = diagnose(replace(evidence, overflow="weight 2 (bias) went to −1"))
    assert known.why.startswith("weight 2 (bias) went to −1.")
    assert line.says(end - 1).kind is Kind.DIVERGING


def test_overflow_names_the_first_term() -> None:
    g, w = np.array([1.0, -2.0]), np.array([3.0, -1.2e160])
    names = ("x1", "bias")
    nan, inf = math.nan, math.inf
    assert "gradient for weight 2 (bias)" in overflow_of(g * [1, inf], 0.1, w, nan, names=names)
    assert "step α·g for weight 1 (x1)" in overflow_of(
        np.array([1e200, 1.0]), 1e200, w, nan, names=names
    )
    assert overflow_of(g, 0.1, w * [inf, 1], nan) == "weight 1 overflowed"
    went = "overflowed: weight 2 (bias) went to −1.2e+160"
    assert overflow_of(g, 0.1, w, inf, largest_score=inf, names=names) == f"the scores {went}"
    assert overflow_of(g, 0.1, w, inf, largest_score=1e160, names=names) == f"the loss {went}"
    assert overflow_of(g, 0.1, w, 1.0, next_direction=g * nan, names=names) == (
        f"the gradient {went}"
    )
    assert overflow_of(g, 0.1, w, 1.0, names=names) == f"a number that the optimizer keeps {went}"


# What stands still


def test_a_start_on_the_wrong_side_of_everything_is_saturated() -> None:
    # class 0 lies at about (−1.5, 4.5), class 1 at about (−10, −4): all wrong, and sure of it
    start = 40.0 * np.array([1.0, 1.0, 8.0])
    blobs = run("blobs", 20, 0.01, start)
    verdict = blobs.says(20)
    assert verdict.kind is Kind.SATURATED
    assert verdict.why.startswith("For 100 % of rows p is so near 0 or 1")
    assert verdict.tries[0] == CROSS_ENTROPY
    assert blobs.says(0).kind is Kind.SATURATED
    entropy = run("blobs", 20, 0.01, start, loss="cross-entropy")
    assert entropy.says(20).kind is not Kind.SATURATED


def test_a_huge_learning_rate_ends_saturated() -> None:
    assert run("blobs", 30, 100.0).says(30).kind is Kind.SATURATED
    assert run("blobs", 30, 0.01).says(30).kind is not Kind.SATURATED


def test_without_probabilities_a_plateau_is_known_by_its_gradient() -> None:
    start = 20.0 * np.array([1.0, 1.0, 8.0])
    blobs = run("blobs", 20, 1e-4, start)
    evidence = replace(blobs.at(20), saturated=None)
    verdict = diagnose(evidence)
    assert verdict.kind is Kind.PLATEAU
    assert verdict.tries[0] == CROSS_ENTROPY


def test_a_plateau_by_hand() -> None:
    losses = 5.0 - 1e-6 * np.arange(20)
    flat = hand(losses, norms=1e-3, largest=1e-3, smallest=-1e-4, along=5e-4)
    verdict = diagnose(flat)
    assert verdict.kind is Kind.PLATEAU
    numbers = dict(verdict.numbers)
    assert numbers["change of the loss"] == pytest.approx(-2e-6, rel=1e-3)
    assert numbers["‖g‖"] == 1e-3
    assert CROSS_ENTROPY not in verdict.tries
    assert diagnose(replace(flat, squared_sigmoid=True)).tries[0] == CROSS_ENTROPY
    assert actions(diagnose(replace(flat, ratio=0.01)))[0] == "learning_rate(1)"
    assert diagnose(replace(flat, norms=np.full(20, 3.0))).kind is Kind.DESCENDING
    unknown = replace(flat, largest=None, smallest=None, along=None)
    assert diagnose(unknown).kind in {Kind.FLAT, Kind.PLATEAU}


@pytest.mark.parametrize(("name", "alpha"), [("line", 0.5), ("plane", 0.5), ("circles", 3.0)])
def test_converged_runs_are_at_a_minimum(name, alpha) -> None:
    loss = "cross-entropy" if name == "circles" else "mse"
    done = run(name, 400, alpha, loss=loss)
    verdict = done.says(400)
    assert verdict.kind is Kind.MINIMUM, verdict.line
    assert verdict.tries == ()
    # the curvature of a linear regression's mse in closed form
    if loss == "mse":
        x = done.trainer.problem.x_train
        values = np.linalg.eigvalsh(2 * x.T @ x / len(x))
        numbers = dict(verdict.numbers)
        assert numbers["largest eigenvalue"] == pytest.approx(values[-1], rel=1e-6)
        assert numbers["smallest eigenvalue"] == pytest.approx(values[0], rel=1e-6)
    assert done.says(5).kind is Kind.DESCENDING
    # without its curvature a minimum is not claimed
    assert done.says(400, curved=False).kind is Kind.FLAT


class Bowl:
    """f = ½·Σ λᵢ·wᵢ², an engine by hand: loss, gradient and Hessian of any w."""

    def __init__(self, *eigenvalues: float) -> None:
        self.eigenvalues = np.array(eigenvalues)

    def descend(self, start, alpha: float, epochs: int, **known) -> Evidence:
        weights = [np.array(start, dtype=float)]
        for _ in range(epochs):
            weights.append(weights[-1] * (1 - alpha * self.eigenvalues))
        w = np.array(weights)
        g = w * self.eigenvalues
        norms = np.sqrt((g**2).sum(axis=1))
        cosines = np.full(len(w), np.nan)
        cosines[1:] = (g[1:] * g[:-1]).sum(axis=1) / (norms[1:] * norms[:-1])
        along = (g[-1] * self.eigenvalues * g[-1]).sum() / (g[-1] * g[-1]).sum()
        known.setdefault("scale", 1.0)
        return Evidence(
            first=0,
            train=0.5 * (w**2 * self.eigenvalues).sum(axis=1),
            test=np.full(len(w), np.nan),
            norms=norms,
            cosines=cosines,
            learning_rate=alpha,
            largest=self.eigenvalues.max(),
            smallest=self.eigenvalues.min(),
            along=along,
            ratio=alpha * self.eigenvalues.max() / 2,
            floor=False,
            **known,
        )


@pytest.mark.parametrize("epochs", [0, 3, 20])
def test_a_saddle_is_told_from_a_minimum(epochs) -> None:
    verdict = diagnose(Bowl(2.0, -2.0).descend((0.0, 1e-9), 0.1, epochs))
    assert verdict.kind is Kind.SADDLE
    assert verdict.line == "On a saddle. Flat here, but downhill in one direction."
    assert actions(verdict) == ["branch_with", "new_start"]
    assert diagnose(Bowl(2.0, 1.0).descend((0.0, 1e-9), 0.1, epochs)).kind is Kind.MINIMUM


def test_a_saddle_is_passed_by_and_left() -> None:
    bowl = Bowl(2.0, -2.0)
    kinds = [diagnose(bowl.descend((1.0, 1e-9), 0.1, k)).kind for k in range(120)]
    assert [kind for kind, _ in itertools.groupby(kinds)] == [
        Kind.BEGINNING,
        Kind.DESCENDING,
        Kind.PLATEAU,
        Kind.SADDLE,
        Kind.PLATEAU,
        Kind.DESCENDING,
    ]


def test_a_step_below_rounding_is_reported() -> None:
    verdict = diagnose(hand([5.0] * 20, learning_rate=1e-20))
    assert (verdict.kind, actions(verdict)) == (Kind.FLAT, ["learning_rate(1)"])
    assert "rounding" in verdict.why


def test_a_loss_of_nearly_zero_leaves_nothing_to_gain() -> None:
    for last in (0.0, 1e-25):
        verdict = diagnose(hand([3.0, 1e-12, last, last, last, last], norms=2.0))
        assert verdict.kind is Kind.MINIMUM
        assert diagnose(hand([last] * 20, start=3.0)).kind is Kind.MINIMUM
    assert diagnose(hand([3.0, 1.0, 1e-3, 5e-4, 2e-4, 1e-4])).kind is Kind.DESCENDING


@pytest.mark.parametrize("curved", [True, False])
def test_slope_distance_and_curvature_along_g_are_the_closed_forms(curved) -> None:
    # the same descent by the mean and, along half the gradient, by the sum of 50 squares
    for loss, alpha, rows in (("mse", 0.1, 1), ("sse", 0.1 * 2 / 50, 50)):
        line = run("line", 6, alpha, loss=loss)
        x, y = line.trainer.problem.x_train, line.trainer.problem.y_train
        # without a look at the curvature, that of the epoch before is what the last step tells
        at = line.weights[6 if curved else 5]
        h, g = 2 * x.T @ x / 50, 2 * x.T @ (x @ at - y) / 50
        along = g @ h @ g / (g @ g)
        now = 2 * x.T @ (x @ line.weights[6] - y) / 50
        length = max(np.linalg.norm(w) for w in line.weights)
        expected = {
            "‖g‖": np.linalg.norm(now) * (1 if loss == "mse" else rows / 2),
            "slope": np.linalg.norm(now) * length / np.mean((x @ line.weights[6] - y) ** 2),
            "distance": np.linalg.norm(now) / (along * length),
            "curvature along g": along * rows,
        }
        numbers = dict(line.says(6, curved=curved).numbers)
        assert {name: numbers[name] for name in expected} == pytest.approx(expected, rel=1e-6)


# Overfitting


def test_a_network_on_few_samples_overfits() -> None:
    options = {"samples": 40, "noise": 0.4, "hidden": (16,), "loss": "cross-entropy"}
    moons = run("moons", 110, 0.5, **options)
    best = int(np.argmin(moons.test))
    assert 10 < best < 90
    verdict = moons.says(best + 40)
    rise = (moons.test[best + 40] / moons.test[best] - 1) * 100
    assert verdict.kind is Kind.OVERFITTING
    assert f"Test rows get worse since epoch {best} (+{rise:.2g} %)" in verdict.line
    assert (verdict.tries[0].action, verdict.tries[0].argument) == ("go_to", str(best))
    assert moons.says(best).kind is Kind.DESCENDING
    many = run("moons", 110, 0.5, **{**options, "samples": 2000})
    assert Kind.OVERFITTING not in {many.says(k, curved=False).kind for k in range(110)}


@pytest.mark.parametrize("rising", [9, 10, 30])
def test_overfitting_by_hand(rising) -> None:
    test = [2.0] * 5 + list(1.0 + 0.01 * np.arange(rising + 1))
    train = 5.0 * 0.99 ** np.arange(len(test))
    verdict = diagnose(hand(train, test=test))
    assert (verdict.kind is Kind.OVERFITTING) == (rising >= 10)
    if rising >= 10:
        assert "since epoch 5" in verdict.line
        later = diagnose(hand(train[5:], test=test[5:], first=100))
        assert f"in the last {rising} epochs" in later.line
        assert actions(later)[0] == "step_back(10)"


# Everything


def test_verdicts_do_not_depend_on_the_size_of_loss_or_data() -> None:
    seen = Counter()
    for evidence in many_states():
        plain = diagnose(evidence)
        seen[plain.kind] += 1
        assert diagnose(louder(evidence, 1000.0)).kind is plain.kind, plain
        assert diagnose(louder(evidence, 1e-6)).kind is plain.kind, plain
        for size in (10.0, 0.01):
            assert diagnose(wider(evidence, size)).kind is plain.kind, plain
            assert actions(diagnose(wider(evidence, size))) == actions(plain), plain
    assert len(seen) >= 7, seen


def louder(e: Evidence, by: float) -> Evidence:
    """The same run of a loss that is `by` times as large, α divided by it."""
    return replace(
        e,
        **{name: getattr(e, name) * by for name in ("train", "test", "norms", *LOSSES)},
        **{name: times(getattr(e, name), by) for name in CURVATURES},
        learning_rate=e.learning_rate / by,
    )


def wider(e: Evidence, by: float) -> Evidence:
    """The same run on data that are `by` times as large: weights 1/by, α 1/by²."""
    return replace(
        e,
        norms=e.norms * by,
        scale=e.scale / by,
        learning_rate=e.learning_rate / by**2,
        **{name: times(getattr(e, name), by * by) for name in CURVATURES},
    )


LOSSES = ("gain", "newton", "cauchy", "start", "constant", "start_test", "test_constant")
CURVATURES = ("largest", "smallest", "along", "doubt")


def times(value: float | None, by: float) -> float | None:
    return None if value is None else value * by


def many_states() -> list[Evidence]:
    return [runs.at(epoch) for runs in many_runs() for epoch in (2, 12, 40)]


@cache
def many_runs() -> tuple[Run, ...]:
    """Built-in problems with all their losses and learning rates, 40 epochs each."""
    losses = {
        "binary": ("sse", "mse", "cross-entropy", "hinge"),
        "multiclass": ("sse", "cross-entropy", "hinge"),
        "regression": ("sse", "mse", "mae", "huber"),
    }
    return tuple(
        run(name, 40, alpha, loss=loss, samples=samples_of(name))
        for name in ("blobs", "moons", "xor", "gaussians", "line", "plane", "iris", "diabetes")
        for loss in losses[problem_of(RunSettings(name, samples=samples_of(name))).task]
        for alpha in (1e-3, 0.1, 1.0, 30.0)
    )


def samples_of(name: str) -> int | None:
    return None if name in {"iris", "diabetes"} else 100


def test_no_verdict_is_absurd() -> None:
    seen = Counter()
    for runs in many_runs():
        for epoch, curved in itertools.product((*range(0, 12, 2), 25, 40), (True, False)):
            evidence = runs.at(epoch, curved=curved)
            verdict = judge(evidence)
            seen[verdict.kind] += 1
            check_sense(evidence, verdict)
            # what is shown was found there, or some epochs before
            held = diagnose(evidence)
            assert held.kind in {judge(evidence, back).kind for back in range(min(12, epoch + 1))}
    assert seen[Kind.DESCENDING] > 100
    assert seen[Kind.ZIGZAG] > 50
    assert seen[Kind.DIVERGING] > 50


def check_sense(e: Evidence, verdict: Verdict) -> None:
    for line in (verdict.line, verdict.why):
        assert len(line) <= LINE_CELLS, line
        assert "nan" not in line
        assert "inf" not in line.replace("finite", "")
        assert "  " not in line
    assert verdict.title
    for one in verdict.tries:
        assert one.action in COMMANDS or not one.action
        assert one.words
    fell = e.train[-1] < e.train[-11:][0]
    gradient = e.norms[-1] / e.descent_factor
    steps = np.diff(e.train)
    match verdict.kind:
        case Kind.DESCENDING:
            assert fell or (steps[-2:] < 0).all()
        case Kind.DIVERGING:
            assert e.train[-1] > e.train.min()
            assert steps[-1] > 0 or (steps[-5:] > 0).sum() >= 4
        case Kind.MINIMUM:
            # what a Newton step along g would still gain is next to nothing
            if e.train[-1] < 1e-15 * e.train.max():
                return
            assert e.smallest is not None
            assert e.largest is not None
            assert e.smallest > -1e-4 * e.largest
            if e.along:
                assert gradient**2 / abs(e.along) < 1e-2 * e.train[-1]
        case Kind.PLATEAU | Kind.FLAT | Kind.SATURATED:
            assert gradient * e.scale < 0.3 * e.train[-1] or (e.learning_rate * e.norms[-1]) < (
                1e-12 * e.scale
            )
        case Kind.ZIGZAG:
            assert (steps[-10:] > 0).any() or (e.cosines[-10:] < -0.5).sum() >= 2
        case Kind.OVERFITTING:
            assert e.test[-1] > np.nanmin(e.test)


def test_the_advice_helps_more_often_than_not() -> None:
    counts = advice_counts()
    counts[Kind.PLATEAU] += counts[Kind.SATURATED]
    for kind, least in ((Kind.PLATEAU, 10), (Kind.ZIGZAG, 25), (Kind.DIVERGING, 25)):
        own = counts[kind]
        assert own["lower"] + own["not lower"] >= least, counts
        assert own["lower"] > 4 * own["not lower"], counts
        assert own["better"] > 2 * own["not better"], counts


def advice_counts() -> dict[Kind, Counter[str]]:
    """By kind: how often the loss is lower 20 epochs after the advice was followed.

    `better` is how often it is also lower than 20 epochs after nothing was pressed.
    """
    kinds = (Kind.PLATEAU, Kind.SATURATED, Kind.ZIGZAG, Kind.DIVERGING)
    counts: dict[Kind, Counter[str]] = {kind: Counter() for kind in kinds}
    states = [(runs, epoch) for runs in many_runs() for epoch in (8, 40)]
    states += [(runs, epoch) for runs in slow_networks() for epoch in (100, 200, 300)]
    for runs, epoch in states:
        verdict = runs.says(epoch)
        if epoch < len(runs.weights) and verdict.kind in counts:
            after = follow(runs, epoch, verdict.tries[0])
            stayed = descend(runs.settings, 20, runs.weights[epoch]).train[-1]
            own = counts[verdict.kind]
            own["lower" if after < runs.train[epoch] else "not lower"] += 1
            own["better" if after < stayed else "not better"] += 1
    return counts


@cache
def slow_networks() -> tuple[Run, ...]:
    return tuple(
        run(name, 300, 0.5, loss="mse", hidden=(2,), activation=f, samples=100, seed=seed)
        for name in ("circles", "spiral", "xor")
        for f in ("sigmoid", "tanh")
        for seed in (0, 1)
    )


def follow(runs: Run, epoch: int, one: Try) -> float:
    """The loss, in its own terms, 20 epochs after the advice was followed."""
    settings, start = runs.settings, runs.weights[epoch]
    rate = settings.alpha[0]
    match one.action, one.argument.split():
        case "learning_rate(-1)", _:
            settings = replace(settings, alpha=(rate / 3,))
        case "learning_rate(1)", _:
            settings = replace(settings, alpha=(rate * 3,))
        case "rescue", [goal, lower]:
            settings = replace(settings, alpha=(float(lower),))
            start = runs.weights[int(goal)]
        case "branch_with", ["optimizer", name]:
            settings = replace(settings, optimizer=(name,))
        case "branch_with", ["loss", name]:
            settings = replace(settings, loss=name)
        case "new_start", _:
            settings, start = replace(settings, seed=settings.seed + 1), None
        case _:
            raise AssertionError(one)
    after = descend(settings, 20, start)
    return float(runs.trainer.engine.loss(after.weights[-1][None])[0])


@pytest.mark.parametrize("count", [1, 2, 5, 30])
def test_hostile_numbers_give_a_verdict(count) -> None:
    values = (0.0, math.nan, math.inf, -1.0, 1e308, 5e-324)
    for train, norm, scale in itertools.product(values, values, (0.0, math.nan, 1.0, math.inf)):
        losses = np.full(count, train)
        if count > 2:
            losses[1] = 1.0
        for known in (None, 0.0, math.nan, math.inf, -1.0):
            verdict = diagnose(
                hand(
                    losses,
                    test=losses,
                    norms=norm,
                    cosines=norm,
                    scale=scale,
                    ratio=known,
                    largest=known,
                    smallest=known,
                    along=known,
                    saturated=known,
                )
            )
            assert verdict.title


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"four arrays \(epochs,\)"):
        replace(hand([1.0, 2.0]), test=np.zeros(3))
    with pytest.raises(ValueError, match="four arrays"):
        hand([])


def test_all_numbers_have_names() -> None:
    names = [name for name, _ in run("blobs", 20, 0.01).says(20).numbers]
    assert {"loss", "‖g‖", "α / limit", "smallest eigenvalue", "saturated"} <= set(names)
    assert len(names) == len(set(names))


# The share of saturated samples


def test_saturated_share_by_hand() -> None:
    two = np.array([0.5, 0.9, 0.999, 0.9995, 1.0, 0.0, 1e-4, math.nan])
    # p(1 − p) = 0.25, 0.09, 0.000999, 0.0005, 0, 0, 0.0001, not a number
    assert saturated_share(two) == 5 / 8
    assert saturated_share(np.stack([1 - two, two], axis=1)) == 5 / 8
    three = np.array([[0.9995, 0.0005, 0.0], [0.5, 0.5, 0.0], [0.001, 0.998, 0.001]])
    assert saturated_share(three) == 1 / 3
    assert math.isnan(saturated_share(np.zeros((0, 2))))


# Valleys


def rosenbrock(x: float, y: float) -> tuple[float, Floats, Floats]:
    """Value, gradient and Hessian of (1 − x)² + 100·(y − x²)², by hand."""
    bend = y - x * x
    gradient = np.array([-2 * (1 - x) - 400 * x * bend, 200 * bend])
    hessian = np.array([[2 + 800 * x * x - 400 * bend, -400 * x], [-400 * x, 200]])
    return (1 - x) ** 2 + 100 * bend * bend, gradient, hessian


@pytest.mark.parametrize("alpha", [1e-4, 1e-3, 2e-3])
def test_a_bent_narrow_valley_is_one_and_no_plateau(alpha) -> None:
    w = np.array([-1.0, 1.2])
    losses, gradients = [], []
    for _ in range(600):
        value, g, curved = rosenbrock(*w)
        losses.append(value)
        gradients.append(g)
        w = w - alpha * g
    norms = np.sqrt([g @ g for g in gradients[-12:]])
    cosines = [math.nan]
    for before, after in itertools.pairwise(gradients[-12:]):
        cosines.append(before @ after / np.sqrt(before @ before * (after @ after)))
    eigenvalues, g = np.linalg.eigvalsh(curved), gradients[-1]
    along = g @ curved @ g / (g @ g)
    verdict = diagnose(
        hand(
            losses[-12:],
            norms=norms,
            cosines=cosines,
            learning_rate=alpha,
            scale=4.0,
            largest=eigenvalues[-1],
            smallest=eigenvalues[0],
            along=along,
            ratio=alpha * eigenvalues[-1] / 2,
            floor=False,
        )
    )
    assert verdict.kind is Kind.VALLEY
    assert "minimum" not in verdict.line
    steeper = float(verdict.line.split(" are ")[1].split(" ")[0].replace(",", ""))
    assert steeper == pytest.approx(eigenvalues[-1] / abs(along), rel=0.05)
    # far below its limit α may be larger; near it only another method is faster
    assert actions(verdict)[0] == ("branch_with" if alpha == 2e-3 else "learning_rate(1)"), (
        eigenvalues
    )


def test_a_plateau_beside_a_saddle_is_no_valley() -> None:
    flat = hand(
        np.linspace(1.0, 0.9995, 12),
        norms=1e-2,
        cosines=1.0,
        scale=2.5,
        largest=0.2,
        smallest=-0.003,
        along=0.001,
        ratio=0.05,
    )
    assert diagnose(flat).kind is Kind.PLATEAU
    # ½·g²/λ: with a tenth of the gradient no more than 0.05 % of the loss would be left
    assert diagnose(replace(flat, smallest=0.001, norms=np.full(12, 1e-3))).kind is Kind.NEARLY
    assert diagnose(replace(flat, smallest=0.001)).kind is Kind.VALLEY
    assert diagnose(replace(flat, smallest=0.001, cosines=np.full(12, 0.5))).kind is Kind.PLATEAU
    assert diagnose(replace(flat, smallest=0.001, scale=0.2)).kind is not Kind.VALLEY
