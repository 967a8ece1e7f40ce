"""The command line's contract: lines, JSON, exit statuses, and errors of one line."""

import json
import math
import os
import pickle
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import classification_report, log_loss

from tests import tutorial
from tui_gd import __version__
from tui_gd.cli import run as run_command_line

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Said:
    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.out, parse_constant=pytest.fail)
        assert isinstance(found, dict)
        return found

    @property
    def epoch_lines(self) -> list[str]:
        return [line for line in (self.out or self.err).splitlines() if "epoch=" in line]


Cli = Callable[..., Said]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line in this process."""

    def invoke(*argv: object) -> Said:
        capsys.readouterr()
        try:
            status = run_command_line([str(word) for word in argv])
        except SystemExit as leave:
            status = leave.code if isinstance(leave.code, int) else 0
        out, err = capsys.readouterr()
        return Said(status, out, err)

    return invoke


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "tui_gd", *argv]


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
@pytest.mark.parametrize("alpha", ["1e-4", "0.01", "0.3"])
@pytest.mark.parametrize("epochs", [1, 7, 100, 1000])
def test_run_prints_what_the_tutorial_prints(
    cli: Cli, data: tutorial.Data, tmp_path: Path, seed: int, alpha: str, epochs: int
) -> None:
    file, start = start_file(tmp_path, seed)
    weights, _, lines = tutorial.descend(data.train_x, data.train_y, start, float(alpha), epochs)
    said = cli("run", "-a", alpha, "-e", epochs, "--init", file)
    report = tutorial.report(data.test_x, data.test_y, weights)
    assert said.out == "\n".join([*lines, "[INFO] evaluating...", report, ""])
    assert said.err == ""
    assert said.status == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha", ["1e-4", "0.01", "0.3"])
@pytest.mark.parametrize("epochs", [1, 7, 100, 1000])
def test_json_holds_the_tutorials_losses_and_weights(
    cli: Cli, data: tutorial.Data, tmp_path: Path, seed: int, alpha: str, epochs: int
) -> None:
    file, start = start_file(tmp_path, seed)
    weights, losses, lines = tutorial.descend(
        data.train_x, data.train_y, start, float(alpha), epochs
    )
    said = cli("run", "-a", alpha, "-e", epochs, "--init", file, "--json", "-")
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


def test_the_default_run_is_the_tutorials(cli: Cli, data: tutorial.Data) -> None:
    said = cli("run", "--seed", 4, "--json", "-")
    start = np.random.default_rng(4).standard_normal(3)
    weights, losses, lines = tutorial.descend(data.train_x, data.train_y, start, 0.01, 100)
    assert len(lines) == 21
    assert said.epoch_lines == lines
    (lane,) = said.document["lanes"]
    assert lane["initial_weights"] == start.tolist()
    np.testing.assert_allclose(lane["train_loss"], losses, rtol=1e-10)
    np.testing.assert_allclose(lane["weights"], weights, rtol=1e-10)


def test_the_test_loss_is_that_of_the_same_weights_on_the_test_rows(
    cli: Cli, data: tutorial.Data
) -> None:
    (lane,) = cli("run", "--seed", 4, "-e", 3, "--json", "-").document["lanes"]
    for k in range(3):
        w, _, _ = tutorial.descend(
            data.train_x, data.train_y, np.array(lane["initial_weights"]), 0.01, k
        )
        p = tutorial.sigmoid_activation(data.test_x @ w)
        assert lane["test_loss"][k] == pytest.approx(
            np.sum((p - data.test_y[:, 0]) ** 2), rel=1e-10
        )


def test_cross_entropy_is_in_nats_per_sample(cli: Cli, data: tutorial.Data) -> None:
    said = cli("run", "--seed", 4, "--loss", "cross-entropy", "-e", 2, "--json", "-")
    (lane,) = said.document["lanes"]
    w, x, y = np.array(lane["initial_weights"]), data.train_x, data.train_y[:, 0]
    for k in range(2):
        p = tutorial.sigmoid_activation(x @ w)
        assert lane["train_loss"][k] == pytest.approx(log_loss(y, p), rel=1e-10)
        w = w - 0.01 * x.T @ (p - y) / len(y)
    np.testing.assert_allclose(lane["weights"], w, rtol=1e-12)


@pytest.mark.parametrize("share", ["0.1", "0.25", "0.8"])
def test_test_size_is_scikit_learns(cli: Cli, share: str) -> None:
    data = tutorial.data(float(share))
    said = cli("run", "--seed", 1, "-e", 5, "--test-size", share)
    start = np.random.default_rng(1).standard_normal(3)
    weights, _, lines = tutorial.descend(data.train_x, data.train_y, start, 0.01, 5)
    assert said.epoch_lines == lines
    assert said.out.endswith(tutorial.report(data.test_x, data.test_y, weights) + "\n")


# several learning rates ------------------------------------------------------


def test_several_alphas_are_lanes_from_the_same_start(cli: Cli, data: tutorial.Data) -> None:
    said = cli("run", "-a", "0.001,0.01,0.1", "--seed", 2, "-e", 20, "--json", "-")
    start = np.random.default_rng(2).standard_normal(3)
    lanes = said.document["lanes"]
    assert [lane["alpha"] for lane in lanes] == [0.001, 0.01, 0.1]
    for lane in lanes:
        weights, losses, _ = tutorial.descend(data.train_x, data.train_y, start, lane["alpha"], 20)
        np.testing.assert_allclose(lane["train_loss"], losses, rtol=1e-10)
        np.testing.assert_allclose(lane["weights"], weights, rtol=1e-10)


def test_several_alphas_print_a_line_each(cli: Cli, data: tutorial.Data) -> None:
    said = cli("run", "-a", "0.001,0.1", "--seed", 2, "-e", 10)
    start = np.random.default_rng(2).standard_normal(3)
    for alpha in ("0.001", "0.1"):
        _, _, wanted = tutorial.descend(data.train_x, data.train_y, start, float(alpha), 10)
        mine = [line for line in said.epoch_lines if line.endswith(f"alpha={alpha}")]
        assert [line.partition(", alpha")[0] for line in mine] == wanted
    assert said.status == 0


def test_init_gives_one_start_for_all_lanes_or_each_its_own(cli: Cli, tmp_path: Path) -> None:
    for lanes in (None, 2):
        file, start = start_file(tmp_path, 1, lanes)
        said = cli("run", "-a", "0.01,0.1", "-e", 1, "--init", file, "--json", "-")
        got = [lane["initial_weights"] for lane in said.document["lanes"]]
        assert got == np.broadcast_to(start, (2, 3)).tolist()


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", ">f8"])
def test_init_takes_any_array_of_real_numbers(cli: Cli, tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "w.npy", np.array([1, 2, 3], dtype=dtype))
    said = cli("run", "-e", 1, "--init", tmp_path / "w.npy", "--json", "-")
    assert said.document["lanes"][0]["initial_weights"] == [1.0, 2.0, 3.0]


def test_a_run_that_diverges_has_status_1(cli: Cli) -> None:
    said = cli("run", "--loss", "cross-entropy", "-a", "1e308", "--seed", 1, "--json", "-")
    assert said.status == 1
    assert said.err.splitlines()[-1].startswith("gd-tui: diverged")
    (lane,) = said.document["lanes"]
    assert all(math.isfinite(weight) for weight in lane["weights"])
    assert len(lane["train_loss"]) < 100


def test_a_race_in_which_one_diverges_has_status_0(cli: Cli) -> None:
    said = cli(
        "run", "--loss", "cross-entropy", "-a", "0.1,1e308", "-e", 30, "--seed", 1, "--json", "-"
    )
    assert said.status == 0
    good, bad = said.document["lanes"]
    assert None not in good["train_loss"]
    assert len(good["train_loss"]) == len(bad["train_loss"]) == 30
    assert bad["train_loss"][-1] is None
    assert bad["test_loss"][-1] is None


# what is printed and written -------------------------------------------------


def test_quiet_leaves_the_epochs_lines_out(cli: Cli) -> None:
    loud, quiet = cli("run", "--seed", 3), cli("run", "--seed", 3, "--quiet")
    assert loud.status == quiet.status == 0
    assert not quiet.epoch_lines
    # nothing but the report
    assert quiet.out == loud.out.partition("evaluating...\n")[2]


def test_a_seed_gives_the_same_run_and_none_gives_another(cli: Cli) -> None:
    first, again, other = (cli("run", "--seed", seed, "-e", 5).out for seed in (11, 11, 12))
    assert first == again
    assert first != other
    assert cli("run", "-e", 5).out != cli("run", "-e", 5).out


def test_a_drawn_seed_repeats_its_run(cli: Cli) -> None:
    first = cli("run", "-e", 5, "--json", "-").document
    seed = first["config"]["seed"]
    again = cli("run", "-e", 5, "--seed", seed, "--json", "-").document
    assert first["lanes"] == again["lanes"]


@pytest.mark.parametrize("before", ["nothing", "a file", "a link"])
def test_json_to_a_file(cli: Cli, tmp_path: Path, before: str) -> None:
    target = tmp_path / "run.json"
    if before == "a file":
        target.write_text("old")
    if before == "a link":
        (tmp_path / "real.json").write_text("old")
        target.symlink_to("real.json")
    said = cli("run", "--seed", 3, "-e", 5, "--json", target)
    assert said.status == 0
    plain = cli("run", "--seed", 3, "-e", 5)
    assert said.out == plain.out
    document = json.loads(target.read_text(), parse_constant=pytest.fail)
    on_stdout = cli("run", "--seed", 3, "-e", 5, "--json", "-").document
    assert document["lanes"] == on_stdout["lanes"]
    assert target.is_symlink() == (before == "a link")
    left = {"run.json", "real.json"} if before == "a link" else {"run.json"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_json_to_a_pipe_goes_through_the_pipe(tmp_path: Path) -> None:
    """As root, `--json /dev/null` would otherwise replace the device by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        done = subprocess.run(
            command("run", "--quiet", "-e", "1", "--seed", "1", "--json", str(pipe)),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert done.returncode == 0
        assert json.loads(os.read(reader, 1 << 16))["lanes"]
    finally:
        os.close(reader)


def test_the_document_has_what_the_contract_names(cli: Cli) -> None:
    document = cli("run", "--seed", 3, "-e", 5, "-a", "0.5", "--json", "-").document
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


# help and what there is ------------------------------------------------------


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["run", "--help"], ["problems", "--help"]])
def test_help(cli: Cli, argv: list[str]) -> None:
    said = cli(*argv)
    assert said.status == 0
    assert said.out.startswith("usage: gd-tui")
    assert said.err == ""
    if argv[0] != "problems":
        for option in ("--epochs", "--alpha", "--loss", "--seed", "--init", "--test-size"):
            assert option in said.out
    assert ("--json" in said.out) == (argv[0] == "run")


