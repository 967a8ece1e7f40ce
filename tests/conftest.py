"""Every test keeps its runs in a directory of its own, never among those of who runs the tests."""

import pytest


@pytest.fixture(autouse=True)
def own_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path_factory.mktemp("data")))
