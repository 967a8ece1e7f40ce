"""Who may import whom: the contracts of import-linter, the size of the house, what is loaded."""

import json
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tui_gd.cli.options import COMMANDS
from tui_gd.cli.plain_run import PANELS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tui_gd"
TERMINAL = ["textual", "rich", "plotext"]


def loaded(code: str, *arguments: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport json, sys\nprint('\\n' + json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_import_contracts_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_the_house_stays_small() -> None:
    assert len(list(PACKAGE.rglob("*.py"))) <= 170
    loose = {path.stem for path in PACKAGE.glob("*.py")}
    assert loose == {"__init__", "__main__", "errors", "files", "estimators"}


def test_few_packages_import_from_each_other() -> None:
    """An arrow is a pair of folders, the first of which imports from the second."""
    graph = grimp.build_graph("tui_gd", cache_dir=None)
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("*.py")}

    def home(module: str) -> str:
        return module if module in folders else module.rpartition(".")[0]

    arrows = {
        (home(module), home(imported))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if home(module) != home(imported)
    }
    # all may import the errors and the version, which lie in the outermost folder
    between = {arrow for arrow in arrows if not {"tui_gd", "tui_gd.lessons"} & set(arrow)}
    assert 20 < len(between) <= 55, sorted(between)


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import tui_gd", ["numpy", *TERMINAL, "sklearn"]),
        ("import tui_gd.__main__", ["numpy", *TERMINAL, "sklearn"]),
        ("import tui_gd.training.trainer", [*TERMINAL, "sklearn", "scipy"]),
        ("import tui_gd.problems", [*TERMINAL, "sklearn"]),
        ("import tui_gd.session.runner", [*TERMINAL, "sklearn"]),
        ("import tui_gd.session.report", TERMINAL),
        ("import tui_gd.cli.run", ["textual", "rich", "sklearn"]),
        ("import tui_gd.ui.app", ["sklearn", "plotext"]),
        ("import tui_gd.cli.plain, tui_gd.cli.plain_run", [*TERMINAL, "sklearn"]),
        ("import tui_gd.ui.studies, tui_gd.ui.keys", TERMINAL),
        ("from tui_gd import Trainer, load_problem", TERMINAL),
    ],
)
def test_an_import_loads_no_more_than_it_may(code: str, unwanted: list[str]) -> None:
    found = loaded(code)
    assert "tui_gd" in found
    assert sorted(found & set(unwanted)) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        *([command.name, "--help"] for command in COMMANDS),
        ["--version"],
        ["run", "--alpha", "abc"],
        ["export", "--nosuch"],
        ["rnu"],
        ["problems"],
        ["runs"],
        ["help", "--man"],
        ["completion", "bash"],
    ],
)
def test_help_and_a_wrong_option_need_no_arithmetic_and_no_screen(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom tui_gd.__main__ import run\n"
        "try:\n    run(sys.argv[1:])\nexcept SystemExit:\n    pass"
    )
    found = loaded(code, *arguments)
    assert "tui_gd" in found
    assert sorted(found & {"numpy", "sklearn", *TERMINAL}) == []


def test_the_plain_interface_shows_every_panel_without_textual() -> None:
    script = "\n".join(
        ["step 3", "verdict", "branch adam", *(f"show {name}" for name in PANELS), "race", "quit"]
    )
    code = (
        "import io, sys\nfrom tui_gd.__main__ import run\n"
        "sys.stdin = io.StringIO(sys.argv.pop())\n"
        "assert run(sys.argv[1:]) == 0"
    )
    found = loaded(code, "--plain", "--no-store", script)
    assert "sklearn" in found  # which loads rich itself, if it is installed
    assert sorted(found & {"textual", "plotext"}) == []


def test_all_public_names_can_be_imported() -> None:
    code = (
        "import tui_gd\n"
        "assert {'Trainer', 'load_problem', '__version__'} <= set(tui_gd.__all__)\n"
        "assert all(getattr(tui_gd, name) is not None for name in tui_gd.__all__)\n"
        "assert set(tui_gd.__all__) <= set(dir(tui_gd))\n"
        "try:\n    tui_gd.nothing\n"
        "except AttributeError as error:\n    assert 'nothing' in str(error)\n"
        "else:\n    raise AssertionError"
    )
    assert "numpy" in loaded(code)
