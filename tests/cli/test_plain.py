"""The plain interface: commands in lines, answers in lines, kept runs, signals, hostile input."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

from tests import tutorial
from tests.cli.commandline import ROOT, call, check_refusal, command, process, started
from tests.terminal.session import Terminal
from tui_gd.cli.plain_run import COMMANDS, WORDS, Commands
from tui_gd.insight.verdict import Try
from tui_gd.runs.store import Store
from tui_gd.ui.keys import ACTIONS as KEYS
from tui_gd.ui.keys import shown_keys

if TYPE_CHECKING:
    from pathlib import Path

# seconds that a busy machine may need; a passing test never waits that long
PATIENCE = 60.0
W = (0.5, -0.25, 0.125)
STATUS = re.compile(
    r"^(?P<state>[A-Z]+)  epoch (?P<epoch>\d+)/(?P<epochs>\d+)  train loss (?P<loss>\S+)"
    r"(?:  test loss (?P<test>\S+))?(?:  right (?P<right>\d+) of (?P<rows>\d+))?"
    r"(?:  R\^2 (?P<r2>\S+))?  alpha (?P<alpha>\S+)(?P<rest>.*)$"
)


class Talk:
    """What a script was answered."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err
        self.lines = out.splitlines()
        self.steps = [found for line in self.lines if (found := STATUS.match(line))]

    @property
    def losses(self) -> list[float]:
        return [float(step["loss"]) for step in self.steps]


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch):
    """Hold a session in this process: the lines are its standard input."""
    import io

    def hold(script: str, *argv: object) -> Talk:
        monkeypatch.setattr(sys, "stdin", io.StringIO(script))
        seed = () if "gd1:" in str(argv) else ("--seed", "3")
        said = call("--plain", *seed, *argv)
        assert (said.out + said.err).isascii()
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", said.out + said.err)
        return Talk(said.status, said.out, said.err)

    return hold


@pytest.fixture
def start(tmp_path: Path) -> str:
    file = tmp_path / "start.npy"
    np.save(file, np.array(W))
    return str(file)


def descended(alpha: float, epochs: int, begin: object = W) -> tuple[np.ndarray, list[float]]:
    data = tutorial.data()
    weights, losses, _ = tutorial.descend(
        data.train_x, data.train_y, np.array(begin), alpha, epochs
    )
    return np.ravel(weights), losses


def kept() -> list[object]:
    with Store() as store:
        return store.runs()


def test_the_script_of_the_readme_is_the_tutorials_descent(talk, start) -> None:
    said = talk("step 5\nalpha 0.03\nrun 100\nreport\n", "--init", start)
    weights, first = descended(0.01, 5)
    _, second = descended(0.03, 101, weights)
    assert [int(step["epoch"]) for step in said.steps] == [0, 5, 5, 105]
    assert said.losses == pytest.approx([first[0], second[0], second[0], second[100]], rel=1e-7)
    assert [float(step["alpha"]) for step in said.steps] == [0.01, 0.01, 0.03, 0.03]
    assert said.steps[-1]["state"] == "FINISHED"
    assert "macro avg" in said.out
    assert said.status == 0


def test_an_empty_line_steps_and_short_names_do_the_same(talk) -> None:
    short = talk("\n\n. 2\n,\na 0.03\ng 7\nRUN\n.\n,\nb\nr\nq\nnever reached\n")
    long = talk(
        "step\nstep\nstep 2\nback\nalpha 0.03\ngoto 7\nrun\nstep\nback 1\nbranch\nreset\nquit\n"
    )
    assert short.lines == long.lines
    epochs = [0, 1, 2, 4, 3, 3, 7, 100, 101, 100, 100, 0]
    assert [int(s["epoch"]) for s in short.steps] == epochs
    assert short.status == 0


def test_one_letter_commands_are_the_keys_of_the_interface() -> None:
    actions = {key: action.name for action in KEYS for key in shown_keys(action.keys).split()}
    means = {
        "step": "step(1)",
        "back": "step_back(1)",
        "goto": "go_to",
        "alpha": "type_learning_rate",
        "branch": "branch",
        "race": "race('rates')",
        "starts": "starts",
        "reset": "reset",
        "new": "new_start",
        "help": "help",
        "quit": "quit",
    }
    short = {key: word.name for word in WORDS for key in word.short if len(key) == 1}
    assert {key: means[name] for key, name in short.items()} == {key: actions[key] for key in short}
    assert set(means) == set(short.values())


