"""Kept runs held beside each other: their curves in one plot, what differs in one table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from tui_gd.learning.buckets import Buckets
from tui_gd.plots.cells import fit
from tui_gd.plots.curves import bridged
from tui_gd.plots.loss import Curve
from tui_gd.plots.palette import Palette
from tui_gd.settings import RunSettings
from tui_gd.ui.shelf import KeptDetail, KeptLane

_LONGEST_VALUE = 24
# of one run, more lanes than these are no table that anybody reads
MOST_LANES = 16
Table = tuple[str, list[str], list[list[str]]]
"""Title, header and rows."""


def least(lane: KeptLane) -> float:
    """Return the lowest training loss of a lane; NaN if it has none."""
    return _least(lane.train.low)


def _least(values: "np.ndarray[Any, np.dtype[np.float64]]") -> float:
    finite = values[np.isfinite(values)]
    return float(finite.min()) if len(finite) else math.nan


def best_lane(detail: KeptDetail) -> KeptLane:
    """Return the lane with the lowest training loss, the first one if none has any."""
    return min(detail.lanes, key=lambda lane: (math.isnan(least(lane)), least(lane)))


def curves_of(
    runs: Sequence[str], details: Mapping[str, KeptDetail], palette: Palette
) -> tuple[str, list[Curve]]:
    """Return a title and curves: of one run all its lanes, of several the best lane of each."""
    if len(runs) == 1:
        lanes = details[runs[0]].lanes
        several = len(lanes) > 1
        curves = [
            _curve(
                f"{lane.name} {lane.learning_rate:g}" if several else "train",
                lane,
                palette.lane(number) if several else (palette.train, palette.train_dimmed),
                name=lane.name if several else "",
            )
            for number, lane in enumerate(lanes)
        ]
        if not several and np.isfinite(lanes[0].test.low).any():
            curves.append(_test_curve(lanes[0], palette))
        return f"loss of {runs[0]}", curves
    curves = []
    several = any(len(details[run].lanes) > 1 for run in runs)
    for number, run in enumerate(runs):
        lane = best_lane(details[run])
        text = f"{number + 1} {run}" + (f" {lane.name}" if len(details[run].lanes) > 1 else "")
        curves.append(_curve(text, lane, palette.lane(number), name=str(number + 1)))
    return "loss, best lane of each" if several else "loss", curves


def _curve(label: str, lane: KeptLane, colours: tuple[int, int], *, name: str) -> Curve:
    return _drawn(label, lane.train, lane.last, colours, name=name)


def _test_curve(lane: KeptLane, palette: Palette) -> Curve:
    colours = (palette.test, palette.test_dimmed)
    return _drawn("test", lane.test, lane.last_test, colours, dashed=True)


def _drawn(
    label: str,
    buckets: Buckets,
    last: float,
    colours: tuple[int, int],
    *,
    name: str = "",
    dashed: bool = False,
) -> Curve:
    low, high = bridged(buckets.low, buckets.high, buckets.width, buckets.whole - buckets.first)
    return Curve(
        label,
        buckets.first,
        buckets.width,
        low,
        high,
        *colours,
        _number(last, 4),
        stop=buckets.stop,
        dashed=dashed,
        name=name,
    )


def compared(runs: Sequence[str], details: Mapping[str, KeptDetail]) -> Table:
    """Return settings that differ and losses, a column for each run; of one run for each lane."""
    if len(runs) == 1:
        return _lanes(runs[0], details[runs[0]])
    ones = [details[run] for run in runs]
    best = [best_lane(one) for one in ones]
    body = [
        ["best train loss", *(_number(least(lane)) for lane in best)],
        ["last train loss", *(_number(lane.last) for lane in best)],
        ["best test loss", *(_number(_least(lane.test.low)) for lane in best)],
        ["epochs done", *(str(lane.epochs) for lane in best)],
        ["lanes", *(str(len(one.lanes)) for one in ones)],
        ["best lane", *(lane.name for lane in best)],
        ["its α", *(f"{lane.learning_rate:g}" for lane in best)],
        ["its optimizer", *(lane.optimizer for lane in best)],
        ["its loss", *(lane.loss_name for lane in best)],
    ]
    if any(one.accuracy is not None for one in ones):
        body.insert(3, ["accuracy", *(_number(one.accuracy) for one in ones)])
    differ = [
        [_option(name), *(_value(one.settings.get(name)) for one in ones)]
        for name in _names(ones)
        if len({_value(one.settings.get(name)) for one in ones}) > 1
    ]
    header = ["", *(f"{number} {run}" for number, run in enumerate(runs, 1))]
    title = "beside each other" if differ else "beside each other: same settings"
    return title, header, body + differ


def _lanes(run: str, detail: KeptDetail) -> Table:
    lanes = detail.lanes[:MOST_LANES]
    body = [
        ["best train loss", *(_number(least(lane)) for lane in lanes)],
        ["last train loss", *(_number(lane.last) for lane in lanes)],
        ["best test loss", *(_number(_least(lane.test.low)) for lane in lanes)],
        ["epochs done", *(str(lane.epochs) for lane in lanes)],
        ["α", *(f"{lane.learning_rate:g}" for lane in lanes)],
        ["optimizer", *(lane.optimizer for lane in lanes)],
        ["loss", *(lane.loss_name for lane in lanes)],
    ]
    if detail.accuracy is not None:
        body.insert(3, ["accuracy", _number(detail.accuracy)])
    usual = {one.name: one.default for one in fields(RunSettings)}
    told = {"alpha", "optimizer", "loss"}
    for name in _names([detail]):
        value = detail.settings[name]
        given = _value(value) != _value(usual.get(name))
        if name == "problem" or (given and name not in told):
            body.append([_option(name), _value(value)])
    more = len(detail.lanes) - len(lanes)
    title = f"{run}, the first {MOST_LANES} of {len(detail.lanes)} lanes" if more > 0 else run
    return title, ["", *(lane.name for lane in lanes)], body


def _names(details: Sequence[KeptDetail]) -> list[str]:
    """Return the names of all settings, those that the program knows first and in its order."""
    known = [one.name for one in fields(RunSettings)]
    found = {name for one in details for name in one.settings}
    return [name for name in known if name in found] + sorted(found - set(known))


def _option(name: str) -> str:
    return name.replace("_", "-")


def _number(value: float | None, digits: int = 7) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}g}"


def _value(value: Any) -> str:
    """Return a setting as a person would type it."""
    match value:
        case None | () | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case list() | tuple():
            return fit(",".join(_value(one) for one in value), _LONGEST_VALUE)
    return fit(str(value), _LONGEST_VALUE)
