"""The numbers of every epoch as event files for TensorBoard, if its package is installed."""

import io
import re
import time
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.runs.record import RunRecord
from tui_gd.training.checkpoint import LaneRecord

EPOCHS = 10_000
"""Epochs per lane at most, evenly spaced, the first and the last included."""
MISSING = "event files need the package tensorboard: pip install 'gd-tui[tensorboard]'"
TAGS = {"train": "loss/train", "test": "loss/test", "norm": "gradient_norm"}


def without_tensorboard(_: RunRecord) -> str:
    """Return why no event files can be made, or an empty text."""
    return "" if find_spec("tensorboard") else MISSING


def event_files(run: RunRecord) -> dict[str, bytes]:
    """Return `tensorboard/LANE/events.out.tfevents.gd-tui`: a TensorBoard run for every lane.

    Scalars are `loss/train`, `loss/test`, `gradient_norm` and `alpha` by epoch.
    """
    if not find_spec("tensorboard"):
        raise ProblemError(MISSING)
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
    series = {tag: run.series(name, lane).points() for name, tag in TAGS.items()}
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
    return out.getvalue()


def _epochs(known: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(known) > EPOCHS:
        known = known[np.linspace(0, len(known) - 1, EPOCHS).astype(np.intp)]
    return known