def test_back_gives_the_digits_that_were_there(talk) -> None:
    said = talk("step 3\nstep 4\nback 4\ngoto 0\nback\nstep 7\n")
    assert said.losses[2] != said.losses[1] == said.losses[3]
    assert said.losses[0] == said.losses[4]
    assert "this is the first epoch" in said.lines
    assert said.losses[2] == said.losses[-1]


def test_lanes_branch_and_are_chosen_by_name(talk) -> None:
    said = talk("step 5\nbranch 0.1\nstep\nlane a\nstep\nlanes\nbranch adam\nlanes\n")
    named = [line for line in said.lines if line.startswith("lane ")]
    assert [line.split()[1] for line in named] == ["A", "B", "A", "B", "C"]
    assert named[0].endswith("current")
    assert "alpha 0.1 " in named[1]
    assert named[4].split()[2] == "adam"
    assert "lane B of 2" in said.steps[2]["rest"]


def test_reset_and_new_begin_again(talk) -> None:
    said = talk("step 3\nreset\nstep 3\nnew\n")
    assert said.losses[0] == said.losses[2]
    assert said.losses[1] == said.losses[3]
    assert said.losses[4] not in said.losses[:4]
    other = talk("", "--seed", "4")
    assert said.losses[4] == other.losses[0]
    assert "start of seed 4" in said.lines


def test_alpha_moves_on_the_ladder(talk) -> None:
    said = talk("alpha up\nalpha up\nalpha down\na -\na 2e-4\n")
    assert [float(s["alpha"]) for s in said.steps] == [0.01, 0.03, 0.1, 0.03, 0.01, 2e-4]


def test_the_verdict_names_commands_not_keys(talk) -> None:
    said = talk("run\nverdict\n", "-a", "1e-9")
    assert any(line.startswith("try alpha up (larger steps") for line in said.lines), said.out
    said = talk("show why\n")
    assert "advice: try run (run), step (one step), help (help)" in said.lines
    rescue = Try("rescue", "back to epoch 7 with α 0.1", "7 0.1")
    said = "try goto 7, then alpha 0.1 (back to epoch 7 with α 0.1)"
    assert Commands().tries([rescue]) == said


@pytest.mark.parametrize("alpha", ["1e-12", "1e-7", "1e-5"])
def test_a_run_with_far_too_small_steps_is_not_called_stuck(talk, alpha: str) -> None:
    # with 0.01 this start has all rows but three right after 100 epochs
    said = talk("run\nverdict\n", "--seed", "3", "-a", alpha)
    assert any(line.startswith("Steps too small. The loss fell by ") for line in said.lines)
    assert any(line.startswith("try alpha up (larger steps: alpha is ") for line in said.lines)
    stuck = talk("run\nverdict\n", "--seed", "6")  # with 0.01 this one stands at 250
    assert any(line.startswith("Stuck on a plateau.") for line in stuck.lines), stuck.out
    assert any(line.startswith("try branch cross-entropy") for line in stuck.lines)


def test_every_advice_of_a_verdict_is_a_command() -> None:
    for action in COMMANDS:
        told = Commands().tries([Try(action, "it", "3 4")]).split()[1]
        assert told in {word.name for word in WORDS}


def test_branch_takes_a_loss(talk) -> None:
    said = talk("step 3\nbranch cross-entropy\nstep\nlanes\n")
    assert any(line.startswith("lane B  sgd  cross-entropy") for line in said.lines), said.out


def test_every_command_is_in_the_help_and_can_be_done(talk) -> None:
    said = talk("help\n")
    for word in WORDS:
        assert any(line.split()[0] == word.name for line in said.lines)
    argument = {"goto": "3", "alpha": "0.1", "lane": "A", "show": "step"}
    script = [f"{word.name} {argument.get(word.name, '')}" for word in WORDS]
    assert talk("\n".join(script) + "\n", "-e", "20").status == 0


def test_show_prints_all_digits_of_a_panel(talk, start) -> None:
    said = talk("show step\nshow lanes\nshow why\nshow changes\nshow data\n", "--init", start)
    assert "bias, 0.125, " in said.out
    assert said.status == 0


def test_race_names_the_best_rate(talk) -> None:
    said = talk("race\nrace all\n", "-e", "10", "-a", "0.1")
    best = [line for line in said.lines if line.startswith("best: alpha=")]
    assert len(best) == 2
    assert best[0] == best[1]
    assert said.out.count("\n") > 64


