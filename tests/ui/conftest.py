"""What every test of the interface may use: three kept runs, made before anything is patched."""

import pytest

from tests.ui.libraries import three_runs


@pytest.fixture(autouse=True, scope="session")
def _kept_runs() -> None:
    three_runs()
