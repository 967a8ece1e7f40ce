"""What the command line knows about itself: help, suggestions, completions, manual, versions."""

import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from tests.cli.commandline import call, check_refusal
from tui_gd import __version__
from tui_gd.cli.options import COMMANDS, LIVE
from tui_gd.problems import BUILTIN, SURFACES

# what is typed, and what is suggested
MISSPELLED = [
    ("rnu", "run"),
    ("RUN", "run"),
    ("rns", "runs"),
    ("chek", "check"),
    ("problem", "problems"),
    ("resme", "resume"),
    ("exprt", "export"),
    ("shre", "share"),
    ("comletion", "completion"),
    ("help rce", "race"),
    ("help exports", "export"),
    ("blob", "blobs"),
    ("Moons", "moons"),
    ("run mons", "moons"),
    ("run circle", "circles"),
    ("run breast_cancer", "breast-cancer"),
    ("run diabets", "diabetes"),
    ("run digit", "digits"),
    ("run rosenbrock", "surface:rosenbrock"),
    ("run Rastrigin", "surface:rastrigin"),
    ("run surface:himelblau", "surface:himmelblau"),
    ("check sadle", "surface:saddle"),
    ("run --optimizer Adam", "adam"),
    ("run --optimizer adagard", "adagrad"),
    ("run --optimizer rms-prop", "rmsprop"),
    ("run --optimizer sgd,nestrov", "nesterov"),
    ("run --optimizer NAG", "nesterov"),
    ("run --optimizer momemtum", "momentum"),
    ("run --loss crossentropy", "cross-entropy"),
    ("run --loss cross_entropy", "cross-entropy"),
    ("run --loss log-loss", "cross-entropy"),
    ("run --loss hing", "hinge"),
    ("run --loss MSE", "mse"),
    ("run --loss hubr", "huber"),
    ("run --activation ReLu", "relu"),
    ("run --activation sigmoidal", "sigmoid"),
    ("run --start xavier", "glorot"),
    ("run --start zero", "zeros"),
    ("run --dtype float", "float64"),
    ("run --task classify", "classification"),
    ("run --lr 0.1", "--alpha"),
    ("run --learning-rate=0.1", "--alpha"),
    ("--epoch 5", "--epochs"),
    ("run --optimiser adam", "--optimizer"),
    ("run --momentun 0.9", "--momentum"),
    ("run --batch_size 3", "--batch-size"),
    ("run --batchsize 3", "--batch-size"),
    ("run --hiden 8", "--hidden"),
    ("run --random-state 1", "--seed"),
    ("run --standardise", "--standardize"),
    ("run --testsize 0.3", "--test-size"),
    ("run --weight-decay 0.1", "--l2"),
    ("--no-stor", "--no-store"),
    ("--asci", "--ascii"),
    ("race --optimizes", "--optimizers"),
    ("export 1 --complet", "--complete"),
    ("export 1 reprot", "report"),
    ("export 1 curves", "curve"),
    ("completion bsh", "bash"),
]


@pytest.mark.parametrize(("typed", "meant"), MISSPELLED)
def test_a_misspelled_word_is_answered_with_the_right_one(typed: str, meant: str) -> None:
    check_refusal(call(*typed.split()), f"; did you mean {meant}?")


@pytest.mark.parametrize(
    ("target", "meant"), [("Income", "income"), ("incom", "income"), ("cherned", "churned")]
)
def test_a_misspelled_column_is_answered_with_the_nearest(
    tmp_path: Path, target: str, meant: str
) -> None:
    (tmp_path / "t.csv").write_text("income,churned,city\n1,yes,a\n2,no,b\n3,yes,a\n4,no,b\n")
    for option in ("--target", "--drop"):
        more = ("--target", "churned") if option == "--drop" else ()
        check_refusal(call("run", tmp_path / "t.csv", *more, option, target), target, meant)