def test_faults_are_one_line_each_with_its_number_and_end_in_status_2(talk) -> None:
    faults = [
        ("foo", "'foo' is no command"),
        ("step x", "'x' is not a whole number"),
        ("step 0", "from 1"),
        ("step 1 2", "at most one word"),
        ("alpha", "not a positive number"),
        ("alpha -1", "not a positive number"),
        ("alpha nan", "not a positive number"),
        ("lane Q", "'Q' is no lane"),
        ("report now", "not a threshold from 0.01 to 0.99"),
        ("report 0.355", "not a threshold from 0.01 to 0.99"),
        ("show nothing", "'nothing' is no panel"),
        ("goto", "not a whole number"),
        ("race cars", "race optimizers"),
        ("step 99999999999999999999", "not a whole number"),
        ("\x1b[31mstep\x07", "is no command"),
    ]
    said = talk("".join(f"{line}\n" for line, _ in faults) + "step\n", "--no-store")
    lines = said.err.splitlines()
    assert len(lines) == len(faults)
    for number, (line, (_, part)) in enumerate(zip(lines, faults, strict=True), 1):
        assert line.startswith(f"gd-tui: line {number}: ")
        assert part in line
    assert said.status == 2
    assert said.steps[-1]["epoch"] == "1"  # the rest of the script was done


def test_comments_are_left_out(talk) -> None:
    assert [s["epoch"] for s in talk("# five\nstep 5 \n  # more\nstep\n").steps] == ["0", "5", "6"]


def test_a_diverged_run_says_so_and_ends_in_status_1(talk) -> None:
    said = talk("run\nverdict\nback 3\n", "plane", "-a", "1e200")
    assert any("diverged: after epoch" in line for line in said.lines)
    assert "DIVERGED" in said.out
    gone = talk("run\n", "plane", "-a", "1e200")
    assert gone.status == 1


def test_a_run_is_kept_and_goes_on(talk, monkeypatch) -> None:
    said = talk("step 5\nalpha 0.1\nstep 2\n")
    (run,) = kept()
    assert (run.epoch, run.state) == (7, "paused")
    assert f"kept as {run.id}" in said.err
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("step 3\nback 5\n"))
    again = Talk(*vars(call("resume", run.id, "--plain")).values())
    assert again.losses[0] == said.losses[-1]
    assert [int(s["epoch"]) for s in again.steps] == [7, 10, 5]
    assert again.losses[-1] == said.losses[1]
    (run,) = kept()
    assert run.epoch == 5
    assert run.newest == 10


def test_without_a_store_nothing_is_kept(talk) -> None:
    talk("step 5\n", "--no-store")
    assert kept() == []


@pytest.mark.parametrize("problem", ["plane", "iris", "surface:himmelblau"])
def test_other_problems_answer_every_question(talk, problem) -> None:
    script = "step 3\nreport\nverdict\nlanes\nrace\nshow why\nshow landscape\nshow loss\nnew\n"
    said = talk(script, problem, "-a", "0.001")
    assert said.status == 0, said.err


def test_a_share_line_is_repeated(talk) -> None:
    said = talk("step 5\nbranch 0.1\nstep 2\n")
    (run,) = kept()
    line = call("share", run.id).out.strip()
    again = talk("lane B\n", line)
    assert again.steps[-1]["rest"].startswith("  lane B of 2")
    assert again.losses[-1] == said.losses[-1]


def test_a_fault_of_the_command_line_is_one_line() -> None:
    check_refusal(call("nosuch", "--plain"), "nosuch")


# As a process


def test_a_script_in_a_pipe_without_a_terminal() -> None:
    shell = "printf 'step 5\\nalpha 0.03\\nrun 100\\nreport\\n' | {}"
    said = process("--plain", "--seed", "3", shell=shell, TERM="")
    assert said.status == 0
    assert len(STATUS.findall(said.out)) == 0  # the first line tells of the problem
    assert said.out.splitlines()[4].startswith("FINISHED  epoch 105/105  train loss ")
    assert said.err.startswith("gd-tui: kept as ")


