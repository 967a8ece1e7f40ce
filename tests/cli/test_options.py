"""One field is an option: the command line, help, share lines and stored settings follow it."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.cli.commandline import call, check_refusal
from tests.runs.kept import Kept, record_of
from tui_gd.cli import options as cli_options
from tui_gd.cli.options import find_command, settings_of
from tui_gd.errors import ProblemError
from tui_gd.runs import resume, share
from tui_gd.runs.share import open_line, share_line
from tui_gd.session import readers
from tui_gd.session.options import Group, Scope
from tui_gd.session.settings import RunSettings


@dataclass(frozen=True)
class WithMore(RunSettings):
    """A run's settings with two options more."""

    heat: tuple[float, ...] = Group("descent")(
        readers.several(readers.number(0, 10, above=True), 1, 3),
        (1.0,),
        "how hot the weights are",
        metavar="T",
        example="2",
        short="-t",
    )
    row_limit: int | None = Group("data", Scope.FILES)(
        readers.whole(1), None, "rows that are read", metavar="N"
    )


@pytest.fixture(autouse=True)
def two_options_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cli_options, share, resume):
        monkeypatch.setattr(module, "RunSettings", WithMore)


def parsed(*words: str) -> RunSettings:
    command, rest = find_command(["run", "--seed", "7", *words])
    return settings_of(command.parser().parse_args(rest))


def test_the_command_line_reads_it_within_its_limits() -> None:
    assert parsed() == WithMore(seed=7)
    assert parsed("-t", "2,0.5") == WithMore(seed=7, heat=(2.0, 0.5))
    assert parsed("--heat=3", "--row-limit", "1e3") == WithMore(seed=7, heat=(3,), row_limit=1000)
    for value in ("0", "11", "nan", "warm", "", "1,2,3,4"):
        check_refusal(call("run", "--heat", value), "--heat", "; try -t 2")
    check_refusal(call("run", "--row-limit", "0"), "--row-limit", "a whole number from 1")


def test_help_shows_it_under_its_heading_with_its_default() -> None:
    said = call("run", "--help").out
    descent = said.partition("\ndescent:")[2].partition("\n\n")[0]
    assert re.search(r"^  -t(?: T)?, --heat T +how hot the weights are \(1\.0\)$", descent, re.M)
    assert "--row-limit N" in said.partition("\ndata:")[2].partition("\n\n")[0]
    assert "--row-limit N" in call("data", "--help").out
    assert "--heat" not in call("data", "--help").out


def test_its_scope_decides_where_it_is_refused() -> None:
    with pytest.raises(ProblemError, match="--row-limit is for files"):
        WithMore(row_limit=3).load_problem()
    with pytest.raises(ProblemError, match="leave --row-limit out"):
        WithMore("surface:booth", row_limit=3).load_problem()
    assert WithMore("surface:booth", heat=(2.0,)).load_problem().surface


def test_a_share_line_holds_it_and_a_command_line_repeats_it() -> None:
    settings = WithMore("line", samples=20, heat=(2.0, 0.5), seed=3)
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    exported = record_of(settings, problem, trainer)
    assert open_line(share_line(exported)).settings == settings
    assert "--heat 2.0,0.5" in exported.command
    with pytest.raises(ProblemError, match="--row-limit is for data in a file"):
        share_line(replace(exported, settings=replace(settings, row_limit=3)))


def test_stored_settings_have_it_and_are_read_within_its_limits(tmp_path: Path) -> None:
    kept = Kept(tmp_path, WithMore("line", samples=20, heat=(2.0, 0.5), seed=3))
    kept.trainer.advance(5)
    kept.close()
    stored = kept.kept()
    assert resume.settings_of(stored) == kept.settings
    stored.settings["heat"] = [11]
    with pytest.raises(ProblemError, match="its stored --heat 11 is not a number above 0 to 10"):
        resume.settings_of(stored)
