"""Numbers of epochs that are not on record, computed again."""

from dataclasses import replace
from functools import reduce

import numpy as np

from tui_gd.errors import ProblemError
from tui_gd.runs.exported import Exported
from tui_gd.training.checkpoint import Checkpoint
from tui_gd.training.spans import KnownPoints

WANTED = ("train", "test", "norm")
MOST_EPOCHS = 10_000_000
"""With the numbers of more epochs than these on record, memory is not enough for all of them."""


def missing_epochs(checkpoint: Checkpoint) -> int:
    """Return the number of epochs of which a loss or a gradient norm is not on record."""
    missing = 0
    for lane in checkpoint.lanes:
        stop = 1 + (lane.recorded if lane.diverged is None else lane.diverged)
        known = [checkpoint.series[name][lane.number].cut(stop).points().epochs for name in WANTED]
        missing += stop - len(reduce(np.intersect1d, known))
    return missing


def completed(exported: Exported) -> Exported:
    """Return a run with the numbers of all its epochs, by training it again from its start.

    `ProblemError` if these are too many to be held.
    """
    checkpoint = exported.checkpoint
    check_number(checkpoint.newest, "leave --complete out to export the epochs that are on record")
    begun = checkpoint.keyframes[0]
    trainer = exported.settings.make_trainer(exported.problem, initial_weights=begun.state[0, 0])
    trainer.restore(checkpoint)
    trainer.record_norms()
    trainer.go_to(0)
    trainer.record_norms()  # of epoch 0 too
    starts = dict(zip((lane.number for lane in trainer.lanes), trainer.weights.copy(), strict=True))
    while trainer.epoch < checkpoint.newest and trainer.advance(checkpoint.newest - trainer.epoch):
        pass
    found = trainer.checkpoint(checkpoint.seed)
    # lanes that had not come so far end where they did
    ends = {lane.number: lane.recorded + 1 for lane in checkpoint.lanes}
    series = {
        name: {number: known.cut(ends[number]) for number, known in lanes.items()}
        for name, lanes in found.series.items()
    }
    for lane in checkpoint.lanes:
        test = series["test"][lane.number].between(0, ends[lane.number])
        test[0] = exported.test_loss(starts[lane.number], lane.methods[0][2])
        series["test"][lane.number] = KnownPoints.of(test)
    return replace(exported, checkpoint=replace(checkpoint, series=series))


def check_number(epochs: int, instead: str) -> None:
    """Raise `ProblemError` if the numbers of so many epochs are too many to be held."""
    if epochs > MOST_EPOCHS:
        raise ProblemError(
            f"{epochs} epochs are more than the {MOST_EPOCHS} of which all numbers can be computed"
            f" again: {instead}"
        )
