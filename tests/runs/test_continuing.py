"""A run goes on in the same way whether it was never left, resumed, or repeated from its line."""

import io
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests import tutorial
from tests.cli.commandline import call
from tui_gd.problems import load_problem
from tui_gd.runs.database import NAME
from tui_gd.runs.recipe import replay
from tui_gd.runs.record import RunRecord
from tui_gd.runs.recorder import Recorder
from tui_gd.runs.resume import resume
from tui_gd.runs.share import open_line, share_line
from tui_gd.runs.store import Store
from tui_gd.session import commands as do
from tui_gd.session.runner import Runner
from tui_gd.session.settings import RunSettings

SMALL = load_problem("blobs", samples=30)
RATES = st.sampled_from([0.01, 0.03, 0.1, 0.7, 50.0])
RULES = st.sampled_from([None, "sgd", "momentum", "adam"])
LANES = st.integers(0, 6)
FORWARD = st.one_of(
    st.builds(do.Step, st.integers(1, 6)),
    st.builds(do.SetLearningRate, RATES),
    st.builds(do.Branch, RULES, st.sampled_from([None, "mse"]), st.none() | RATES),
    st.tuples(st.just(do.SelectLane), LANES),
    st.tuples(st.just(do.CloseLane), LANES),
    st.tuples(st.just(do.RenameLane), LANES, st.sampled_from(["mine", "B", "C"])),
    st.builds(do.Reset, st.booleans()),
    st.builds(do.SetStart, st.tuples(st.floats(-2, 2), st.just(0.5), st.just(-0.25))),
    st.just(do.Resume()),
)
BACK = st.one_of(
    st.builds(do.StepBack, st.integers(1, 6)),
    st.builds(do.GoTo, st.integers(0, 25)),
)
ANY = st.one_of(FORWARD, BACK, st.just(do.GoTo(None)))
VARIED = st.sampled_from(
    [
        {},
        {"batch_size": 7, "schedule": "cosine"},
        {"target_loss": 2.5},
        {"patience": 2, "alpha": (0.1,)},
        {"dtype": "float32", "optimizer": ("adam",)},
    ]
)


@contextmanager
def driven(runner: Runner) -> Iterator[Runner]:
    runner.start()
    try:
        yield runner
        assert runner.failure is None
    finally:
        assert runner.stop(60)


def carry_out(runner: Runner, orders: Sequence[Any]) -> None:
    """Post commands, each when the one before is done; lanes are given by position."""
    for order in orders:
        lanes = runner.snapshot.lanes
        if isinstance(order, do.Branch) and len(lanes) > 5:
            continue
        if isinstance(order, tuple):
            kind, lane, *rest = order
            runner.post(kind(lanes[lane % len(lanes)].number, *rest))
        else:
            runner.post(order)
        end = time.monotonic() + 60
        while not runner.resting:
            assert time.monotonic() < end, order
            time.sleep(0.0005)


def state_of(runner: Runner) -> dict[str, Any]:
    """Return what a person sees of a run and what it goes on with."""
    now, checkpoint = runner.snapshot, runner.checkpoint(60)
    assert checkpoint
    return {
        "state": str(now.state),
        "epoch": (now.epoch, now.epochs),
        "seed": now.seed,
        "current": now.lane.name,
        "stopped": (checkpoint.stopped, checkpoint.stopped_at <= checkpoint.epoch),
        "lanes": [
            (
                lane.number,
                lane.name,
                lane.learning_rate,
                lane.optimizer,
                np.float64(lane.loss).tobytes(),
                checkpoint.weights[lane.number].tobytes(),
            )
            for lane in now.lanes
        ],
    }


