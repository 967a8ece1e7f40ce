"""The command line's contract: the tutorial's lines, several alphas, JSON, help."""

import json
import math
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import classification_report, log_loss

from tests import tutorial
from tests.cli.commandline import call
from tui_gd import __version__


def start_file(path: Path, seed: int, lanes: int | None = None) -> tuple[Path, np.ndarray]:
    rng = np.random.default_rng([78, seed])
    weights = rng.standard_normal(3 if lanes is None else (lanes, 3))
    np.save(path / "start.npy", weights)
    return path / "start.npy", weights


@pytest.fixture(scope="module")
def data() -> tutorial.Data:
    return tutorial.data()


# the tutorial's run ----------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha", ["1e-4", "0.01", "0.1"])
@pytest.mark.parametrize("epochs", [1, 7, 100, 1000])
def test_run_prints_what_the_tutorial_prints(
    data: tutorial.Data, tmp_path: Path, seed: int, alpha: str, epochs: int
) -> None:
    file, start = start_file(tmp_path, seed)
    weights, _, lines = tutorial.descend(data.train_x, data.train_y, start, float(alpha), epochs)
    said = call("run", "-a", alpha, "-e", epochs, "--init", file)
    report = tutorial.report(data.test_x, data.test_y, weights)
    assert said.out == "\n".join([*lines, "[INFO] evaluating...", report, ""])
    assert said.err == ""
    assert said.status == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha", ["1e-4", "0.01", "0.1"])
@pytest.mark.parametrize("epochs", [1, 7, 100, 1000])
def test_json_holds_the_tutorials_losses_and_weights(
    data: tutorial.Data, tmp_path: Path, seed: int, alpha: str, epochs: int
) -> None:
    file, start = start_file(tmp_path, seed)
    weights, losses, lines = tutorial.descend(
        data.train_x, data.train_y, start, float(alpha), epochs
    )
    said = call("run", "-a", alpha, "-e", epochs, "--init", file, "--json", "-")
    (lane,) = said.document["lanes"]
    assert lane["alpha"] == float(alpha)
    assert lane["initial_weights"] == start.tolist()
    np.testing.assert_allclose(lane["weights"], weights, rtol=1e-10)
    np.testing.assert_allclose(lane["train_loss"], losses, rtol=1e-10)
    assert len(lane["test_loss"]) == epochs
    predicted = tutorial.predict(data.test_x, weights[:, None])[:, 0].astype(int)
    assert lane["report"] == classification_report(
        data.test_y[:, 0], predicted, output_dict=True, zero_division=0.0
    )
    # the lines have moved to stderr, so that stdout is one object
    assert said.err.splitlines()[: len(lines)] == lines


def test_the_default_run_is_the_tutorials(data: tutorial.Data) -> None:
    said = call("run", "--seed", 4, "--json", "-")
    start = np.random.default_rng(4).standard_normal(3)
    weights, losses, lines = tutorial.descend(data.train_x, data.train_y, start, 0.01, 100)
    assert len(lines) == 21
    assert said.epoch_lines == lines
    (lane,) = said.document["lanes"]
    assert lane["initial_weights"] == start.tolist()
    np.testing.assert_allclose(lane["train_loss"], losses, rtol=1e-10)
    np.testing.assert_allclose(lane["weights"], weights, rtol=1e-10)


def test_the_test_loss_is_that_of_the_same_weights_on_the_test_rows(data: tutorial.Data) -> None:
    (lane,) = call("run", "--seed", 4, "-e", 3, "--json", "-").document["lanes"]
    for k in range(3):
        w, _, _ = tutorial.descend(
            data.train_x, data.train_y, np.array(lane["initial_weights"]), 0.01, k
        )
        p = tutorial.sigmoid_activation(data.test_x @ w)
        assert lane["test_loss"][k] == pytest.approx(
            np.sum((p - data.test_y[:, 0]) ** 2), rel=1e-10
        )


def test_cross_entropy_is_in_nats_per_sample(data: tutorial.Data) -> None:
    said = call("run", "--seed", 4, "--loss", "cross-entropy", "-e", 2, "--json", "-")
    (lane,) = said.document["lanes"]
    w, x, y = np.array(lane["initial_weights"]), data.train_x, data.train_y[:, 0]
    for k in range(2):
        p = tutorial.sigmoid_activation(x @ w)
        assert lane["train_loss"][k] == pytest.approx(log_loss(y, p), rel=1e-10)
        w = w - 0.01 * x.T @ (p - y) / len(y)
    np.testing.assert_allclose(lane["weights"], w, rtol=1e-12)