def test_the_examples_of_help_can_be_given(cli: Cli) -> None:
    """Those without an interface run; the others are parsed: an unknown problem comes last."""
    lines = re.findall(r"^  gd-tui(.*?)(?:  .*)?$", cli("--help").out, re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        words = line.split()
        if words[:1] in (["problems"], ["check"]):
            continue
        if words[:1] != ["run"]:
            words = ["run", *words]
        said = cli(*words, "-e", "1")
        assert said.status == 0, line


def test_version(cli: Cli) -> None:
    said = cli("--version")
    assert (said.status, said.out, said.err) == (0, f"gd-tui {__version__}\n", "")


def test_problems_names_the_default(cli: Cli) -> None:
    said = cli("problems")
    assert (said.status, said.err) == (0, "")
    names = [line.split()[0] for line in said.out.splitlines()]
    assert "blobs" in names
    assert len(set(names)) == len(names)
    assert all(len(line.split()) > 1 for line in said.out.splitlines())


@pytest.mark.parametrize("epochs", ["100.0", "1e2", "+100", " 100 "])
def test_whole_numbers_of_epochs_may_be_written_as_floats(cli: Cli, epochs: str) -> None:
    said = cli("run", "--seed", 1, "-e", epochs)
    assert said.out == cli("run", "--seed", 1, "-e", "100").out
    assert said.status == 0


# what is at fault ------------------------------------------------------------


def check_refusal(said: Said, *parts: str) -> None:
    assert said.status == 2
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("gd-tui: ")
    assert said.err.endswith("\n")
    for part in parts:
        assert part in line


@pytest.mark.parametrize("mode", [[], ["run"]])
@pytest.mark.parametrize(
    ("option", "values"),
    [
        (
            "--alpha",
            ["0", "-1", "nan", "inf", "-inf", "1e999", "abc", "", "0.1,", ",", "0.1,0", "0.1;1"],
        ),
        ("--epochs", ["0", "-1", "1.5", "nan", "inf", "1e999", "abc", "", "10,20"]),
        ("--seed", ["-1", "1.5", "abc", "", "nan", "²"]),
        ("--test-size", ["0", "1", "-0.5", "1.5", "nan", "abc", ""]),
        ("--loss", ["abc", ""]),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(
    cli: Cli, mode: list[str], option: str, values: list[str]
) -> None:
    short = {"--alpha": "-a", "--epochs": "-e"}
    for value in values:
        check_refusal(cli(*mode, f"{option}={value}"), option)
        if option in short:
            check_refusal(cli(*mode, short[option], value))


@pytest.mark.parametrize(
    "argv",
    [
        ["run", "nosuch"],
        ["nosuch"],
        ["run", ""],
        ["run", "--nosuch"],
        ["--nosuch"],
        ["--json", "-"],
        ["run", "--ep", "3"],
        ["run", "blobs", "blobs"],
        ["run", "-e"],
        ["run", "--json"],
        ["problems", "x"],
        ["--fps", "0"],
        ["run", "--test-size", "0.9999"],
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(cli: Cli, argv: list[str]) -> None:
    check_refusal(cli(*argv))


def test_an_unknown_problem_is_named_and_so_are_the_known(cli: Cli) -> None:
    check_refusal(cli("run", "bl\nobs\x1b[31m"), "blobs")
    assert "\x1b" not in cli("run", "bl\x1b[31m").err
    check_refusal(cli("run", "nosuch"), "nosuch", "blobs")


def object_array(path: Path) -> None:
    np.save(path, np.array([1, "a", None], dtype=object), allow_pickle=True)


class Trap:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("unpickled",))


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def pickled_in_npy(path: Path) -> None:
    np.save(path, np.array([Trap(), Trap(), Trap()], dtype=object), allow_pickle=True)


def npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, w=np.zeros(3))


def cut_off(path: Path) -> None:
    np.save(path, np.zeros(3))
    path.write_bytes(path.read_bytes()[:-8])


def header_alone(path: Path) -> None:
    """Says that 24 TB follow."""
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3), }"
    header = header.ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())


