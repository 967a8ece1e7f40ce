"""Data sets that are made from a formula and a seed.

Each function returns `samples` rows; the same arguments give the same bits. What scikit-learn
makes (`make_blobs`, `make_moons`, `make_circles`) is taken from there, with the arguments named.
"""

import numpy as np
from numpy.typing import NDArray

from tui_gd.problems.split import DataSet

SPIRAL_TURNS = 1.25
"""How far an arm of `spiral` winds around the origin."""


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
