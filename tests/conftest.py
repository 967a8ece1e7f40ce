"""For every test: its own directory of kept runs, and the signals of a new terminal."""

import signal

import pytest
from hypothesis import HealthCheck, settings

# the same examples every time, and no deadline on a busy machine
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def own_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="session", autouse=True)
def usual_signals() -> None:
    """Background processes of some shells ignore SIGINT, those of nohup SIGHUP: undo both."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