@pytest.mark.parametrize(
    ("shell", "status"),
    [
        ("printf 'step\\n\\377\\351step\\nstep' | {}", 2),
        ("head -c 3000000 /dev/zero | {}", 2),
        ("head -c 300000 /dev/urandom | {}", 2),
        ("yes step | head -20000 | tr -d '\\n' | {}", 2),
        ("{} < /dev/null", 0),
        ("{} <&-", 0),
    ],
)
def test_hostile_input_is_refused_in_ascii(shell, status) -> None:
    said = process("--plain", "--no-store", shell=shell, PYTHONIOENCODING="ascii")
    assert said.status == status
    assert "Traceback" not in said.err
    assert said.out.isascii()
    assert max(map(len, (said.out + said.err).splitlines())) < 500


def test_a_reader_that_leaves_causes_no_traceback() -> None:
    said = process("--plain", shell="yes step | head -2000 | {} | head -1")
    assert "Traceback" not in said.err
    assert kept()


def wait_for_epochs(epochs: int) -> None:
    """Wait until the store has more than `epochs` epochs of its only run."""
    deadline = time.monotonic() + PATIENCE
    while not (runs := kept()) or runs[0].newest <= epochs:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("busy", [False, True])
def test_a_signal_keeps_the_run(number, busy) -> None:
    with started("--plain", "--seed", "3", stdin=subprocess.PIPE) as child:
        child.stdin.write("step 5\n" + ("run 1000000000\n" if busy else ""))
        child.stdin.flush()
        for _ in range(3):
            child.stdout.readline()
        if busy:
            wait_for_epochs(5)
        child.send_signal(number)
        out, err = child.communicate(timeout=PATIENCE)
        assert child.returncode == 128 + number
    assert "Traceback" not in out + err
    (run,) = kept()
    assert run.state == "paused"
    assert run.epoch > 5 if busy else run.epoch == 5


# At a terminal

# the terminal echoes what is typed before the prompt, and loses an end of input
PROMPT = r"\n>\s*\Z"


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_at_a_terminal_enter_steps_and_faults_are_forgiven(term) -> None:
    env = {"TERM": term, "GD_TUI_DATA": os.environ["GD_TUI_DATA"], "PYTHONPATH": str(ROOT)}
    with Terminal(command("--plain", "--seed", "3"), env=env) as terminal:
        terminal.wait_for("help lists the commands")
        terminal.wait_for(PROMPT)
        terminal.press("enter")
        terminal.wait_for("epoch 1/100")
        terminal.wait_for(PROMPT)
        terminal.send("foo\r")
        terminal.wait_for("gd-tui: 'foo' is no command")
        terminal.wait_for(PROMPT)
        terminal.send("run 1000000000\r")
        terminal.wait_for("run 1000000000")
        wait_for_epochs(1)  # otherwise the signal interrupts the prompt
        terminal.press("ctrl+c")
        terminal.wait_for("interrupted")
        terminal.wait_for(PROMPT)
        terminal.send("back\r")
        terminal.wait_for(r"interrupted\n(.*\n)+> back\nPAUSED  epoch")
        terminal.wait_for(PROMPT)
        terminal.press("ctrl+d")
        assert terminal.wait_for_exit() == 0
        assert terminal.restored()
        assert b"\x1b[?2004h" not in terminal.raw
        if term == "dumb":
            assert b"\x1b" not in terminal.raw


def test_the_report_of_two_classes_takes_another_threshold(talk, start) -> None:
    data = tutorial.data()
    weights = np.load(start)
    p = 1 / (1 + np.exp(-data.test_x @ weights))
    said = talk("report 0.2\n", "--init", start)
    assert "threshold 0.2\n" in said.out
    expected = classification_report(data.test_y[:, 0], p > 0.2)
    assert expected.strip("\n") in said.out
    assert expected != classification_report(data.test_y[:, 0], p > 0.5)


def test_the_report_lists_the_weights_beside_the_optimum_of_scikit_learn(talk) -> None:
    x, y = load_diabetes(return_X_y=True)
    x_train, _, y_train, _ = train_test_split(x, y, test_size=0.5, random_state=42)
    wanted = LinearRegression().fit(x_train, y_train)
    said = talk("step 5\nshow report\n", "diabetes", "--seed", "1")
    rows = {line.split()[0]: line.split()[1:] for line in said.out.splitlines() if line.strip()}
    for name, slot in (("s1", 4), ("bmi", 2)):
        assert float(rows[name][-1]) == pytest.approx(wanted.coef_[slot], rel=1e-4)
    loss = ((wanted.predict(x_train) - y_train) ** 2).mean()
    assert f"LinearRegression(): loss {loss:.7g}; here " in said.out
