"""Optimizers: from the gradient to the next weights, with torch.optim's formulas and defaults.

A rule is a function `(state, grad, rates, steps, out)`:

- `state` (lanes, 1 + slots, parameters): slot 0 holds the weights W, further slots hold the rule's
  own averages, zero at the beginning;
- `grad` (lanes, parameters): the direction g of descent;
- `rates` (lanes, 1): each lane's learning rate α;
- `steps` (lanes, 1): the number t of this update, counted from 1 since the lane uses the rule;
- `out`, shaped as `state` but another array: receives the new state, and serves as scratch space.

A rule does not change `state` and `grad`. All operations are elementwise: +, −, ×, ÷ and √, each
rounded correctly, and one `expm1`, so a lane's bits do not depend on other lanes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import log

import numpy as np

from tui_gd.learning.models import Floats

Rule = Callable[[Floats, Floats, Floats, Floats, Floats], None]

MOMENTUM = 0.9
ADAGRAD_EPSILON = 1e-10
RMSPROP_DECAY = 0.99
BETA_1, BETA_2 = 0.9, 0.999
EPSILON = 1e-8
WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class Optimizer:
    """A rule with its name and the formulas that the screen shows.

    `formula` updates the weights W, `kept` has one formula for each further slot. `momentum` is
    None if the rule has none. `update` is the rule, see the module. Optimizers with the same
    settings are equal, so lanes can be grouped by them.
    """

    name: str
    title: str
    formula: str
    update: Rule = field(compare=False, repr=False)
    kept: tuple[str, ...] = ()
    momentum: float | None = None

    @property
    def slots(self) -> int:
        """How many numbers the rule keeps for each weight, beside the weight."""
        return len(self.kept)


def sgd(state: Floats, grad: Floats, rates: Floats, _steps: Floats, out: Floats) -> None:
    """`W ← W − α·g`.

    Source: torch.optim.SGD.
    """
    w = out[:, 0]
    np.multiply(grad, rates, w)
    np.subtract(state[:, 0], w, w)


def momentum(
    mu: float, state: Floats, grad: Floats, rates: Floats, _steps: Floats, out: Floats
) -> None:
    """`v ← μ·v + g`, `W ← W − α·v`.

    The learning rate multiplies the whole velocity v, so a new rate takes effect at once.
    Source: torch.optim.SGD with `momentum` and dampening 0; Polyak, 1964.
    """
    w, v = out[:, 0], out[:, 1]
    np.multiply(state[:, 1], mu, v)
    np.add(v, grad, v)
    np.multiply(v, rates, w)
    np.subtract(state[:, 0], w, w)


def nesterov(
    mu: float, state: Floats, grad: Floats, rates: Floats, _steps: Floats, out: Floats
) -> None:
    """`v ← μ·v + g`, `W ← W − α·(g + μ·v)`.

    Source: torch.optim.SGD with `nesterov`; Sutskever et al., "On the importance of initialization
    and momentum in deep learning", 2013.
    """
    w, v = out[:, 0], out[:, 1]
    np.multiply(state[:, 1], mu, v)
    np.add(v, grad, v)
    np.multiply(v, mu, w)
    np.add(w, grad, w)
    np.multiply(w, rates, w)
    np.subtract(state[:, 0], w, w)


def adagrad(state: Floats, grad: Floats, rates: Floats, _steps: Floats, out: Floats) -> None:
    """`s ← s + g²`, `W ← W − α·g / (√s + ε)`, ε = 1e-10.

    Source: torch.optim.Adagrad; Duchi, Hazan and Singer, "Adaptive Subgradient Methods", 2011.
    """
    s = out[:, 1]
    np.multiply(grad, grad, s)
    np.add(s, state[:, 1], s)
    _scaled_step(ADAGRAD_EPSILON, state, grad, rates, out)


def rmsprop(state: Floats, grad: Floats, rates: Floats, _steps: Floats, out: Floats) -> None:
    """`s ← ρ·s + (1 − ρ)·g²`, `W ← W − α·g / (√s + ε)`, ρ = 0.99, ε = 1e-8.

    Source: torch.optim.RMSprop, which calls ρ alpha; Hinton's lecture 6e, 2012.
    """
    _average_of_squares(RMSPROP_DECAY, state[:, 1], grad, out[:, 1], out[:, 0])
    _scaled_step(EPSILON, state, grad, rates, out)


def adam(state: Floats, grad: Floats, rates: Floats, steps: Floats, out: Floats) -> None:
    """`m ← β₁·m + (1 − β₁)·g`, `v ← β₂·v + (1 − β₂)·g²`, `W ← W − α·m̂ / (√v̂ + ε)`.

    Both averages start at 0 and are corrected for it: `m̂ = m / (1 − β₁ᵗ)`, `v̂ = v / (1 − β₂ᵗ)`,
    so the first step is `−α·sign(g)`. β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    Source: torch.optim.Adam; Kingma and Ba, "Adam", 2015, algorithm 1.
    """
    _adam_step(state, grad, rates, steps, out)
    np.subtract(state[:, 0], out[:, 0], out[:, 0])


def adamw(state: Floats, grad: Floats, rates: Floats, steps: Floats, out: Floats) -> None:
    """`W ← (1 − α·λ)·W − α·m̂ / (√v̂ + ε)`, with m̂ and v̂ of `adam`, λ = 0.01.

    The decay acts on every weight, biases included, as torch's does by default.
    Source: torch.optim.AdamW; Loshchilov and Hutter, "Decoupled Weight Decay", 2019.
    """
    _adam_step(state, grad, rates, steps, out)
    decayed = state[:, 0] * (1.0 - rates * WEIGHT_DECAY)
    np.subtract(decayed, out[:, 0], out[:, 0])


def _adam_step(state: Floats, grad: Floats, rates: Floats, steps: Floats, out: Floats) -> None:
    """Write m and v into slots 1 and 2 of `out`, and `α·m̂ / (√v̂ + ε)` into slot 0."""
    w, m, v = out[:, 0], out[:, 1], out[:, 2]
    np.subtract(grad, state[:, 1], m)
    np.multiply(m, 1.0 - BETA_1, m)
    np.add(m, state[:, 1], m)
    _average_of_squares(BETA_2, state[:, 2], grad, v, w)
    np.divide(v, _one_minus_power(BETA_2, steps), w)
    np.sqrt(w, w)
    np.add(w, EPSILON, w)
    np.divide(m, w, w)
    np.multiply(w, rates / _one_minus_power(BETA_1, steps), w)


def _scaled_step(epsilon: float, state: Floats, grad: Floats, rates: Floats, out: Floats) -> None:
    """Write `W − α·g / (√s + ε)` into slot 0 of `out`, whose slot 1 holds s."""
    w = out[:, 0]
    np.sqrt(out[:, 1], w)
    np.add(w, epsilon, w)
    np.divide(grad, w, w)
    np.multiply(w, rates, w)
    np.subtract(state[:, 0], w, w)


def _average_of_squares(rho: float, old: Floats, grad: Floats, out: Floats, work: Floats) -> None:
    """Write `ρ·old + (1 − ρ)·g²` into `out`; `work` is overwritten."""
    np.multiply(grad, grad, work)
    np.multiply(work, 1.0 - rho, work)
    np.multiply(old, rho, out)
    np.add(out, work, out)


def _one_minus_power(beta: float, steps: Floats) -> Floats:
    """Return `1 − βᵗ` (lanes, 1).

    By `expm1`, because the last bits of `numpy.power` (2.4) depend on the shapes: with a single
    exponent 2 for many bases it multiplies.
    """
    power_minus_one: Floats = np.expm1(steps * log(beta))
    return np.negative(power_minus_one, power_minus_one)


_VELOCITY, _AHEAD = ("v ← μ·v + g",), "W ← W − α·(g + μ·v)"
_SCALED = "W ← W − α·g / (√s + ε)"
_SQUARES = ("s ← ρ·s + (1 − ρ)·g²",)
_MOMENTS = ("m ← β₁·m + (1 − β₁)·g", "v ← β₂·v + (1 − β₂)·g²")
# m̂ and v̂ are written out, because terminals draw combining characters badly
_ADAM_STEP = "α·m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)"


def _rules(mu: float) -> tuple[Optimizer, ...]:
    """Return all rules; `mu` is for those with momentum."""
    return (
        Optimizer("sgd", "gradient descent", "W ← W − α·g", sgd),
        Optimizer("momentum", "momentum", "W ← W − α·v", partial(momentum, mu), _VELOCITY, mu),
        Optimizer("nesterov", "Nesterov momentum", _AHEAD, partial(nesterov, mu), _VELOCITY, mu),
        Optimizer("adagrad", "AdaGrad", _SCALED, adagrad, ("s ← s + g²",)),
        Optimizer("rmsprop", "RMSprop", _SCALED, rmsprop, _SQUARES),
        Optimizer("adam", "Adam", f"W ← W − {_ADAM_STEP}", adam, _MOMENTS),
        Optimizer("adamw", "AdamW", f"W ← (1 − α·λ)·W − {_ADAM_STEP}", adamw, _MOMENTS),
    )


OPTIMIZERS = {rule.name: rule.title for rule in _rules(MOMENTUM)}


def make_optimizer(name: str, momentum: float | None = None) -> Optimizer:
    """Return the rule `name`; only `momentum` and `nesterov` take a `momentum`, in [0, 1), or 0.9.

    `ValueError`, in one line, for an unknown name or a momentum that does not fit.

    >>> make_optimizer("nesterov", 0.5).momentum
    0.5
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer {name!r} is none of: {', '.join(OPTIMIZERS)}")
    if momentum is not None and not 0.0 <= momentum < 1.0:
        raise ValueError(f"momentum {momentum:g} is not in [0, 1): 0 is none, 0.9 is usual")
    rules = _rules(MOMENTUM if momentum is None else momentum)
    rule = next(rule for rule in rules if rule.name == name)
    if momentum is not None and rule.momentum is None:
        having = " and ".join(rule.name for rule in rules if rule.momentum is not None)
        raise ValueError(f"optimizer {name!r} has no momentum: only {having} have")
    return rule