@pytest.mark.parametrize("share", ["0.1", "0.25", "0.8"])
def test_test_size_is_scikit_learns(share: str) -> None:
    data = tutorial.data(float(share))
    said = call("run", "--seed", 1, "-e", 5, "--test-size", share)
    start = np.random.default_rng(1).standard_normal(3)
    weights, _, lines = tutorial.descend(data.train_x, data.train_y, start, 0.01, 5)
    assert said.epoch_lines == lines
    assert said.out.endswith(tutorial.report(data.test_x, data.test_y, weights) + "\n")


# several learning rates ------------------------------------------------------


def test_several_alphas_are_lanes_from_the_same_start(data: tutorial.Data) -> None:
    said = call("run", "-a", "0.001,0.01,0.1", "--seed", 2, "-e", 20, "--json", "-")
    start = np.random.default_rng(2).standard_normal(3)
    lanes = said.document["lanes"]
    assert [lane["alpha"] for lane in lanes] == [0.001, 0.01, 0.1]
    for lane in lanes:
        weights, losses, _ = tutorial.descend(data.train_x, data.train_y, start, lane["alpha"], 20)
        np.testing.assert_allclose(lane["train_loss"], losses, rtol=1e-10)
        np.testing.assert_allclose(lane["weights"], weights, rtol=1e-10)


def test_several_alphas_print_a_line_each(data: tutorial.Data) -> None:
    said = call("run", "-a", "0.001,0.1", "--seed", 2, "-e", 10)
    start = np.random.default_rng(2).standard_normal(3)
    for alpha in ("0.001", "0.1"):
        _, _, wanted = tutorial.descend(data.train_x, data.train_y, start, float(alpha), 10)
        mine = [line for line in said.epoch_lines if line.endswith(f"alpha={alpha}")]
        assert [line.partition(", alpha")[0] for line in mine] == wanted
    assert said.status == 0


def test_init_gives_one_start_for_all_lanes_or_each_its_own(tmp_path: Path) -> None:
    for lanes in (None, 2):
        file, start = start_file(tmp_path, 1, lanes)
        said = call("run", "-a", "0.01,0.1", "-e", 1, "--init", file, "--json", "-")
        got = [lane["initial_weights"] for lane in said.document["lanes"]]
        assert got == np.broadcast_to(start, (2, 3)).tolist()


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", ">f8"])
def test_init_takes_any_array_of_real_numbers(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "w.npy", np.array([1, 2, 3], dtype=dtype))
    said = call("run", "-e", 1, "--init", tmp_path / "w.npy", "--json", "-")
    assert said.document["lanes"][0]["initial_weights"] == [1.0, 2.0, 3.0]


def test_a_run_that_diverges_has_status_1() -> None:
    said = call("run", "--loss", "cross-entropy", "-a", "1e308", "--seed", 1, "--json", "-")
    assert said.status == 1
    assert said.err.splitlines()[-1].startswith("gd-tui: diverged")
    (lane,) = said.document["lanes"]
    assert all(math.isfinite(weight) for weight in lane["weights"])
    assert len(lane["train_loss"]) < 100


def test_a_race_in_which_one_diverges_has_status_0() -> None:
    said = call(
        "run", "--loss", "cross-entropy", "-a", "0.1,1e308", "-e", 30, "--seed", 1, "--json", "-"
    )
    assert said.status == 0
    good, bad = said.document["lanes"]
    assert None not in good["train_loss"]
    assert len(good["train_loss"]) == len(bad["train_loss"]) == 30
    assert bad["train_loss"][-1] is None
    assert bad["test_loss"][-1] is None


# output ------------------------------------------------------------------


def test_quiet_leaves_the_epochs_lines_out() -> None:
    loud, quiet = call("run", "--seed", 3), call("run", "--seed", 3, "--quiet")
    assert loud.status == quiet.status == 0
    assert not quiet.epoch_lines
    # nothing but the report
    assert quiet.out == loud.out.partition("evaluating...\n")[2]


