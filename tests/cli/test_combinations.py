"""Every loss with every optimizer, with and without hidden layers, from the command line."""

import json
import math
from pathlib import Path

import pytest

from tests.cli.commandline import call
from tests.making import ON_DATA
from tui_gd import learning
from tui_gd.learning.losses import POSSIBLE
from tui_gd.learning.models import ACTIVATIONS, STARTS
from tui_gd.learning.optimizers import OPTIMIZERS

PROBLEMS = {
    "binary": "moons",
    "multiclass": "gaussians",
    "regression": "plane",
    "surface": "surface:booth",
}


def test_every_loss_optimizer_activation_and_start_is_tested() -> None:
    assert set(learning.LOSSES) == {loss for losses in POSSIBLE.values() for loss in losses}
    assert tuple(OPTIMIZERS) == learning.OPTIMIZERS
    assert set(learning.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(learning.STARTS) == set(STARTS)


@pytest.mark.parametrize("hidden", [(), ("--hidden", "6,5")])
@pytest.mark.parametrize(
    ("task", "loss"), [(task, loss) for task, losses in ON_DATA.items() for loss in losses]
)
def test_every_loss_descends_with_every_optimizer(
    tmp_path: Path, task: str, loss: str, hidden: tuple[str, ...]
) -> None:
    rate = "1e-4" if loss == "sse" else "0.01"
    optimizers = ",".join(OPTIMIZERS)
    said = call(
        "run", PROBLEMS[task], "--loss", loss, "--optimizer", optimizers, "-a", rate, *hidden,
        "-e", 60, "--seed", 2, "--samples", 120, "--quiet", "--json", tmp_path / "run.json",
    )  # fmt: skip
    assert said.status == 0, said.err
    lanes = json.loads((tmp_path / "run.json").read_text())["lanes"]
    assert [lane["optimizer"] for lane in lanes] == list(OPTIMIZERS)
    for lane in lanes:
        assert len(lane["train_loss"]) == 60
        assert math.isfinite(lane["final_train_loss"])
        assert lane["final_train_loss"] < lane["train_loss"][0]


@pytest.mark.parametrize(
    ("task", "loss"),
    [
        (task, loss)
        for task, losses in POSSIBLE.items()
        for loss in learning.LOSSES
        if loss not in losses
    ],
)
def test_a_loss_that_does_not_go_with_the_problem_is_refused_in_one_line(
    task: str, loss: str
) -> None:
    said = call("run", PROBLEMS[task], "--loss", loss)
    assert said.status == 2
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert loss in line
    assert task in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--schedule", "warmup:3+cosine"), "epoch=20"),
        (("--schedule", "one-cycle"), "epoch=20"),
        (("--batch-size", 7), "epoch=20"),
        (("--batch-size", 100000), "epoch=20"),
        (("--l1", 0.01, "--l2", 0.1), "epoch=20"),
        (("--start", "he", "--hidden", "3"), "epoch=20"),
        (("--dtype", "float32"), "epoch=20"),
        (("--standardize",), "epoch=20"),
        (("--target-loss", 1e9), "stopped after 0 epochs: training loss at most 1e+09"),
        (("--gradient-norm", 1e9), "stopped after 0 epochs: gradient norm at most 1e+09"),
    ],
)
def test_options_of_the_descent_take_effect(arguments: tuple[object, ...], says: str) -> None:
    said = call("run", "-e", 20, "--seed", 1, *arguments)
    assert said.status == 0, said.err
    assert says in said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--optimizer", "sgdd"),
        ("--optimizer", ""),
        ("--momentum", "0.5"),
        ("--momentum", "1", "--optimizer", "momentum"),
        ("--momentum", "-1", "--optimizer", "momentum"),
        ("--hidden", "8,0"),
        ("--hidden", "8,x"),
        ("--hidden", "99999999999"),
        ("--activation", "step"),
        ("--batch-size", "-1"),
        ("--batch-size", "1.5"),
        ("--schedule", "nonsense"),
        ("--schedule", "step:0:0.5"),
        ("--l2", "-1"),
        ("--l2", "nan"),
        ("--start", "ones"),
        ("--dtype", "int8"),
        ("--patience", "x"),
        ("--target-loss", "inf"),
        ("--test-size", "1"),
        ("--samples", "1"),
        ("--classes", "3"),
        ("--split-seed", "-1"),
        ("--target", "y"),
    ],
)
def test_impossible_options_are_refused_in_one_line(arguments: tuple[str, ...]) -> None:
    said = call("run", *arguments)
    assert said.status == 2
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("gd-tui: ")


def test_check_prints_the_v_and_says_that_the_gradient_is_right() -> None:
    for arguments in ((), ("moons", "--hidden", "3", "--loss", "cross-entropy")):
        said = call("check", "--seed", 1, *arguments)
        assert said.status == 0
        rows = [line for line in said.out.splitlines() if "e-1" in line or "e-0" in line]
        assert len(rows) >= 14
        assert "the gradient is right" in said.out
