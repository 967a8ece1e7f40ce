"""What surrounds the code: made pages, metadata, versions that agree."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tui_gd import __version__

ROOT = Path(__file__).parents[1]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch):
    """The hook that fills in metadata: what it makes of them."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("GD_TUI_HOME", "GD_TUI_MAIL"):
        monkeypatch.delenv(name, raising=False)

    def made(**environ: str) -> dict[str, object]:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        metadata: dict[str, object] = {}
        module.Metadata(str(ROOT), {}).update(metadata)
        return metadata

    return made


def test_the_api_page_is_as_the_docstrings_are() -> None:
    done = subprocess.run(
        [sys.executable, "docs/make_api.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_same_version_and_date_stand_everywhere() -> None:
    cited = dict(
        re.findall(r"^([\w-]+): (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    )
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert cited["version"] == __version__
    assert f"## [{__version__}] - {cited['date-released']}" in changes


def test_every_link_within_the_repository_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), (page.name, link)


def test_without_an_address_nothing_is_added_to_the_metadata(hook) -> None:
    metadata = hook()
    assert metadata["authors"] == [{"name": "gd-tui contributors"}]
    assert "urls" not in metadata
    assert metadata["readme"]["text"] == (ROOT / "README.md").read_text()


def test_with_an_address_a_package_index_shows_links_and_pictures(hook) -> None:
    metadata = hook(GD_TUI_HOME="https://place.example/gd-tui/", GD_TUI_MAIL="us@place.example")
    text = metadata["readme"]["text"]
    assert "](https://place.example/gd-tui/raw/HEAD/docs/pictures/movie.gif)" in text
    assert "](https://place.example/gd-tui/blob/HEAD/docs/lessons.md)" in text
    assert not re.search(r"\]\((?!https)", text)
    assert metadata["urls"]["Homepage"] == "https://place.example/gd-tui"
    assert metadata["authors"][0]["email"] == "us@place.example"


def test_what_the_hook_fills_in_is_called_dynamic(hook) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    filled = hook(GD_TUI_HOME="https://place.example")
    assert set(filled) | {"version"} == set(project["dynamic"])
    assert not set(filled) & set(project)
