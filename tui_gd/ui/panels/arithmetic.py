"""The words and numbers of one step: every weight's update, and one sample's share in it."""

import math
from collections.abc import Iterable, Sequence

from tui_gd.insight.explain import Chain, Quantity
from tui_gd.plots.cells import width
from tui_gd.session.snapshot import LaneSnapshot

SEPARATOR = "   "
_NONE = "-"
# a vector of which less than this is seen is rather given a line of its own
_VECTOR = 24


def update_row(
    name: str, weight: float, gradient: float, step: float, digits: tuple[int, int] = (7, 5)
) -> tuple[str, ...]:
    """Return one weight's update: name, W, g, step, W − step; `digits` of weights and of steps.

    What is not known yet, NaN, is a dash.
    """
    of_weights, of_steps = digits
    return (
        name,
        f"{weight:+.{of_weights}g}",
        f"{gradient:+.{of_steps}g}",
        _NONE if math.isnan(step) else f"{step:+.{of_steps}g}",
        _NONE if math.isnan(step) else f"{weight - step:+.{of_weights}g}",
    )


def check_row(
    name: str, weight: float, gradient: float, found: float, digits: tuple[int, int] = (7, 5)
) -> tuple[str, ...]:
    """Return one weight's gradient beside that found by differences, and how far they differ."""
    error = abs(gradient - found) / max(abs(gradient), abs(found), 1e-300)
    return (
        name,
        f"{weight:+.{digits[0]}g}",
        f"{gradient:+.{digits[0]}g}",
        f"{found:+.{digits[0]}g}",
        f"{error:.1e}",
    )


def head_pieces(lane: LaneSnapshot, *, halved: bool) -> list[str]:
    """Return the loss before and after, the learning rate and the gradient's norm."""
    change = lane.next_loss - lane.loss
    after = "" if math.isnan(change) else f" → {lane.next_loss:.8g} ({change:+.2e})"
    return [
        f"loss {lane.loss:.8g}{after}",
        f"α {lane.learning_rate:g}",
        f"‖g‖ {lane.gradient_norm:.6g}",
        *(["g is half the gradient"] if halved else []),
    ]


def chain_lines(one: Chain, room: int) -> list[str]:
    """Return one sample's arithmetic, a line for each step; vectors are cut to `room` cells."""
    given, share = f"   y = {one.y:g}", f"share of g = {one.share_formula} = "
    lines = [f"x     = {vector(one.x, room - 8 - width(given))}{given}"]
    for step in one.steps:
        head = f"{step.name:<5} = {step.formula} = "
        lines.append(head + _numbers(step, room - width(head)))
    return [*lines, f"{share}{vector(one.share, room - width(share))}"]


def chain_pieces(one: Chain, room: int, heading: int, *, with_loss: bool) -> list[str]:
    """Return the same in pieces, several of which may share a line.

    Where x has room beside a heading of so many cells and before y, it is cut to that.
    """
    share, given = f"share = {one.share_formula} = ", f"y = {one.y:g}"
    beside = room - heading - width(f"{SEPARATOR}x = {SEPARATOR}{given}")
    pieces = [f"x = {vector(one.x, beside if beside > _VECTOR else room - 4)}", given]
    for step in one.steps:
        if with_loss or step.name != "loss":
            head = f"{step.name} = {step.formula} = "
            pieces.append(head + _numbers(step, room - width(head)))
    return [*pieces, f"{share}{vector(one.share, room - width(share))}"]


def _numbers(step: Quantity, room: int) -> str:
    """Return one number, to as many digits as its kind needs, or a vector."""
    if len(step.values) > 1:
        return vector(step.values, room)
    value = step.values[0]
    if step.name in {"loss", "δ"}:
        return f"{value:+.5g}" if step.signed else f"{value:.5g}"
    return f"{value:+.7g}" if step.signed else f"{value:.7g}"


def vector(values: Iterable[float], room: int) -> str:
    """Return `(1.5, 2, 3)` in at most `room` cells if it can be: `(1.5, …, 3)`, the last kept.

    >>> vector([1.5, 2, 3, 4], 20), vector([1.5, 2, 3, 4], 11)
    ('(1.5, 2, 3, 4)', '(1.5, …, 4)')
    """
    numbers = list(values)
    # a number and its comma take three cells: more than these are never seen, nor written
    words = [f"{value:.5g}" for value in numbers[: max(room, 0) // 3 + 2]]
    whole = f"({', '.join(words)})"
    if len(words) == len(numbers) and (len(whole) <= room or len(words) < 2):
        return whole
    last = f"{numbers[-1]:.5g}"
    for kept in range(min(len(words), len(numbers) - 2), 0, -1):
        # as many from the front as fit, and the last, which belongs to the bias
        text = f"({', '.join([*words[:kept], '…', last])})"
        if len(text) <= room:
            return text
    return f"({words[0]}, …)"


def flow(pieces: Sequence[str], room: int) -> list[str]:
    """Return the pieces in lines of at most `room` cells, as many in each as fit."""
    lines: list[str] = []
    for piece in pieces:
        if lines and width(lines[-1] + SEPARATOR + piece) <= room:
            lines[-1] += SEPARATOR + piece
        else:
            lines.append(piece)
    return lines
