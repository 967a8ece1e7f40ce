"""Runs on real workers: any number of them, some killed, gives the bits of this machine."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest

from tests.ui.driving import driving
from tui_gd.errors import MachinesLost, ProblemError
from tui_gd.problems import Problem, cluster
from tui_gd.problems.cluster import Cluster
from tui_gd.problems.machines import Machines, Parts, Rows, ThisMachine
from tui_gd.problems.partitions import Wanted, load_partitioned
from tui_gd.problems.reading import Reading
from tui_gd.problems.split import Preparation
from tui_gd.runs.database import NAME
from tui_gd.runs.resume import resume
from tui_gd.runs.store import Store
from tui_gd.session.report import ClassificationReport
from tui_gd.session.settings import RunSettings
from tui_gd.session.trainer import Trainer
from tui_gd.ui.context import Beginning

EPOCHS = 50
ROWS, FILES = 6000, 4
RUNS = (
    {"loss": "cross-entropy", "hidden": (4,), "optimizer": ["adam"], "learning_rates": [0.02]},
    {"loss": "sse", "learning_rates": [0.0005, 0.001]},
    {"loss": "cross-entropy", "learning_rates": [0.1], "batch_size": 800},
)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(1)
    x = rng.standard_normal((ROWS, 3))
    table = pd.DataFrame(x, columns=["a", "b", "c"])
    table["kind"] = rng.choice(["u", "v", "w"], ROWS)
    table["y"] = (x[:, 0] * x[:, 1] + 0.3 * rng.standard_normal(ROWS) > 0).astype(int)
    for place, part in enumerate(np.array_split(np.arange(ROWS), FILES)):
        table.iloc[part].to_parquet(folder / f"part-{place}.parquet", index=False)
    return str(folder / "part-*.parquet")


def load(pattern: str, on: Machines) -> Problem:
    how = Preparation(standardize=True, validation_size=0.2)
    return load_partitioned(Wanted(pattern, "y", (), None, how, Reading()), on)


def train(problem: Problem, epochs: int = EPOCHS) -> list[bytes]:
    """Return losses and weights of all runs, as bytes."""
    found = []
    for options in RUNS:
        trainer = Trainer(problem, seed=3, **options)  # type: ignore[arg-type]
        trainer.advance(epochs)
        lanes = range(len(trainer.lanes))
        for i in lanes:
            losses = trainer.losses(i), trainer.test_losses(i), trainer.validation_losses(i)
            found.append(np.concatenate(losses).tobytes())
        found.append(trainer.weights.tobytes())
    return found


@pytest.fixture(scope="module")
def wanted(pattern: str) -> list[bytes]:
    return train(load(pattern, ThisMachine()))


@pytest.fixture(scope="module")
def two(pattern: str) -> Iterator[Problem]:
    class NoFile(io.StringIO):  # as what takes the place of stderr under an interface
        def fileno(self) -> int:
            return -1

    with redirect_stderr(NoFile()):
        problem = load(pattern, Cluster(workers=2))
    yield problem
    problem.close()


def test_two_workers_give_the_bits_of_this_machine(two: Problem, wanted: list[bytes]) -> None:
    assert train(two) == wanted
    assert two.parts is not None
    assert re.fullmatch(r"2 workers · (\d+ MB|\d+\.\d GB)/s", two.parts.words())


def test_the_report_through_workers_is_that_of_scikit_learn(two: Problem, pattern: str) -> None:
    here = load(pattern, ThisMachine())
    assert here.parts is not None
    trainers = [Trainer(problem, seed=3, loss="cross-entropy") for problem in (two, here)]
    reports = []
    for trainer in trainers:
        trainer.advance(5)
        reports.append(trainer.report())
    assert isinstance(reports[0], ClassificationReport)
    assert isinstance(reports[1], ClassificationReport)
    assert reports[0].text == reports[1].text
    assert reports[0].scores == reports[1].scores
    # all rows are in the sample here, so scikit-learn can see them in one piece
    from sklearn.metrics import classification_report, roc_auc_score

    assert len(here.y_test) == here.test_rows
    p = 1.0 / (1.0 + np.exp(-here.x_test @ trainers[1].weights[0]))
    names = {"target_names": ["0", "1"], "zero_division": 0.0}
    assert reports[0].text == classification_report(here.y_test, p > 0.5, **names)
    table = classification_report(here.y_test, p > 0.5, output_dict=True, **names)
    for name, entry in table.items():
        assert reports[0].table[name] == pytest.approx(entry, rel=1e-12)
    assert reports[0].scores["roc_auc"] == pytest.approx(roc_auc_score(here.y_test, p), rel=1e-12)


def test_a_killed_worker_is_survived_with_the_same_bits(two: Problem, wanted: list[bytes]) -> None:
    parts = two.parts
    assert parts is not None
    assert isinstance(parts.machines, Cluster)
    before = parts.lost
    trainer = Trainer(two, seed=3, **RUNS[0])  # type: ignore[arg-type]
    trainer.advance(EPOCHS // 2)
    processes = parts.machines._client.run(os.getpid)
    places = parts.machines._client.who_has(parts.handles).values()
    holders = [worker for workers in places for worker in workers]
    victim = max(processes, key=holders.count)
    os.kill(processes[victim], signal.SIGKILL)
    trainer.advance(EPOCHS - EPOCHS // 2)
    losses = trainer.losses(), trainer.test_losses(), trainer.validation_losses()
    assert np.concatenate(losses).tobytes() == wanted[0]
    assert trainer.weights.tobytes() == wanted[1]
    # another worker may have had a copy of a part
    assert parts.lost - before <= holders.count(victim), "nothing else is read again"
    if parts.lost:
        assert f"{parts.lost} lost, read again" in parts.words()


def test_a_part_that_is_read_again_is_counted_once() -> None:
    rows = [Rows(np.ones((3, 2)), np.arange(3.0), 2) for _ in range(2)]
    parts = Parts(ThisMachine(), list(rows), (2, 2), 2, 8, ("", ""))
    for _ in range(2):
        assert parts.each(train_count) == [2, 2]
    assert parts.lost == 0
    parts.handles[1] = Rows(rows[1].x, rows[1].y, 2)
    for _ in range(2):
        parts.each(train_count)
    assert parts.lost == 1
    assert parts.words() == "1 lost, read again"
    parts.handles[0] = Rows(rows[0].x + 1.0, rows[0].y, 2)
    with pytest.raises(MachinesLost, match="its file has changed since: put back the file"):
        parts.each(train_count)


def train_count(rows: Rows) -> int:
    return rows.train


@pytest.mark.parametrize("workers", [1, 4])
def test_one_and_four_workers_give_the_bits_of_this_machine(
    pattern: str, wanted: list[bytes], workers: int
) -> None:
    problem = load(pattern, Cluster(workers=workers))
    try:
        assert train(problem) == wanted
    finally:
        problem.close()


def test_an_interrupted_pass_changes_nothing(two: Problem) -> None:
    trainer = Trainer(two, seed=3)
    trainer.advance(3)
    weights = trainer.weights.tobytes()

    class Enough(Exception):  # noqa: N818
        pass

    def look() -> None:
        raise Enough

    slow = two.parts
    assert slow is not None
    with pytest.raises(Enough):
        slow.each(sleep, 2.0, look=look)
    assert (trainer.epoch, trainer.weights.tobytes()) == (3, weights)
    trainer.advance(1)
    assert trainer.epoch == 4


def sleep(_: object, seconds: float) -> None:
    time.sleep(seconds)


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    for option, value in (("workers", 2), ("cluster", "tcp://localhost:8786")):
        settings = RunSettings.chosen({"problem": pattern, "target": "y", option: value})
        with pytest.raises(ProblemError) as refused:
            settings.load_problem()
        assert str(refused.value) == (
            f"--{option} needs Dask, the extra cluster: pip install 'gd-tui[cluster]'"
        )


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 0.3)
    with pytest.raises(MachinesLost, match=r"--cluster tcp://127\.0\.0\.1:9: no scheduler answers"):
        Cluster(address="tcp://127.0.0.1:9")
    with pytest.raises(ProblemError, match="--cluster here: write tcp://HOST:PORT"):
        Cluster(address="here")


def test_workers_that_do_not_start_are_one_line() -> None:
    with (
        dask.config.set({"distributed.worker.preload": ["no_such_module"]}),
        pytest.raises(MachinesLost, match=r"^this machine: the workers do not start \(.*failed to"),
    ):
        Cluster(workers=1)


def test_workers_end_if_no_client_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    class Workers:
        def __init__(self, **_: object) -> None:
            """Make none."""

        def close(self, timeout: float) -> None:
            ended.append(f"within {timeout} s")

    def refused(*_: object, **__: object) -> None:
        raise OSError("no connection")

    monkeypatch.setattr("distributed.LocalCluster", Workers)
    monkeypatch.setattr("distributed.Client", refused)
    with pytest.raises(MachinesLost, match=r"the workers do not start \(no connection\)"):
        Cluster(workers=1)
    assert ended == ["within 5 s"]


class Host:
    """A scheduler and a worker in processes of their own, and gd-tui in a third."""

    def __init__(self, folder: Path) -> None:
        self.environment = {**os.environ, "GD_TUI_DATA": str(folder / "data")}
        note = folder / "scheduler.json"
        words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self.scheduler = self.start("dask_scheduler", *words, "--scheduler-file", str(note))
        words = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", "127.0.0.1"]
        self.worker = self.start("dask_worker", *words, "--scheduler-file", str(note))
        until(note.exists)
        until(lambda: '"address"' in note.read_text())
        found = re.search(r'"address": "(tcp://[^"]+)"', note.read_text())
        assert found
        self.address = found[1]

    def start(self, tool: str, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{tool}", *words],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def run(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tui_gd", "run", *words],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> None:
        for process in (self.worker, self.scheduler):
            process.kill()
            process.wait()


def until(fulfilled: Callable[[], bool]) -> None:
    end = time.monotonic() + 60.0
    while not fulfilled():
        assert time.monotonic() < end, "it did not happen within a minute"
        time.sleep(0.05)


async def test_the_interface_pauses_and_keeps_a_run_whose_scheduler_is_gone(
    pattern: str, tmp_path: Path
) -> None:
    host, library = Host(tmp_path), tmp_path / NAME
    given: dict[str, Any] = {"problem": pattern, "target": "y", "alpha": (0.01,), "epochs": 10**6}
    given |= {"library": library, "beginning": Beginning(keep=True)}
    try:
        async with driving(80, 24, cluster=host.address, **given) as driver:
            assert "part-*.parquet · 1 worker" in driver.read("#top")
            await driver.press("space")
            await driver.until(lambda: (now := driver.read_status()) and now.epoch > 3)
            host.scheduler.kill()
            status = await driver.status(state="PAUSED")
            why = f"{host.address}: the scheduler is gone"
            await driver.until(lambda: any(why in one for one in driver.notices()), why)
            await driver.until(lambda: "part-*.parquet · 0 workers" in driver.read("#top"))
            # whatever is asked for now does no harm
            await driver.press("5", ".", "space")
            assert (await driver.status(state="PAUSED")).epoch == status.epoch
            await driver.app._press_keys(["q"])
        driver.run.put_away()
    finally:
        host.end()
    with Store(library) as store:
        (kept,) = store.runs()
        assert (kept.state, kept.epoch) == ("paused", status.epoch)
        # on another machine it goes on
        with resume(store, kept.id, machines={"memory": 1 << 30}) as resumed:
            assert resumed.trainer.advance(2) == 2
            resumed.problem.close()


def listed(host: Host) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tui_gd", "runs"],
        env=host.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_run_outlives_its_client_and_its_scheduler(pattern: str, tmp_path: Path) -> None:
    host = Host(tmp_path)
    options = ["--target", "y", "-a", "0.01", "--seed", "1"]
    try:
        running = host.run(pattern, *options, "-e", "1000000", "--cluster", host.address)
        assert running.stdout is not None
        while "epoch=10," not in running.stdout.readline():
            assert running.poll() is None
        time.sleep(1.0)  # a copy is stored every 0.4 s
        running.kill()
        running.communicate()
        identity = listed(host).splitlines()[1].split()[0]
        resumed = host.run("--resume", identity, "-e", "1000000")
        assert resumed.stdout is not None
        line = resumed.stdout.readline()
        assert "epoch=" in line
        assert "epoch=1," not in line
        host.scheduler.kill()
        _, errors = resumed.communicate(timeout=60)
        assert resumed.returncode == 2, errors
        found = re.search(
            r"the scheduler is gone: paused at epoch (\d+), kept as (\w+)"
            r" \(gd-tui run --resume \2\)",
            errors,
        )
        assert found, errors
        assert "Traceback" not in errors
    finally:
        host.end()
    assert found[2] == identity
    assert "paused" in listed(host)
    # on another machine the run goes on as if nothing had happened
    last = str(int(found[1]) + 3)
    weights = []
    for words in (["--resume", identity], [pattern, *options, "--no-store"]):
        path = tmp_path / f"{len(weights)}.json"
        done = host.run(*words, "-e", last, "--memory", "1GB", "--json", str(path))
        _, errors = done.communicate(timeout=120)
        assert done.returncode == 0, errors
        weights.append(json.loads(path.read_text())["lanes"][0]["weights"])
    assert weights[0] == weights[1]