def test_nothing_is_suggested_for_a_word_unlike_all_known_ones() -> None:
    for words in (["qqqq"], ["run", "--qqqq"], ["run", "--loss", "qqqq"], ["help", "qqqq"]):
        said = call(*words)
        check_refusal(said)
        assert "did you mean" not in said.err
    check_refusal(call("qqqq"), *BUILTIN, *SURFACES)


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_a_command_after_options_is_refused_and_put_first(command: str) -> None:
    check_refusal(
        call("--seed", "1", command, "-e", "3"), f"comes first: gd-tui {command} --seed 1 -e 3"
    )


@pytest.mark.parametrize("command", [LIVE, *COMMANDS])
def test_help_of_a_command_is_its_own(command) -> None:
    said = call("help", *([command.name] if command.name else []))
    assert (said.status, said.err) == (0, "")
    assert said.out == call(*([command.name] if command.name else []), "--help").out
    assert command.summary in said.out
    assert said.out.isascii()


def test_the_help_of_the_program_names_all_that_a_user_meets() -> None:
    said = call("--help").out
    for command in COMMANDS:
        assert re.search(rf"^  {command.name}\b.*{command.summary}$", said, re.M)
    statuses = said.partition("exit status:")[2]
    assert re.findall(r"^  (\d+) ", statuses, re.M) == ["0", "1", "2", "130", "141"]
    environment = said.partition("environment:")[2].partition("exit status:")[0]
    for name in ("GD_TUI_DATA", "GD_TUI_CONFIG", "NO_COLOR", "COLORTERM"):
        assert name in environment
    assert max(map(len, said.splitlines())) <= 100


def test_the_manual_page_has_every_command_and_option() -> None:
    said = call("help", "--man")
    assert said.status == 0
    assert said.out.startswith('.TH GD-TUI 1 "" "gd-tui ')
    plain = said.out.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")
    for section in ("NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "ENVIRONMENT", "EXIT STATUS"):
        assert f"\n.SH {section}\n" in said.out
    for command in (LIVE, *COMMANDS):
        assert f"gd-tui {command.name}" in plain
        for action in command.parser()._actions:
            for flag in action.option_strings:
                assert flag in plain


def completed(*words: str) -> list[str]:
    """What bash offers for the last of these words."""
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()\n'
        'function="$(complete -p gd-tui)"; function="${function##*-F }"\n'
        '"${function% gd-tui}" gd-tui "${COMP_WORDS[COMP_CWORD]}" ""\n'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    said = call("completion", "bash")
    assert said.status == 0
    bash = shutil.which("bash")
    assert bash
    with subprocess.Popen(
        [bash, "-c", script, "bash", "/dev/stdin", "gd-tui", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as shell:
        out, _ = shell.communicate(said.out)
    return out.split()


def test_bash_completes_commands_options_problems_and_their_values() -> None:
    assert set(completed("r")) == {"run", "race", "runs", "rm", "resume"}
    assert completed("run", "moo") == ["moons"]
    assert "--optimizer" in completed("--opti")
    assert completed("run", "moons", "--loss", "cr") == ["cross-entropy"]
    assert completed("run", "--dtype", "float3") == ["float32"]
    assert set(completed("help", "sh")) == {"share", "show"}
    assert completed("completion", "z") == ["zsh"]
    assert "tensorboard" in completed("export", "3f9a", "tens")


def test_zsh_and_fish_have_completions_of_every_command() -> None:
    for shell in ("zsh", "fish"):
        said = call("completion", shell)
        assert said.status == 0
        for word in (*(command.name for command in COMMANDS), "cross-entropy", "moons", "bash"):
            assert word in said.out


def test_the_version_names_all_that_a_bug_report_needs() -> None:
    said = call("--version")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == f"gd-tui {__version__}"
    assert lines[1].startswith(f"Python {platform.python_version()} ")
    for package in ("scikit-learn", "textual", "rich", "plotext"):
        assert f"{package} {metadata.version(package)}" in lines
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[index]
    assert f"numpy {np.__version__} ({blas['name']} {blas['version']})" in lines
    assert lines[-1].startswith("terminal ")


def test_problems_lists_every_problem_once() -> None:
    said = call("problems")
    assert (said.status, said.err) == (0, "")
    names = [line.split()[0] for line in said.out.splitlines()]
    assert names == [*BUILTIN, *SURFACES]
    assert all(len(line.split()) > 1 for line in said.out.splitlines())