@given(
    alpha=st.lists(RATES, min_size=1, max_size=2, unique=True),
    varied=VARIED,
    before=st.lists(ANY, min_size=1, max_size=10),
    after=st.lists(ANY, max_size=5),
    forward=st.lists(FORWARD, max_size=5),
)
@example(  # a learning rate that is set after stepping back
    alpha=[0.01],
    varied={},
    before=[do.Step(10), do.StepBack(2), do.SetLearningRate(0.003)],
    after=[do.Resume()],
    forward=[do.Resume()],
)
@settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
def test_a_run_goes_on_alike_never_left_resumed_and_repeated(
    alpha: list[float],
    varied: dict[str, Any],
    before: list[Any],
    after: list[Any],
    forward: list[Any],
) -> None:
    run = RunSettings(samples=30, epochs=20, seed=2, **{"alpha": tuple(alpha), **varied})
    with TemporaryDirectory() as directory:
        path = Path(directory) / NAME
        recorder = Recorder(run, SMALL, path=path)
        trainer = run.make_trainer(SMALL)
        with driven(Runner(trainer, 20, seed=2, record=recorder.take)) as left:
            carry_out(left, [*before, do.Step()])  # a run is kept from its first epoch on
            carry_out(left, before[-1:])
            now = left.snapshot
            recorder.wait()
            checkpoint = left.checkpoint(60)  # the recorder may have been too busy for all of it
            assert checkpoint
            recorder.close()
            record = RunRecord(run, SMALL, checkpoint, now.lane.number, goal=now.epochs)
            line = share_line(record)
            state = state_of(left)
            with Store(path) as store, resume(store, recorder.id) as kept:
                again = Runner(kept.trainer, kept.goal, seed=kept.seed, extension=20)
                with driven(again):
                    assert state_of(again) == state
                    carry_out(again, after)
                    ended = state_of(again)
                    shared = repeated(line)
                    with driven(shared):
                        if reached(checkpoint.epoch, shared.snapshot.epoch):
                            assert state_of(shared) == state
                            carry_out(shared, forward)
                            after_share = state_of(shared)
                        else:
                            after_share = None
                carry_out(left, after)
                assert state_of(left) == ended
            if after_share:
                with Store(path) as store, resume(store, recorder.id) as kept:
                    again = Runner(kept.trainer, kept.goal, seed=kept.seed, extension=20)
                    with driven(again):
                        carry_out(again, forward)
                        assert state_of(again) == after_share


def repeated(line: str) -> Runner:
    shared = open_line(line)
    trainer = shared.settings.make_trainer(SMALL)
    replay(trainer, shared)
    return Runner(trainer, shared.last_epoch, seed=shared.newest_seed, extension=20)


def reached(epoch: int, there: int) -> bool:
    """Whether the line came to the epoch: it does not where all lanes have diverged before."""
    return epoch == there


def test_a_rate_that_was_set_after_stepping_back_is_in_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("step 10\nback 2\nalpha 0.003\n"))
    kept = call("--plain", "-e", 20, "--seed", 3).err.partition("kept as ")[2].split()[0]
    line = call("share", kept).out.strip()
    shared = call("run", line, "--quiet", "--json", "-").document["lanes"][0]
    resumed = call("run", "--resume", kept, "--quiet", "--json", "-").document["lanes"][0]
    data = tutorial.data()
    start = np.array(resumed["initial_weights"])
    weights, _, _ = tutorial.descend(data.train_x, data.train_y, start, 0.01, 8)
    weights, _, _ = tutorial.descend(data.train_x, data.train_y, weights, 0.003, 12)
    assert resumed["weights"] == pytest.approx(weights.tolist(), rel=1e-10)
    assert shared["weights"] == resumed["weights"]
    assert shared["train_loss"] == resumed["train_loss"]


def test_a_run_that_was_repeated_is_stored_with_its_own_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def plain(script: str, *words: object) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(script))
        said = call("--plain", *words)
        assert said.status == 0
        return said.out + said.err

    first = plain("new\nnew\nstep 2\n", "-e", 5, "--seed", 3)
    assert "start of seed 5" in first
    kept = first.partition("kept as ")[2].split()[0]
    line = call("share", kept).out.strip()
    again = call("run", line, "--quiet")
    assert again.status == 0
    assert "start of seed 6" in plain("new\nstep\n", line)
    listed = json.loads(call("runs", "--json").out)["runs"]
    assert [run["seed"] for run in listed] == [6, 5, 5]
    assert call("run", "--resume", listed[1]["id"], "-e", 8, "--quiet").status == 0
    assert json.loads(call("runs", "--json").out)["runs"][0]["seed"] == 5
