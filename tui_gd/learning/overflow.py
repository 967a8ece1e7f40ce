"""Overflow: which number is the first that is not finite where a run cannot go on."""

from collections.abc import Sequence

import numpy as np

from tui_gd.learning.models import Floats


def overflow_of(
    direction: Floats,
    learning_rate: float,
    next_weights: Floats,
    next_loss: float,
    *,
    next_direction: Floats | None = None,
    largest_score: float | None = None,
    names: Sequence[str] = (),
) -> str:
    """Return in words which number of the next update is the first that is not finite.

    In the order of computing: the direction g, the step α·g, a weight, the scores, the loss, the
    direction there. `direction`, `next_weights` and `next_direction` are (parameters,);
    `largest_score` is the largest |score| at `next_weights`; None is not known. With what comes
    after the weights, the weight that is farthest from 0 is named. `names` are the weights'.
    """
    label = [f"weight {i} ({name})" for i, name in enumerate(names, 1)]
    label += [f"weight {i}" for i in range(len(label) + 1, len(direction) + 1)]
    with np.errstate(all="ignore"):
        for what, values in (
            ("the gradient for ", direction),
            ("the step α·g for ", learning_rate * np.asarray(direction, np.float64)),
            ("", next_weights),
        ):
            if not np.isfinite(values).all():
                return f"{what}{label[int(np.argmin(np.isfinite(values)))]} overflowed"
    far = int(np.argmax(np.abs(next_weights)))
    went = f"{label[far]} went to {next_weights[far]:.2g}".replace("to -", "to −")
    for what, value in (
        ("the scores", largest_score),
        ("the loss", next_loss),
        ("the gradient", next_direction),
    ):
        if value is not None and not np.isfinite(value).all():
            return f"{what} overflowed: {went}"
    return f"a number that the optimizer keeps overflowed: {went}"
