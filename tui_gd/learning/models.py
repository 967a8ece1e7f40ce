"""Models: from rows of the data to scores, and from the scores' derivative to the gradient.

Every lane is computed by its own BLAS call of the same shape: `numpy.matvec` and `matmul` on a
stack of matrices call BLAS once per matrix. So a lane's bits cannot depend on how many lanes stand
beside it. One matrix product over all lanes would be faster, but it rounds differently with every
number of lanes, and a replay after a branch would not give the same bits.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """Scores that are linear in the features: `s = [x, 1] · W`.

    `weights` of one lane are the matrix W of shape (features + 1, outputs), row by row, the bias
    row last; with one output this is the tutorial's column of weights.
    """

    features: int
    outputs: int

    @cached_property
    def parameters(self) -> int:
        """The number of weights of one lane."""
        return (self.features + 1) * self.outputs

    def scores(self, weights: Floats, x: Floats, out: Floats) -> Floats:
        """Write `s = x · W` for every lane of `weights` (lanes, parameters) into `out`.

        `out` is (lanes, rows), with several outputs (lanes, rows, outputs).
        """
        if self.outputs == 1:
            return np.matvec(x, weights, out)
        return np.matmul(x, weights.reshape(-1, self.features + 1, self.outputs), out)

    def gradient(self, x: Floats, delta: Floats) -> Floats:
        """Return `xᵀ · δ` as (lanes, parameters), δ = ∂loss/∂scores, shaped as the scores."""
        grad: Floats
        if self.outputs == 1:
            grad = np.vecmat(delta, x)
        else:
            grad = np.matmul(x.T, delta).reshape(len(delta), -1)
        return grad
