"""Every test keeps its runs in a directory of its own, never among those of who runs the tests."""

import pytest
from hypothesis import HealthCheck, settings

# the same examples every time, and as long as a busy machine needs for them
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def own_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path_factory.mktemp("data")))
