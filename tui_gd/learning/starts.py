"""Starts: the initial weights of a lane."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from tui_gd.learning.engine import SurfaceLike
from tui_gd.learning.models import Floats, Model

STARTS = {
    "normal": "standard normal, as the tutorial",
    "glorot": "uniform within ±√(6 / (inputs + outputs)), biases 0",
    "he": "normal with variance 2 / inputs, biases 0",
    "zeros": "all zero",
    "mean": "zeros, with hidden layers glorot; the intercept at the mean of a regression's target",
}


def make_start(name: str, seed: int, model: Model, intercept: float = 0.0) -> Floats:
    """Return a start (parameters,) drawn with `numpy.random.default_rng(seed)`.

    `normal` is one standard normal draw per weight, `zeros` none. `glorot` draws each layer from
    U(−a, a), `a = √(6 / (inputs + outputs))`; `he` from N(0, 2 / inputs); their biases are 0.
    `mean` is `zeros`, with hidden layers `glorot`, and the last biases are `intercept`: so a
    regression begins at its target's mean. Sources: Glorot and Bengio, 2010; He et al., 2015.
    """
    if name == "mean":
        start = make_start("glorot" if len(model.shapes) > 1 else "zeros", seed, model)
        model.matrices(start[None])[-1][0, -1] = intercept
        return start
    rng = np.random.default_rng(seed)
    if name == "normal":
        return rng.standard_normal(model.parameters)
    start = np.zeros(model.parameters)
    if name == "zeros":
        return start
    for (rows, outputs), matrix in zip(model.shapes, model.matrices(start[None]), strict=True):
        inputs = rows - 1
        if name == "glorot":
            limit = np.sqrt(6.0 / (inputs + outputs))
            matrix[0, :-1] = rng.uniform(-limit, limit, (inputs, outputs))
        else:
            matrix[0, :-1] = rng.standard_normal((inputs, outputs)) * np.sqrt(2.0 / inputs)
    return start


def draw_start(
    name: str, seed: int, model: Model, surface: SurfaceLike | None, intercept: float = 0.0
) -> Floats:
    """Return a start (parameters,); on a surface, all but `zeros` are drawn within its limits."""
    if surface and name != "zeros":
        return surface.draw_start(seed)
    return make_start(name, seed, model, intercept)


def lane_starts(weights: ArrayLike, lanes: int, parameters: int, dtype: DTypeLike) -> Floats:
    """Return `weights`, (parameters,) for all lanes or (lanes, parameters), as a new full array.

    `ValueError`, in one line, for other shapes.
    """
    start = np.array(weights, dtype=dtype)
    if start.shape not in {(parameters,), (lanes, parameters)}:
        raise ValueError(
            f"initial weights have shape {start.shape}: give ({parameters},)"
            f" or ({lanes}, {parameters})"
        )
    return np.broadcast_to(start, (lanes, parameters)).copy()
