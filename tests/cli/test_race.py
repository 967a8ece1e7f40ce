"""`gd-tui race`: its table, its object, its exit status and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests import tutorial
from tests.cli.commandline import call, check_refusal
from tui_gd.learning.optimizers import OPTIMIZERS

WEIGHTS = np.array([0.5, -0.25, 0.125])


@pytest.fixture
def start(tmp_path: Path) -> str:
    file = tmp_path / "start.npy"
    np.save(file, WEIGHTS)
    return str(file)


def final_losses(rates, epochs: int) -> list[float]:
    """The tutorial's losses after so many epochs."""
    data = tutorial.data()
    return [
        tutorial.descend(data.train_x, data.train_y, WEIGHTS, rate, epochs + 1)[1][-1]
        for rate in rates
    ]


def test_the_object_holds_the_tutorials_losses(start) -> None:
    said = call("race", "--init", start, "-e", "30", "--json", "-", "--seed", "7")
    assert said.status == 0
    found = said.document
    keys = "version config problem epochs start_loss lanes best best_test advised"
    keys += " diverging_band seconds"
    assert set(found) == set(keys.split())
    rates = [lane["alpha"] for lane in found["lanes"]]
    assert len(rates) == 64
    assert 0.01 in rates
    assert rates[-1] / rates[0] == pytest.approx(1000)
    losses = [lane["train_loss"] for lane in found["lanes"]]
    assert losses == pytest.approx(final_losses(rates, 30), rel=1e-7)
    assert found["best"] == int(np.argmin(losses))
    assert found["epochs"] == 30
    assert found["start_loss"] == pytest.approx(final_losses([0.1], 0)[0])
    assert found["config"]["alpha"] == rates
    assert found["config"]["loss"] == "sse"
    assert found["config"]["seed"] == 7
    assert found["problem"]["train_rows"] == 500
    assert found["diverging_band"] is None
    assert {lane["optimizer"] for lane in found["lanes"]} == {"sgd"}


def test_the_table_has_a_line_for_every_rate() -> None:
    said = call("race", "--seed", "1", "-a", "0.02", "--count", "5", "--decades", "2", "-e", "10")
    assert said.status == 0
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[1].split() == ["alpha", "train", "loss", "test", "loss", "note"]
    rates = [float(line.split()[0]) for line in lines[2:7]]
    assert rates == pytest.approx(0.02 * 10 ** np.array([-1, -0.5, 0, 0.5, 1]), rel=1e-5)
    assert lines[4].endswith("current")
    assert sum("best" in line for line in lines[2:7]) == 1
    assert lines[-1].startswith("best: alpha=")
    numbers = [float(line.split()[1]) for line in lines[2:7]]
    assert f"loss={min(numbers):.8g}" in lines[-1]


def test_quiet_prints_the_best_alone() -> None:
    said = call("race", "--seed", "1", "--quiet", "-e", "5")
    assert len(said.out.splitlines()) == 1
    assert said.out.startswith("best: alpha=")


def test_several_rates_race_as_they_are(start) -> None:
    said = call("race", "--init", start, "-a", "0.3,0.001,0.05", "-e", "12", "--json", "-")
    rates = [lane["alpha"] for lane in said.document["lanes"]]
    assert rates == [0.3, 0.001, 0.05]
    losses = [lane["train_loss"] for lane in said.document["lanes"]]
    assert losses == pytest.approx(final_losses(rates, 12), rel=1e-7)
    assert "current" not in said.err


def test_with_the_same_start_and_rate_a_run_ends_with_the_same_loss() -> None:
    raced = call("race", "moons", "--seed", "3", "-a", "0.1", "--count", "3", "--json", "-")
    ran = call("run", "moons", "--seed", "3", "-a", "0.1", "--json", "-")
    lane = next(lane for lane in raced.document["lanes"] if lane["alpha"] == 0.1)
    assert lane["train_loss"] == ran.document["lanes"][0]["final_train_loss"]
    assert lane["test_loss"] == ran.document["lanes"][0]["final_test_loss"]


def test_rates_that_diverge_are_told_from_those_that_end_higher() -> None:
    # by the greatest curvature of the diabetes data, α around 1 is the limit
    plain = ("--no-standardize", "--optimizer", "sgd", "--start", "normal", "-e", "100")
    rates = ("-a", "0.1,3,1000", "--seed", "1", "--json", "-")
    said = call("race", "diabetes", *plain, *rates)
    calm, higher, diverged = said.document["lanes"]
    assert said.status == 0
    assert (calm["diverged"], calm["ended_higher"]) == (None, False)
    assert (higher["diverged"], higher["ended_higher"]) == (None, True)
    assert higher["train_loss"] > said.document["start_loss"]
    assert diverged["train_loss"] is None
    assert 0 < diverged["diverged"] < 100
    assert said.document["best"] == 0
    assert said.document["diverging_band"] == [3.0, 1000.0]
    assert "ended higher" in said.err
    assert f"diverged after epoch {diverged['diverged']}" in said.err
    assert "diverging: alpha from 3 to 1000" in said.err
    assert max(map(len, said.err.splitlines())) < 100


def test_if_all_rates_diverge_the_status_is_1_and_none_is_best() -> None:
    said = call("race", "diabetes", "-a", "1e6,1e9", "--seed", "1", "--json", "-")
    assert said.status == 1
    assert said.document["best"] is None
    assert said.err.splitlines()[-1].startswith("gd-tui: diverged")


