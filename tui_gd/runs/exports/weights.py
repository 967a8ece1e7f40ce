"""The weights of all lanes, with the names of what they belong to."""

import io
import json
from typing import Any

import numpy as np

from tui_gd import __version__
from tui_gd.learning.models import Floats
from tui_gd.runs.document import plain_numbers
from tui_gd.runs.exported import Exported


def weight_files(exported: Exported) -> dict[str, bytes]:
    """Return `weights.npz`, `weights.json` and `weights.npy`, at the exported epoch.

    The .npz holds `weights` (lanes, parameters); `layer1`, `layer2` … (lanes, inputs + 1, outputs),
    the bias row last; the names `lanes`, `features`, `classes`; and `epoch`. The .npy is `weights`
    alone, as `--init` takes it.
    """
    weights = np.stack([exported.weights(lane) for lane in exported.lanes])
    names = [lane.name for lane in exported.lanes]
    layers = [] if exported.problem.surface else exported.model.matrices(weights)
    arrays: dict[str, Any] = {
        "weights": weights,
        **{f"layer{number}": layer for number, layer in enumerate(layers, 1)},
        "lanes": _texts(names),
        "features": _texts(_inputs(exported)),
        "classes": _texts(exported.problem.class_names),
        "epoch": np.array(exported.epoch),
    }
    packed, alone = io.BytesIO(), io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    np.save(alone, weights, allow_pickle=False)
    document = {
        "version": __version__,
        "problem": exported.problem.name,
        "epoch": exported.epoch,
        "features": _inputs(exported),
        "classes": list(exported.problem.class_names),
        "lanes": [
            {"name": name, "weights": _named(exported, row)}
            for name, row in zip(names, weights, strict=True)
        ],
    }
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    return {
        "weights.npz": packed.getvalue(),
        "weights.npy": alone.getvalue(),
        "weights.json": text.encode(),
    }


def _texts(names: Any) -> Any:
    return np.array(list(names), dtype=np.str_)


def _inputs(exported: Exported) -> list[str]:
    surface = exported.problem.surface
    return list(surface.names if surface else exported.problem.feature_names)


def _named(exported: Exported, weights: Floats) -> Any:
    """Return one lane's weights by what they belong to.

    Of a surface and of a linear model with one output, by the features' names and `bias`; else
    layer by layer, each a list of `{"unit", "weights", "bias"}`.
    """
    names = _inputs(exported)
    if exported.problem.surface:
        return dict(zip(names, plain_numbers(weights), strict=True))
    layers = [layer[0] for layer in exported.model.matrices(weights[None])]
    if len(layers) == 1 and layers[0].shape[1] == 1:
        return {
            "weights": dict(zip(names, plain_numbers(layers[0][:-1, 0]), strict=True)),
            "bias": plain_numbers(layers[0][-1])[0],
        }
    shown = []
    for number, layer in enumerate(layers, 1):
        last = number == len(layers)
        units = (
            _outputs(exported) if last else [f"h{number}.{i + 1}" for i in range(layer.shape[1])]
        )
        shown.append(
            [
                {
                    "unit": unit,
                    "weights": dict(zip(names, plain_numbers(layer[:-1, i]), strict=True)),
                    "bias": plain_numbers(layer[-1])[i],
                }
                for i, unit in enumerate(units)
            ]
        )
        names = units
    return shown


def _outputs(exported: Exported) -> list[str]:
    problem = exported.problem
    return list(problem.class_names) if problem.outputs > 1 else [problem.target_name]
