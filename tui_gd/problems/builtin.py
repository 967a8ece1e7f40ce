"""The problems that come with the program: their table, and how one is loaded."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tui_gd.errors import ProblemError
from tui_gd.problems import generated
from tui_gd.problems.problem import Problem
from tui_gd.problems.split import SEEDS, DataSet, split, whole
from tui_gd.problems.surfaces import PREFIX, find_surface, surface_problem

MOST_SAMPLES = 10**8
"""More rows than this are refused: with two features they take 7 GB to make."""
MOST_CLASSES = 100
MOST_NOISE = 1000.0


@dataclass(frozen=True)
class Builtin:
    """A problem by name: what it is, how large, its options with their defaults, how it is made.

    `rows` and `classes` are those of the default options; `classes` is 0 for regression. `make`
    takes every option by name.
    """

    about: str
    rows: int
    features: int
    classes: int
    make: Callable[..., DataSet]
    options: Mapping[str, int | float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The line of `gd-tui problems`: what it is, rows, features, classes; plain ASCII."""
        features = "1 feature" if self.features == 1 else f"{self.features} features"
        kind = f"{self.classes} classes" if self.classes else "regression"
        return f"{self.about}: {self.rows} rows, {features}, {kind}"


def load_problem(
    name: str,
    test_size: float = 0.5,
    *,
    split_seed: int = 42,
    standardize: bool = False,
    samples: int | None = None,
    noise: float | None = None,
    data_seed: int | None = None,
    classes: int | None = None,
) -> Problem:
    """Return the built-in problem of that name, split into train and test.

    `x_train`, `x_test` have shape (rows, features + 1), ones last; ⌈test_size·rows⌉ rows chosen by
    `split_seed` are the test. `standardize` gives each feature mean 0 and variance 1 over the
    train rows. `samples` (rows before the split), `noise` (a standard deviation), `data_seed` and
    `classes` change what is generated; None leaves the default in `BUILTIN[name].options`.

    A name as `surface:himmelblau` is that of a test function; options are not for it.

    Raises `ProblemError` if there is no such problem, if it does not have an option that is given,
    if a value is out of its range, or if too little is left to train on.

    >>> problem = load_problem("blobs")
    >>> problem.x_train.shape, problem.task, problem.class_names
    ((500, 3), 'binary', ('0', '1'))
    """
    if name.startswith(PREFIX):
        return surface_problem(find_surface(name))
    if name not in BUILTIN:
        raise ProblemError(
            f"unknown problem {name!r}: choose one of {', '.join(BUILTIN)} (gd-tui problems)"
        )
    given = {"samples": samples, "noise": noise, "data_seed": data_seed, "classes": classes}
    options = _options(name, {key: value for key, value in given.items() if value is not None})
    try:
        data = BUILTIN[name].make(**options)
        return split(name, data, test_size, split_seed=split_seed, standardize=standardize)
    except MemoryError:
        raise ProblemError(f"{name}: not enough memory for so many rows; take fewer") from None


def _options(name: str, given: Mapping[str, int | float]) -> dict[str, int | float]:
    """Return the options that `name` is made with, checked; `ProblemError` if one is at fault."""
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
    """Return what makes a data set of the one that `sklearn.datasets.<loader>()` gives."""

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


def _generated(
    about: str,
    make: Callable[..., DataSet],
    samples: int,
    noise: float,
    *,
    features: int = 2,
    classes: int = 2,
    any_classes: bool = False,
) -> Builtin:
    options: dict[str, int | float] = {"samples": samples, "noise": noise, "data_seed": 1}
    if any_classes:
        options["classes"] = classes
    return Builtin(about, samples, features, classes, make, options)


BUILTIN: Mapping[str, Builtin] = {
    "blobs": _generated("two blobs, the tutorial's data", generated.blobs, 1000, 1.5),
    "moons": _generated("two half moons", generated.moons, 1000, 0.2),
    "circles": _generated("a circle in a circle", generated.circles, 1000, 0.1),
    "xor": _generated("signs equal or different", generated.xor, 1000, 0.1),
    "spiral": _generated("wound arms", generated.spiral, 1000, 0.04, any_classes=True),
    "gaussians": _generated(
        "round clouds on a circle", generated.gaussians, 1000, 1.0, classes=3, any_classes=True
    ),
    # 50 train rows: α = 0.01 is then below the limit 2/λ of a sum of squares, whose curvature λ
    # along the bias is twice the number of train rows
    "line": _generated("y = 2 x1 + 1", generated.line, 100, 0.3, features=1, classes=0),
    "plane": _generated("y = x1 - 2 x2 + 1", generated.plane, 100, 0.3, classes=0),
    "iris": Builtin("iris flowers by their petals", 150, 4, 3, _bundled("load_iris")),
    "wine": Builtin("wines by their chemistry", 178, 13, 3, _bundled("load_wine")),
    "breast-cancer": Builtin("tumours by their cells", 569, 30, 2, _bundled("load_breast_cancer")),
    "digits": Builtin("handwritten digits, 8x8", 1797, 64, 10, _bundled("load_digits")),
    "diabetes": Builtin(
        "diabetes a year later", 442, 10, 0, _bundled("load_diabetes", "disease progression")
    ),
}
"""The problems by name, in the order in which they are listed."""