def test_a_race_of_optimizers_shows_each_at_its_best_rate() -> None:
    said = call("race", "--optimizers", "--seed", "1", "-e", "20", "--json", "-")
    lanes = said.document["lanes"]
    assert len(lanes) == 7 * 16
    lines = said.err.splitlines()
    for line, name in zip(lines[2:], OPTIMIZERS, strict=False):
        own = [lane for lane in lanes if lane["optimizer"] == name]
        best = min(own, key=lambda lane: lane["train_loss"])
        fields = line.split()
        assert fields[0] == name
        assert float(fields[1]) == pytest.approx(best["alpha"], rel=1e-5)
        assert float(fields[2]) == pytest.approx(best["train_loss"], rel=1e-7)
        assert float(fields[3]) == pytest.approx(best["test_loss"], rel=1e-7)
    assert said.document["diverging_band"] is None
    assert f"optimizer={lanes[said.document['best']]['optimizer']}" in lines[-1]


def test_two_optimizers_race_with_their_momentum() -> None:
    said = call(
        "race", "--optimizer", "sgd,momentum", "--momentum", "0.5", "--count", "4", "--json", "-"
    )
    names = [lane["optimizer"] for lane in said.document["lanes"]]
    assert names == ["sgd"] * 4 + ["momentum"] * 4


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "race.json"
    said = call("race", "--seed", "1", "-e", "3", "--count", "2", "--json", file)
    assert said.status == 0
    assert len(json.loads(file.read_text())["lanes"]) == 2
    assert "best:" in said.out
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_is_left_of_a_race_that_cannot_begin(tmp_path: Path) -> None:
    said = call("race", "nosuch", "--json", tmp_path / "race.json")
    check_refusal(said, "nosuch")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--count", "0"], ["--count", "from 1"]),
        (["--count", "5000"], ["--count", "4096"]),
        (["--count", "2.5"], ["--count"]),
        (["--decades", "0"], ["--decades", "above 0"]),
        (["--decades", "nan"], ["--decades"]),
        (["-a", "0.1,0.2", "--count", "3"], ["--count"]),
        (["--patience", "3"], ["--patience"]),
        (["--target-loss", "3"], ["--target-loss"]),
        (["--momentum", "0.5"], ["--momentum"]),
        (["--json", "/nosuch/place.json"], ["--json", "/nosuch"]),
    ],
)
def test_wrong_options_are_refused_in_one_line(words, parts) -> None:
    check_refusal(call("race", *words), *parts)


def test_initial_weights_of_many_lanes_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "starts.npy"
    np.save(file, np.zeros((64, 3)))
    check_refusal(call("race", "--init", file), "--init", "(3,)")


def test_help_names_what_a_race_has() -> None:
    said = call("race", "--help")
    assert said.status == 0
    for word in ("--count", "--decades", "--optimizers", "--json", "--quiet"):
        assert word in said.out
    assert "gd-tui race" in call("--help").out


def test_the_edge_of_a_cliff_is_reported_and_not_advised() -> None:
    # at 0.24 the train loss is least; at 0.27, the next rate, both losses are far higher
    said = call("race", "blobs", "--seed", "8", "--json", "-")
    found = said.document
    lanes = found["lanes"]
    train, test = ([lane[name] for lane in lanes] for name in ("train_loss", "test_loss"))
    best, advised = found["best"], found["advised"]
    assert train[best] == min(train)
    assert train[best + 1] > 1000 * train[best]
    assert test[advised] == min(test)
    assert advised == found["best_test"]
    assert train[advised + 1] < 10 * train[advised]
    lines = said.err.splitlines()
    assert lines[-1].startswith("best: alpha=0.19, loss=0.0065")
    least = f"(the next rate, 0.27, ends at {train[best + 1]:.2g})"
    assert lines[-2].startswith("least train loss: alpha=0.24, loss=0.0032")
    assert lines[-2].endswith(least)


def test_a_best_rate_at_the_end_of_the_range_is_reported() -> None:
    said = call("race", "--seed", "1", "-a", "0.001", "--decades", "1", "-e", "20")
    rates, losses = zip(*(line.split()[:2] for line in said.out.splitlines()[2:66]), strict=True)
    assert min(losses, key=float) == losses[-1]
    assert f"alpha={float(rates[-1]):.2g}" in said.out.splitlines()[-1]
    assert said.out.splitlines()[-1].endswith("(the largest tried: race again with -a 0.0031)")


def test_centre_and_width_can_be_chosen() -> None:
    said = call("race", "--seed", "1", "-a", "0.5", "--count", "9", "--decades", "1", "--json", "-")
    rates = [lane["alpha"] for lane in said.document["lanes"]]
    assert rates == pytest.approx(0.5 * 10 ** np.linspace(-0.5, 0.5, 9))


def test_a_rate_that_hardly_moves_is_not_advised(tmp_path) -> None:
    # after 100 epochs the test loss rises again: it is least where nothing is learned any more
    ran = call("run", "blobs", "--seed", "8", "--quiet", "--json", "-")
    file = tmp_path / "weights.npy"
    np.save(file, np.array(ran.document["lanes"][0]["weights"]))
    found = call("race", "--init", str(file), "--json", "-").document
    lane = found["lanes"][found["advised"]]
    train = [one["train_loss"] for one in found["lanes"]]
    assert found["start_loss"] - lane["train_loss"] >= 0.5 * (found["start_loss"] - min(train))
    assert found["lanes"][found["best_test"]]["alpha"] < lane["alpha"]
