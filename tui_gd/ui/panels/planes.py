"""Which plane the landscape shows: what there is to choose from, and how it is called."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from tui_gd.learning.landscape import Plane
from tui_gd.learning.models import Floats
from tui_gd.ui.panels.arithmetic import weight_names
from tui_gd.ui.panels.panel import View

Choice = tuple[int, ...]
"""The numbers of one or two weights; none is the principal directions."""

PRINCIPAL: Choice = ()
_WORD = "principal"
# with more weights than this not every pair is offered, only those of the steepest weights
_ALL_PAIRS, _STEEPEST = 4, 4


def usual_choice(parameters: int) -> Choice:
    """Return the plane that is shown first: the first two weights, of many the principal one."""
    if parameters == 1:
        return (0,)
    return (0, 1) if parameters <= _ALL_PAIRS else PRINCIPAL


def choices(gradient: Floats) -> list[Choice]:
    """Return the planes to choose from for a gradient (parameters,).

    Up to four weights: all pairs, then the principal directions. More: these, then the pairs of
    the four weights with the largest derivative.
    """
    count = len(gradient)
    if count <= 2:
        return [usual_choice(count)]
    if count <= _ALL_PAIRS:
        return [*combinations(range(count), 2), PRINCIPAL]
    steepness = -np.abs(np.nan_to_num(gradient, nan=0.0))
    steepest = sorted(np.argsort(steepness, kind="stable")[:_STEEPEST].tolist())
    return [PRINCIPAL, *combinations(steepest, 2)]


def parse_choice(text: str, view: View) -> Choice | str:
    """Return the plane that a text names (`x1, bias`, `1, 3`, `principal`), or what is wrong."""
    count = len(view.snapshot.lane.weights)
    names = weight_names(view.problem, count)
    words = [word.strip() for word in text.split(",")]
    if [word.casefold() for word in words] == [_WORD]:
        return PRINCIPAL if count > 2 else f"{count} weights have no {_WORD} directions to choose"
    wanted = min(count, 2)
    if len(words) != wanted:
        several = "two weights, such as" if wanted == 2 else "one weight, such as"
        return f"name {several} {', '.join(names[:wanted])}" + (f", or {_WORD}" * (count > 2))
    found = []
    for word in words:
        index = _weight(word, names)
        if index is None:
            return f"no weight {word!r}: there are {_some(names)}, or numbers 1 to {count}"
        found.append(index)
    if len(set(found)) != wanted:
        return f"{names[found[0]]} is named twice: name two different weights"
    return tuple(found)


def _weight(word: str, names: Sequence[str]) -> int | None:
    """Return the weight of that name, else of that number counted from 1."""
    folded = [name.casefold() for name in names]
    if word.casefold() in folded:
        return folded.index(word.casefold())
    if word.isdecimal() and word.isascii() and len(word) < 12 and 1 <= int(word) <= len(names):
        return int(word) - 1
    return None


def _some(names: Sequence[str]) -> str:
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:3])} … {names[-1]}"


def titles(plane: Plane, loss: str, names: Sequence[str]) -> list[str]:
    """Return titles of a landscape, the longest first: axes, and what is held at which value."""
    axes = " × ".join(plane.labels)
    if not plane.weights:
        short = " × ".join(label.split(" (")[0] for label in plane.labels)
        return [f"landscape {loss}, {axes}", f"landscape, {axes}", f"landscape, {short}", axes]
    held = [index for index in range(len(names)) if index not in plane.weights]
    kept = [f"{names[index]} held at {plane.origin[index]:.4g}" for index in held[:2]]
    if len(held) > 2:
        kept = [f"{len(held)} weights held"]
    long = ", ".join([f"landscape {loss}", axes, *kept])
    return [long, ", ".join([f"landscape {axes}", *kept]), ", ".join([axes, *kept]), axes]
