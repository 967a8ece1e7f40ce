"""How every feature of a problem is computed from a row of the table that it was made of."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Use = Literal["number", "missing", "text", "rare"]


@dataclass(frozen=True)
class FeatureRule:
    """One feature as a function of one column: (f(value) − mean) / scale.

    f is, by `use`: the number, `fill` where it is missing ("number"); 1 where the value is missing,
    else 0 ("missing"); 1 where it is `text` ("text"); 1 where no other rule of the column gives 1
    ("rare"). `fill` None: in the train rows none was missing.
    """

    column: str
    use: Use
    fill: float | None = None
    text: str = ""
    mean: float = 0.0
    scale: float = 1.0


def as_they_are(names: Iterable[str]) -> tuple[FeatureRule, ...]:
    """Return the rules of features that are columns of numbers themselves."""
    return tuple(FeatureRule(name, "number") for name in names)


def standardized(
    rules: tuple[FeatureRule, ...], means: NDArray[np.float64], scales: NDArray[np.float64]
) -> tuple[FeatureRule, ...]:
    """Return the rules of features that were standardized by means and scales (features,)."""
    return tuple(
        replace(rule, mean=mean, scale=scale)
        for rule, mean, scale in zip(rules, means.tolist(), scales.tolist(), strict=True)
    )
