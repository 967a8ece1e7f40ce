"""Numbers of epochs that were not computed when a run was trained, computed again."""

from dataclasses import replace

import numpy as np

from tui_gd.learning.standing import Standing
from tui_gd.runs.exported import Exported

WANTED = ("train", "test", "norm")


def missing_epochs(standing: Standing) -> int:
    """Return the number of epochs of which a loss or a gradient norm is not on record."""
    missing = 0
    for lane in standing.lanes:
        stop = 1 + (lane.recorded if lane.diverged is None else lane.diverged)
        known = np.ones(stop, np.bool_)
        for name in WANTED:
            values = standing.series[name][lane.number][:stop]
            known[: len(values)] &= np.isfinite(values)
            known[len(values) :] = False
        missing += int(np.count_nonzero(~known))
    return missing


def completed(exported: Exported) -> Exported:
    """Return a run with the numbers of all its epochs, by training it again from its start."""
    standing = exported.standing
    begun = standing.keyframes[0]
    trainer = exported.settings.make_trainer(exported.problem, initial_weights=begun.state[0, 0])
    trainer.restore(standing)
    trainer.record_steepness()
    trainer.go_to(0)
    trainer.record_steepness()  # of epoch 0 too
    starts = dict(zip((lane.number for lane in trainer.lanes), trainer.weights.copy(), strict=True))
    while trainer.epoch < standing.newest and trainer.advance(standing.newest - trainer.epoch):
        pass
    found = trainer.standing(standing.seed)
    # lanes that had not come so far end where they did
    ends = {lane.number: lane.recorded + 1 for lane in standing.lanes}
    series = {
        name: {number: values[: ends[number]] for number, values in lanes.items()}
        for name, lanes in found.series.items()
    }
    for lane in standing.lanes:
        series["test"][lane.number][0] = exported.test_loss(starts[lane.number], lane.methods[0][2])
    return replace(exported, standing=replace(standing, series=series))
