"""The numbers of a run by epoch and by weight: CSV, numpy's files, JSON, and event files."""

import csv
import io
import json
import math
import re
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_gd import __version__
from tui_gd.learning.models import Floats
from tui_gd.problems.text import safe_text
from tui_gd.runs.record import RunRecord
from tui_gd.session.report import ClassificationReport, plain_numbers, report_on
from tui_gd.training.checkpoint import LaneRecord

COLUMNS = ("epoch", "lane", "alpha", "train_loss", "test_loss", "gradient_norm")


def loss_files(run: RunRecord) -> dict[str, bytes]:
    """Return `losses.csv`: a row for every lane and recorded epoch, with all digits.

    Unknown numbers are left blank; a thinned run has only some of its early epochs. `alpha` is the
    step size of the update that follows, including the schedule's factor. With validation rows the
    last column is `validation_loss`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, *(["validation_loss"] if run.validates else [])))
    for lane in run.lanes:
        writer.writerows(_rows(run, lane))
    return {"losses.csv": text.getvalue().encode()}


def _rows(run: RunRecord, lane: LaneRecord) -> Iterator[tuple[object, ...]]:
    name = _no_formula(lane.name)
    kinds = ["train", "test", "norm", *(["validation"] if run.validates else [])]
    series = [run.series(kind, lane).points() for kind in kinds]
    known = np.unique(np.concatenate([points.epochs for points in series]))
    columns = [run.learning_rates(lane, known)]
    columns += [points.at_all(known).tolist() for points in series]
    for epoch, *numbers in zip(known.tolist(), *columns, strict=True):
        yield epoch, name, *map(_number, numbers)


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else ""


def _no_formula(name: str) -> str:
    """Return a name that neither a spreadsheet nor a terminal takes for a command."""
    shown = safe_text(name)
    return f"'{shown}" if shown[:1] in {"=", "+", "-", "@"} else shown


def weight_files(run: RunRecord) -> dict[str, bytes]:
    """Return `weights.npz`, `.json`, `.npy` and `.csv`, at the epochs that count.

    The .npz holds `weights` (lanes, parameters); `layer1`, `layer2` … (lanes, inputs + 1, outputs),
    the bias row last; the names `lanes`, `features`, `classes`; `epoch`, that of the run; and
    `epochs` (lanes,), those of the weights. The .npy is `weights` alone, as `--init` takes it.
    The .csv has the weights of a linear model in the units of the data, the largest first, and
    those of scikit-learn's optimum.
    """
    weights = np.stack([run.weights(lane) for lane in run.lanes])
    layers = [] if run.problem.surface else run.model.matrices(weights)
    arrays: dict[str, Any] = {
        "weights": weights,
        **{f"layer{number}": layer for number, layer in enumerate(layers, 1)},
        "lanes": _texts(lane.name for lane in run.lanes),
        "features": _texts(_inputs(run)),
        "classes": _texts(run.problem.class_names),
        "epoch": np.array(run.epoch),
        "epochs": np.array([run.best_epoch(lane) for lane in run.lanes]),
    }
    packed, alone = io.BytesIO(), io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    np.save(alone, weights, allow_pickle=False)
    document = {
        "version": __version__,
        "problem": run.problem.name,
        "epoch": run.epoch,
        "features": _inputs(run),
        "classes": list(run.problem.class_names),
        "lanes": [
            {"name": lane.name, "epoch": run.best_epoch(lane), "weights": _named(run, row)}
            for lane, row in zip(run.lanes, weights, strict=True)
        ],
    }
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    files = {
        "weights.npz": packed.getvalue(),
        "weights.npy": alone.getvalue(),
        "weights.json": text.encode(),
    }
    linear = not (run.problem.surface or run.settings.hidden)
    return files | ({"weights.csv": _in_units(run)} if linear else {})


def _in_units(run: RunRecord) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("lane", "class", "feature", "per_unit", "standardized", "optimum_per_unit"))
    found = run.weights_beside_optimum()
    for lane in run.lanes:
        one, name = found[lane.number], _no_formula(lane.name)
        if one is None:
            continue
        for row in one.rows:
            best = "" if row.optimum is None else repr(row.optimum)
            names = (name, _no_formula(row.output), _no_formula(row.feature))
            writer.writerow((*names, repr(row.per_unit), repr(row.standardized), best))
        for output, value in one.intercepts:
            writer.writerow((name, _no_formula(output), "(intercept)", repr(value), "", ""))
    return text.getvalue().encode()


def _texts(names: Any) -> Any:
    return np.array(list(names), dtype=np.str_)


def _inputs(run: RunRecord) -> list[str]:
    surface = run.problem.surface
    return list(surface.names if surface else run.problem.feature_names)


def _named(run: RunRecord, weights: Floats) -> Any:
    """Return one lane's weights by name.

    A surface or a linear model with one output has features and `bias`; other models have a list of
    `{"unit", "weights", "bias"}` per layer.
    """
    names = _inputs(run)
    if run.problem.surface:
        return dict(zip(names, plain_numbers(weights), strict=True))
    layers = [layer[0] for layer in run.model.matrices(weights[None])]
    if len(layers) == 1 and layers[0].shape[1] == 1:
        return {
            "weights": dict(zip(names, plain_numbers(layers[0][:-1, 0]), strict=True)),
            "bias": plain_numbers(layers[0][-1])[0],
        }
    shown = []
    for number, layer in enumerate(layers, 1):
        last = number == len(layers)
        units = _outputs(run) if last else [f"h{number}.{i + 1}" for i in range(layer.shape[1])]
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


def _outputs(run: RunRecord) -> list[str]:
    problem = run.problem
    return list(problem.class_names) if problem.outputs > 1 else [problem.target_name]


EPOCHS = 10_000
"""Epochs per lane at most, evenly spaced, the first and the last included."""
MISSING = "event files need the package tensorboard: pip install 'gd-tui[tensorboard]'"
TAGS = {"train": "loss/train", "test": "loss/test", "norm": "gradient_norm"}


def without_tensorboard(_: RunRecord) -> str:
    """Return why no event files can be made, or an empty text."""
    return "" if find_spec("tensorboard") else MISSING


def event_files(run: RunRecord) -> dict[str, bytes]:
    """Return `tensorboard/LANE/events.out.tfevents.gd-tui`: a TensorBoard run for every lane.

    Scalars are `loss/train`, `loss/test`, `loss/validation` if there are such rows, `gradient_norm`
    and `alpha` by epoch; and for classes `score/roc_auc`, `score/average_precision` and
    `score/log_loss` of the test rows, at the epoch of the weights that count.
    """
    now, files = time.time(), {}
    for lane in run.lanes:
        safe = re.sub(r"[^A-Za-z0-9_-]+", "-", lane.name)[:40].strip("-")
        folder = safe or f"lane-{lane.number}"
        if f"tensorboard/{folder}/events.out.tfevents.gd-tui" in files:
            folder = f"{folder}-{lane.number}"
        events = _events(run, lane, now)
        files[f"tensorboard/{folder}/events.out.tfevents.gd-tui"] = events
    return files


def _events(run: RunRecord, lane: LaneRecord, now: float) -> bytes:
    """Return the records of one lane in TensorBoard's format."""
    from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
    from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

    out = io.BytesIO()
    writer = RecordWriter(out)
    writer.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
    tags = TAGS | ({"validation": "loss/validation"} if run.validates else {})
    series = {tag: run.series(name, lane).points() for name, tag in tags.items()}
    epochs = _epochs(series["loss/train"].epochs)
    numbers = {tag: points.at_all(epochs).tolist() for tag, points in series.items()}
    numbers["alpha"] = run.learning_rates(lane, epochs)
    for epoch, *row in zip(epochs.tolist(), *numbers.values(), strict=True):
        scalars = [
            Summary.Value(tag=tag, simple_value=number)
            for tag, number in zip(numbers, row, strict=True)
            if np.isfinite(number)
        ]
        event = Event(wall_time=now, step=epoch, summary=Summary(value=scalars))
        writer.write(event.SerializeToString())
    if scores := _scores(run, lane):
        scalars = [Summary.Value(tag=f"score/{tag}", simple_value=scores[tag]) for tag in scores]
        event = Event(wall_time=now, step=run.best_epoch(lane), summary=Summary(value=scalars))
        writer.write(event.SerializeToString())
    return out.getvalue()


def _scores(run: RunRecord, lane: LaneRecord) -> dict[str, float]:
    if run.no_data or not run.problem.test_rows:
        return {}
    report = report_on(run.problem, run.predictor, run.weights(lane))
    return report.scores if isinstance(report, ClassificationReport) else {}


def _epochs(known: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(known) > EPOCHS:
        known = known[np.linspace(0, len(known) - 1, EPOCHS).astype(np.intp)]
    return known
