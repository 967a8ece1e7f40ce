"""kill -9 at random moments: the run is in the store and continues with the same bits."""

import json
import os
import random
import signal
from pathlib import Path

from benchmarks.kills import RUN, Nursery, check_whole, kill_once
from tests.cli.commandline import check_refusal, process
from tui_gd.runs.database import NAME
from tui_gd.runs.store import Store

KILLS = 12


def test_a_run_killed_again_and_again_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    chance = random.Random(3)
    data, out = tmp_path / "data", tmp_path / "out"
    run, reached = "", 0
    with Nursery(data) as nursery:
        for _ in range(KILLS):
            words = ("run", "--resume", run) if run else RUN
            kill_once(nursery, words, out, chance.uniform(0.0, 1.2))
            with Store(data / NAME) as store:
                runs = store.runs()
            for kept in runs:
                assert kept.state == "interrupted"
                assert kept.locked_by is None
                assert kept.newest >= reached
                run, reached = kept.id, kept.newest
            assert len(runs) <= 1
    assert check_whole(data / NAME, more=50) == reached + 50


def test_a_run_that_another_process_trains_is_refused(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    with Nursery(data) as nursery:
        running = nursery.start(RUN, out)
        listed: list[dict[str, object]] = []
        while not listed:
            listed = kept_runs(data)
        (run,) = listed
        assert run["state"] == "running"
        name = str(run["id"])
        who = f"run {name} is locked by process {running}, since "
        check_refusal(process("run", "--resume", name, GD_TUI_DATA=str(data)), who)
        check_refusal(process("rm", name, GD_TUI_DATA=str(data)), who)
        os.kill(running, signal.SIGHUP)
        assert nursery.status() >> 8 == 128 + signal.SIGHUP
    (run,) = kept_runs(data)
    assert run["state"] == "paused"
    check_whole(data / NAME, more=50)


def kept_runs(data: Path) -> list[dict[str, object]]:
    said = process("runs", "--json", GD_TUI_DATA=str(data))
    assert said.status == 0, said
    runs: list[dict[str, object]] = json.loads(said.out)["runs"]
    return runs
