"""Surfaces from the command line: descent by hand, where lanes ended, what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest

from tests.cli.commandline import Said, call, check_refusal
from tui_gd.problems import SURFACES


def himmelblau(x: float, y: float) -> tuple[float, float, float]:
    """The value and its two slopes, written out."""
    a, b = x * x + y - 11, x + y * y - 7
    return a * a + b * b, 4 * x * a + 2 * b, 2 * a + 4 * y * b


def start_at(path: Path, *point: float) -> Path:
    np.save(path / "start.npy", np.array(point))
    return path / "start.npy"


def told(said: Said) -> dict[str, str]:
    """The lines of the report by their first words."""
    lines = [line.strip().split("  ", 1) for line in said.out.splitlines() if line.startswith(" ")]
    return {line[0]: line[1].strip() for line in lines if len(line) > 1}


def test_descent_on_himmelblaus_function_is_the_loop_by_hand(tmp_path: Path) -> None:
    said = call(
        "run", "surface:himmelblau", "-e", 60, "-a", 0.01, "--init", start_at(tmp_path, 0.5, -1.25),
        "--json", "-", "--quiet",
    )  # fmt: skip
    assert said.status == 0, said.err
    (lane,) = said.document["lanes"]
    x, y, losses = 0.5, -1.25, []
    for _ in range(60):
        value, dx, dy = himmelblau(x, y)
        losses.append(value)
        x, y = x - 0.01 * dx, y - 0.01 * dy
    np.testing.assert_allclose(lane["train_loss"], losses, rtol=1e-10)
    np.testing.assert_allclose(lane["weights"], [x, y], rtol=1e-10)
    assert lane["final_train_loss"] == pytest.approx(himmelblau(x, y)[0], abs=1e-12)
    assert lane["report"]["kind"] == "global"
    assert lane["report"]["distance"] == pytest.approx(
        math.dist((x, y), lane["report"]["nearest minimum"]), abs=1e-12
    )
    assert set(lane["test_loss"]) == {None}


def test_momentum_on_a_typed_surface_is_the_loop_by_hand(tmp_path: Path) -> None:
    said = call(
        "run", "--surface", "x^2 + 10*y^2", "--optimizer", "momentum", "--momentum", 0.5,
        "-e", 20, "-a", 0.01, "--init", start_at(tmp_path, 2.0, 1.0), "--json", "-", "--quiet",
    )  # fmt: skip
    assert said.status == 0, said.err
    point, velocity = np.array([2.0, 1.0]), np.zeros(2)
    for _ in range(20):
        velocity = 0.5 * velocity + point * [2, 20]
        point = point - 0.01 * velocity
    (lane,) = said.document["lanes"]
    np.testing.assert_allclose(lane["weights"], point, rtol=1e-10)
    assert said.document["config"]["surface"] == "x^2 + 10*y^2"
    assert said.document["problem"]["surface"]["names"] == ["x", "y"]
    assert lane["report"]["kind"] is lane["report"]["nearest minimum"] is None


def test_the_epoch_lines_come_first_then_where_the_lane_ended(tmp_path: Path) -> None:
    said = call(
        "run", "surface:himmelblau", "-e", 200, "-a", 0.01, "--init", start_at(tmp_path, 2.0, 2.0)
    )
    assert said.status == 0, said.err
    assert said.epoch_lines[0] == "[INFO] epoch=1, loss=26.0000000"
    assert len(said.epoch_lines) == 41
    end = told(said)
    assert float(end["x"]) == pytest.approx(3.0, abs=1e-6)
    assert float(end["y"]) == pytest.approx(2.0, abs=1e-6)
    assert float(end["value"]) < 1e-12
    assert float(end["its value"]) == 0.0
    assert float(end["distance"]) < 1e-6
    assert end["nearest minimum"] == "(3, 2)"
    assert end["reached"] == "global minimum"


def test_a_local_minimum_is_told_from_the_global_one(tmp_path: Path) -> None:
    for start, kind in ((-1.5, "global"), (1.5, "local")):
        said = call(
            "run", "surface:two-valleys-1d", "-a", 0.05, "-e", 200,
            "--init", start_at(tmp_path, start),
        )  # fmt: skip
        assert told(said)["reached"] == f"{kind} minimum"
    said = call("run", "surface:saddle", "-a", 0.1, "--init", start_at(tmp_path, 1.0, 0.0))
    assert told(said)["reached"] == "1.4 away from the nearest minimum"
    said = call("run", "--surface", "x^2", "--init", start_at(tmp_path, 1.0))
    assert told(said)["reached"] == "its minima are not known"


def test_a_race_of_optimizers_has_a_line_for_each(tmp_path: Path) -> None:
    said = call(
        "run", "surface:rosenbrock", "--optimizer", "sgd,nesterov,adam", "-a", 0.001, "-e", 50,
        "--quiet", "--init", start_at(tmp_path, -1.0, 1.5),
    )  # fmt: skip
    assert said.status == 0, said.err
    header, *lanes = said.out.splitlines()[:4]
    assert header.split() == ["lane", "optimizer", "alpha", "loss", "ended", "at"]
    assert [lane.split()[1] for lane in lanes] == ["sgd", "nesterov", "adam"]
    assert all(" away from the nearest minimum" in lane for lane in lanes)
    assert sum(lane.endswith("best") for lane in lanes) == 1


def test_each_of_several_lanes_has_its_point_and_its_minimum(tmp_path: Path) -> None:
    said = call(
        "run", "surface:himmelblau", "-a", "0.01,0.1", "-e", 50, "--quiet",
        "--init", start_at(tmp_path, 2.0, 2.0),
    )  # fmt: skip
    _, good, far = said.out.splitlines()[:3]
    assert "(3, 2), " in good
    assert "from the global minimum (3, 2) best" in good
    assert " away from the nearest minimum diverged after epoch" in far
    assert max(map(len, said.out.splitlines())) < 150


@pytest.mark.parametrize("name", SURFACES)
def test_every_surface_runs_with_the_learning_rate_of_its_title(name: str) -> None:
    rate = SURFACES[name].learning_rate
    said = call("run", name, "-a", rate, "-e", 30, "--seed", 4, "--quiet", "--json", "-")
    assert said.status == 0, said.err
    (lane,) = said.document["lanes"]
    assert lane["initial_weights"] == SURFACES[name].draw_start(4).tolist()
    assert lane["final_train_loss"] < lane["train_loss"][0]
    assert set(lane["report"]) >= {*SURFACES[name].names, "value", "kind"}


def test_a_lane_of_a_race_is_the_lane_alone() -> None:
    options = ("surface:beale", "-e", 40, "--seed", 3, "--quiet", "--json", "-")
    race = call("run", *options, "-a", "0.001,0.002,0.003").document["lanes"]
    for lane, rate in zip(race, ("0.001", "0.002", "0.003"), strict=True):
        (alone,) = call("run", *options, "-a", rate).document["lanes"]
        assert alone["train_loss"] == lane["train_loss"]
        assert alone["weights"] == lane["weights"]


def test_a_lane_that_overflows_diverges() -> None:
    said = call("run", "surface:rosenbrock", "-a", 10, "--seed", 1)
    assert said.status == 1
    (line,) = said.err.splitlines()
    assert "diverged" in line
    said = call("run", "--surface", "log(x)", "-a", 5, "--seed", 1, "--json", "-", "--quiet")
    assert said.status == 1
    assert said.document["lanes"][0]["diverged"] is not None


def test_options_of_the_descent_take_effect() -> None:
    for options in (
        ("--schedule", "cosine"),
        ("--start", "zeros"),
        ("--dtype", "float32"),
        ("--optimizer", "adam"),
    ):
        said = call("run", "surface:booth", "-e", 10, "--seed", 1, *options)
        assert said.status == 0, said.err
    said = call("run", "surface:booth", "-a", 0.1, "-e", 500, "--seed", 1, "--target-loss", 1e-6)
    assert "stopped after" in said.out


@pytest.mark.parametrize("name", ["surface:himmelblau", "surface:beale", "surface:two-valleys-1d"])
def test_check_says_that_the_gradient_is_right(name: str) -> None:
    said = call("check", name, "--seed", 1)
    assert said.status == 0
    assert "the gradient is right" in said.out
    assert any(line.split()[:1] == ["x"] for line in said.out.splitlines())


def test_problems_lists_the_surfaces_after_the_data() -> None:
    lines = call("problems").out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names[-len(SURFACES) :] == list(SURFACES)
    assert names[0] == "blobs"
    for line, surface in zip(lines[-len(SURFACES) :], SURFACES.values(), strict=True):
        assert surface.formula in line
        assert line.isascii()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("surface:nosuch",), "surface:himmelblau, surface:rosenbrock"),
        (("surface:",), "surface:himmelblau"),
        (("surface",), "--surface"),
        (("blobs", "--surface", "x^2"), "leave blobs out"),
        (("surface:booth", "--surface", "x^2"), "leave surface:booth out"),
        (("--surface", ""), "nothing is written"),
        (("--surface", "3"), "neither x nor y"),
        (("--surface", "x +\n\x1b[31m"), "column"),
        (("--surface", "x^2 + z"), "column 7: unknown name 'z'"),
        (("--surface", "9**9**9**9*x"), "column 5"),
        (("--surface", "(" * 100_000), "characters"),
        (("--surface", "__import__('os')"), "column 12"),
        (("surface:booth", "--hidden", "3"), "--hidden"),
        (("surface:booth", "--activation", "relu"), "--activation"),
        (("surface:booth", "--batch-size", "5"), "--batch-size"),
        (("surface:booth", "--l1", "0.1"), "--l1"),
        (("surface:booth", "--l2", "0.1"), "--l2"),
        (("surface:booth", "--patience", "3"), "--patience"),
        (("surface:booth", "--target", "y.npy"), "--target"),
        (("surface:booth", "--test-size", "0.3"), "--test-size"),
        (("surface:booth", "--split-seed", "1"), "--split-seed"),
        (("surface:booth", "--standardize"), "--standardize"),
        (("surface:booth", "--samples", "100"), "--samples"),
        (("surface:booth", "--noise", "0.1"), "--noise"),
        (("surface:booth", "--data-seed", "2"), "--data-seed"),
        (("surface:booth", "--classes", "3"), "--classes"),
        (("surface:booth", "--start", "glorot"), "--start"),
        (("surface:booth", "--loss", "sse"), "choose value"),
        (("blobs", "--loss", "value"), "binary"),
    ],
)
def test_impossible_options_are_refused_in_one_line(options: tuple[str, ...], says: str) -> None:
    check_refusal(call("run", *options), says)


def test_a_start_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    check_refusal(call("run", "surface:booth", "--init", start_at(tmp_path, 1.0)), "--init", "(2,)")