def saved(values: Any) -> Callable[[Path], None]:
    return lambda path: np.save(path, values)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(saved(np.zeros(2)), id="too few"),
        pytest.param(saved(np.zeros(4)), id="too many"),
        pytest.param(saved(np.zeros((3, 1))), id="a column"),
        pytest.param(saved(np.zeros((2, 3))), id="two lanes for one alpha"),
        pytest.param(saved(np.zeros((1, 1, 3))), id="three axes"),
        pytest.param(saved(np.float64(1)), id="a number"),
        pytest.param(saved(np.zeros(0)), id="nothing"),
        pytest.param(saved(np.array([1, np.nan, 1])), id="nan"),
        pytest.param(saved(np.array([1, np.inf, 1])), id="inf"),
        pytest.param(
            saved(np.array([1, 1, 1], np.longdouble) * np.longdouble("1e4000")), id="huge"
        ),
        pytest.param(saved(np.zeros(3, complex)), id="complex"),
        pytest.param(saved(np.array(["1", "2", "3"])), id="text"),
        pytest.param(saved(np.zeros(3, "M8[s]")), id="dates"),
        pytest.param(saved(np.zeros(3, [("a", float)])), id="records"),
        object_array,
        pickled,
        pickled_in_npy,
        npz,
        cut_off,
        header_alone,
        pytest.param(lambda path: path.write_text("1 2 3\n"), id="words"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.mkdir(), id="a directory"),
        pytest.param(lambda path: None, id="no file"),
    ],
)
def test_initial_weights_that_do_not_fit_are_refused_in_one_line(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "w.npy"
    write(file)
    check_refusal(cli("run", "-e", 1, "--init", file), "--init", "w.npy")
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize(
    "target", [".", "nosuch/run.json", "file/run.json", "x" * 300, "x\0y", "", "link"]
)
def test_json_where_nothing_can_be_written_is_refused_before_training(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nosuch/run.json")
    check_refusal(cli("run", "-e", 1, "--json", target), "--json")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link"}


def test_an_empty_init_is_refused(cli: Cli) -> None:
    check_refusal(cli("run", "-e", 1, "--init", ""), "--init")


# as a process ----------------------------------------------------------------


def process(*argv: str, shell: str = "{}", **environ: str) -> Said:
    """Run in a shell: `shell` is the line, {} in it stands for the command."""
    words = " ".join(f"'{word}'" for word in command(*argv))
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell.format(words)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONWARNINGS": "error", **environ},
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_without_a_terminal_on_stdout_it_behaves_as_run(term: str) -> None:
    said = process("--seed", "5", "-e", "10", TERM=term)
    run = process("run", "--seed", "5", "-e", "10", TERM=term)
    assert said.status == run.status == 0
    assert said.out == run.out
    assert said.out.startswith("[INFO] epoch=1, loss=")
    assert run.err == ""
    assert "Traceback" not in said.err
    assert "\x1b" not in said.out + said.err


def test_an_error_of_the_process_is_one_line_and_status_2() -> None:
    check_refusal(process("run", "nosuch"), "nosuch")


def test_a_reader_that_leaves_early_causes_no_traceback() -> None:
    said = process("run", "-e", "200000", shell="{} | head -1")
    assert said.out.startswith("[INFO] epoch=1, ")
    assert len(said.out.splitlines()) == 1
    assert said.err == ""
    assert said.status not in {0, 1, 2}


def test_output_that_cannot_be_written_causes_no_traceback() -> None:
    said = process("run", "-e", "5", shell="{} > /dev/full")
    assert said.status != 0
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("mode", [["run"], []])
def test_a_closed_stdout_causes_no_traceback(mode: list[str]) -> None:
    said = process(*mode, "-e", "5", "--seed", "1", shell="{} >&-")
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) <= 1


def test_an_interrupted_run_has_status_130_and_no_traceback() -> None:
    with subprocess.Popen(
        command("run", "-e", "1e9"),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        assert running.stderr
        try:
            assert running.stdout.readline().startswith("[INFO] epoch=1, ")
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=20)
        finally:
            running.kill()
    assert running.returncode == 130
    assert "Traceback" not in errors
    assert len(errors.splitlines()) <= 1
