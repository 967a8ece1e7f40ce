"""What every test has: a directory of its own for runs, and the signals that a new terminal has."""

import signal

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


@pytest.fixture(scope="session", autouse=True)
def usual_signals() -> None:
    """A shell without job control has what it starts in the background ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
