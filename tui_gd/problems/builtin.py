"""The built-in problems: generated data sets, and those of scikit-learn."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems import unknown_problem
from tui_gd.problems.problem import Problem, surface_problem, with_ones
from tui_gd.problems.split import SEEDS, Preparation, class_type, whole
from tui_gd.problems.surfaces import PREFIX, find_surface

SPIRAL_TURNS = 1.25
"""How far an arm of `spiral` winds around the origin."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """Rows before the split: `x` (rows, features) without ones, `y` (rows,).

    With `class_names`, y holds class numbers 0 … classes − 1; without, the target of a regression.
    """

    x: NDArray[np.float64]
    y: NDArray[np.generic]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    target_name: str = "y"


def blobs(*, samples: int, noise: float, data_seed: int) -> DataSet:
    """Return the tutorial's data: two Gaussian blobs in two features.

    `make_blobs(n_samples=samples, n_features=2, centers=2, cluster_std=noise,
    random_state=data_seed)`; the tutorial has 1000 samples, noise 1.5 and seed 1.
    """
    from sklearn.datasets import make_blobs

    x, y = make_blobs(
        n_samples=samples, n_features=2, centers=2, cluster_std=noise, random_state=data_seed
    )
    return _classes(x, y, 2)


def moons(*, samples: int, noise: float, data_seed: int) -> DataSet:
    """Return two interleaved half circles: `make_moons(samples, noise=…, random_state=…)`."""
    from sklearn.datasets import make_moons

    x, y = make_moons(samples, noise=noise, random_state=data_seed)
    return _classes(x, y, 2)


def circles(*, samples: int, noise: float, data_seed: int) -> DataSet:
    """Return a circle of radius 1 (class 0) around one of 0.5 (class 1).

    `make_circles(samples, factor=0.5, noise=…, random_state=…)`.
    """
    from sklearn.datasets import make_circles

    x, y = make_circles(samples, factor=0.5, noise=noise, random_state=data_seed)
    return _classes(x, y, 2)


def xor(*, samples: int, noise: float, data_seed: int) -> DataSet:
    """Return four squares, two of each class: y = 1 where x1 and x2 differ in sign.

    x is uniform over 0.1 ≤ |x1|, |x2| ≤ 1.1 before `noise`·N(0, 1) is added to each feature.
    """
    random = np.random.default_rng(data_seed)
    x = random.uniform(-1, 1, (samples, 2))
    x += np.copysign(0.1, x)
    y = x[:, 0] * x[:, 1] < 0
    return _classes(x + noise * random.standard_normal(x.shape), y, 2)


def spiral(*, samples: int, noise: float, data_seed: int, classes: int) -> DataSet:
    """Return one arm of a spiral per class, around the origin.

    At t from 0 to 1 along its arm, a point of class c has radius 0.1 + 0.9·t and angle
    2π·(1.25·t + c/classes); `noise`·N(0, 1) is added to each feature.
    """
    rows = np.arange(samples)
    c, t = rows % classes, (rows // classes) / max(1, (samples - 1) // classes)
    x = _polar(0.1 + 0.9 * t, 2 * np.pi * (SPIRAL_TURNS * t + c / classes))
    random = np.random.default_rng(data_seed)
    return _classes(x + noise * random.standard_normal(x.shape), c, classes)


def gaussians(*, samples: int, noise: float, data_seed: int, classes: int) -> DataSet:
    """Return one round Gaussian per class, standard deviation `noise`, as many rows of each.

    The centres lie on a circle around the origin, 4 apart from their neighbours: class c at radius
    2 / sin(π/classes), angle 2π·(c/classes + ¼).
    """
    c = np.arange(samples) % classes
    x = _polar(np.full(samples, 2 / np.sin(np.pi / classes)), 2 * np.pi * (c / classes + 0.25))
    random = np.random.default_rng(data_seed)
    return _classes(x + noise * random.standard_normal(x.shape), c, classes)


def line(*, samples: int, noise: float, data_seed: int) -> DataSet:
    """Return y = 2·x1 + 1 + `noise`·N(0, 1), x1 uniform from −1 to 1."""
    random = np.random.default_rng(data_seed)
    x = random.uniform(-1, 1, (samples, 1))
    return DataSet(x, 2 * x[:, 0] + 1 + noise * random.standard_normal(samples), ("x1",))


def plane(*, samples: int, noise: float, data_seed: int) -> DataSet:
    """Return y = x1 − 2·x2 + 1 + `noise`·N(0, 1), x1 and x2 uniform from −1 to 1."""
    random = np.random.default_rng(data_seed)
    x = random.uniform(-1, 1, (samples, 2))
    y = x[:, 0] - 2 * x[:, 1] + 1 + noise * random.standard_normal(samples)
    return DataSet(x, y, ("x1", "x2"))


def _polar(radius: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _classes(x: NDArray[np.float64], y: NDArray[np.generic], classes: int) -> DataSet:
    return DataSet(x, y, ("x1", "x2"), tuple(map(str, range(classes))), "class")


MOST_SAMPLES = 10**8
"""The most rows: with two features they take 7 GB to make."""
MOST_CLASSES = 100
MOST_NOISE = 1000.0


@dataclass(frozen=True)
class Builtin:
    """A problem: the function `make`, which takes every option by name, and their defaults."""

    make: Callable[..., DataSet]
    options: Mapping[str, int | float] = field(default_factory=dict)


def load_builtin(name: str, how: Preparation, **given: float | None) -> Problem:
    """Return the built-in problem of that name, split into train and test.

    `x_train`, `x_test` have shape (rows, features + 1), ones last. The options `given`, such as
    `samples` (rows before the split), `noise` (a standard deviation), `data_seed` and `classes`,
    change what is generated; None leaves the default in `BUILTIN[name].options`.

    A name such as `surface:himmelblau` is a test function, which takes no options.

    Raises `ProblemError` for an unknown problem, an option that it does not have, a value out of
    range, and if too little is left to train on.
    """
    if name.startswith(PREFIX):
        return surface_problem(find_surface(name))
    if name not in BUILTIN:
        raise unknown_problem(name)
    options = _options(name, {key: value for key, value in given.items() if value is not None})
    try:
        return _prepared(name, BUILTIN[name].make(**options), how)
    except MemoryError:
        raise ProblemError(f"{name}: not enough memory for this many rows; take fewer") from None


def _prepared(name: str, data: DataSet, how: Preparation) -> Problem:
    """Return the problem of a data set, without notes or hints: its title says enough."""
    from tui_gd.problems.prepare import Target, prepare
    from tui_gd.problems.sources import Column
    from tui_gd.problems.tables import Table

    kind = class_type(len(data.class_names)) if data.class_names else np.dtype(np.float64)
    target = Target(data.target_name, data.y.astype(kind), data.class_names, "")
    columns = [Column(one, "number") for one in (*data.feature_names, data.target_name)]
    problem = prepare(Table(name, with_ones(data.x), columns), None, how, target)
    return replace(problem, about=(), hints=())


def _options(name: str, given: Mapping[str, int | float]) -> dict[str, int | float]:
    """Return all options of `name`, checked; `ProblemError` for a bad one."""
    has = BUILTIN[name].options
    for key in given:
        if key not in has:
            listed = f"its options are {', '.join(has)}" if has else "its data are fixed"
            raise ProblemError(f"{name} has no option {key}: {listed}")
    options = {**has, **given}
    for key, low, high in (
        ("samples", 2, MOST_SAMPLES),
        ("data_seed", 0, SEEDS - 1),
        ("classes", 2, MOST_CLASSES),
    ):
        if key in options:
            options[key] = whole(name, key, options[key], low, high)  # type: ignore[arg-type]
    if "noise" in options:
        options["noise"] = _noise(name, options["noise"])
    if options.get("classes", 0) > options.get("samples", math.inf):
        raise ProblemError(
            f"{name}: {options['classes']} classes need at least as many samples, "
            f"not {options['samples']}"
        )
    return options


def _noise(name: str, value: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= MOST_NOISE:
        raise ProblemError(f"{name}: noise {value!r} is not a number from 0 to {MOST_NOISE:g}")
    return number


def _bundled(loader: str, target_name: str = "class") -> Callable[[], DataSet]:
    """Return a function that makes a data set from `sklearn.datasets.<loader>()`."""

    def make() -> DataSet:
        from sklearn import datasets

        bunch = getattr(datasets, loader)()
        return DataSet(
            x=bunch.data,
            y=bunch.target,
            feature_names=tuple(map(str, bunch.feature_names)),
            class_names=tuple(map(str, bunch.get("target_names", ()))),
            target_name=target_name,
        )

    return make


def _generated(make: Callable[..., DataSet], samples: int, noise: float, **classes: int) -> Builtin:
    return Builtin(make, {"samples": samples, "noise": noise, "data_seed": 1, **classes})


BUILTIN: Mapping[str, Builtin] = {
    "blobs": _generated(blobs, 1000, 1.5),
    "moons": _generated(moons, 1000, 0.2),
    "circles": _generated(circles, 1000, 0.1),
    "xor": _generated(xor, 1000, 0.1),
    "spiral": _generated(spiral, 1000, 0.04, classes=2),
    "gaussians": _generated(gaussians, 1000, 1.0, classes=3),
    # 50 train rows: α = 0.01 is then below the limit 2/λ of a sum of squares, whose curvature λ
    # along the bias is twice the number of train rows
    "line": _generated(line, 100, 0.3),
    "plane": _generated(plane, 100, 0.3),
    "iris": Builtin(_bundled("load_iris")),
    "wine": Builtin(_bundled("load_wine")),
    "breast-cancer": Builtin(_bundled("load_breast_cancer")),
    "digits": Builtin(_bundled("load_digits")),
    "diabetes": Builtin(_bundled("load_diabetes", "disease progression")),
}
"""The problems by name, in the order of the list; `TITLES` describes them."""