def test_a_seed_gives_the_same_run_and_none_gives_another() -> None:
    first, again, other = (call("run", "--seed", seed, "-e", 5).out for seed in (11, 11, 12))
    assert first == again
    assert first != other
    assert call("run", "-e", 5).out != call("run", "-e", 5).out


def test_a_drawn_seed_repeats_its_run() -> None:
    first = call("run", "-e", 5, "--json", "-").document
    seed = first["config"]["seed"]
    again = call("run", "-e", 5, "--seed", seed, "--json", "-").document
    assert first["lanes"] == again["lanes"]


@pytest.mark.parametrize("before", ["nothing", "a file", "a link"])
def test_json_to_a_file(tmp_path: Path, before: str) -> None:
    target = tmp_path / "run.json"
    if before == "a file":
        target.write_text("old")
    if before == "a link":
        (tmp_path / "real.json").write_text("old")
        target.symlink_to("real.json")
    said = call("run", "--seed", 3, "-e", 5, "--json", target)
    assert said.status == 0
    plain = call("run", "--seed", 3, "-e", 5)
    assert said.out == plain.out
    document = json.loads(target.read_text(), parse_constant=pytest.fail)
    on_stdout = call("run", "--seed", 3, "-e", 5, "--json", "-").document
    assert document["lanes"] == on_stdout["lanes"]
    assert target.is_symlink() == (before == "a link")
    left = {"run.json", "real.json"} if before == "a link" else {"run.json"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_the_document_has_what_the_contract_names() -> None:
    document = call("run", "--seed", 3, "-e", 5, "-a", "0.5", "--json", "-").document
    assert {"version", "config", "problem", "lanes", "seconds"} <= set(document)
    assert document["version"] == __version__
    assert document["seconds"] >= 0
    assert document["config"]["epochs"] == 5
    assert document["config"]["seed"] == 3
    assert {
        "alpha",
        "optimizer",
        "initial_weights",
        "weights",
        "train_loss",
        "test_loss",
        "report",
    } <= set(document["lanes"][0])


# help and problems ---------------------------------------------------------


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["run", "--help"], ["problems", "--help"]])
def test_help(argv: list[str]) -> None:
    said = call(*argv)
    assert said.status == 0
    assert said.out.startswith("usage: gd-tui")
    assert said.err == ""
    if argv[0] != "problems":
        for option in ("--epochs", "--alpha", "--loss", "--seed", "--init", "--test-size"):
            assert option in said.out
    assert ("--json FILE" in said.out) == (argv[0] == "run")


def test_the_examples_of_help_can_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As headless runs of one epoch, those of the interface too."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{i},{-i},{'yes' if i % 3 else 'no'}" for i in range(40)]
    (tmp_path / "churn.csv").write_text("\n".join(["months,calls,churn", *rows]))
    lines = re.findall(r"^  gd-tui(.*?)(?:  .*)?$", call("--help").out, re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(line)
        if words[:1] in (["problems"], ["check"], ["runs"], ["resume"], ["share"]):
            continue
        if words[:1] not in (["run"], ["race"]):
            words = ["run", *words]
        said = call(*words, "-e", "1")
        assert said.status == 0, line


@pytest.mark.parametrize("epochs", ["100.0", "1e2", "+100", " 100 "])
def test_whole_numbers_of_epochs_may_be_written_as_floats(epochs: str) -> None:
    said = call("run", "--seed", 1, "-e", epochs)
    assert said.out == call("run", "--seed", 1, "-e", "100").out
    assert said.status == 0


def test_a_start_that_fulfils_a_stop_rule_is_reported_untrained(tmp_path: Path) -> None:
    """The start's loss is 2.58; every epoch at this α has a higher one."""
    out = tmp_path / "run.json"
    said = call(
        "run", "plane", "--loss", "mse", "-a", 2, "--start", "zeros", "-e", 50,
        "--target-loss", 5, "--json", out,
    )  # fmt: skip
    assert said.status == 0, said.err
    assert "[INFO] stopped after 0 epochs: training loss at most 5" in said.out
    (lane,) = json.loads(out.read_text())["lanes"]
    assert lane["train_loss"] == []
    assert lane["final_train_loss"] == pytest.approx(2.58, abs=0.005)
