"""Every key of the key table does what the table says."""

from pathlib import Path

import pytest

from tests.ui.driving import driving
from tests.ui.walks import WALKS
from tui_gd.ui.keys import ACTIONS, ladder


def test_every_action_has_its_walk() -> None:
    assert sorted(WALKS) == sorted(action.name for action in ACTIONS)


@pytest.mark.parametrize(
    ("action", "key"),
    [(action.name, key) for action in ACTIONS for key in action.keys.split(",")],
)
async def test_a_key_does_what_the_table_says(
    action: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with driving() as driver:
        await WALKS[action](driver, key)


def test_no_key_means_two_things() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))
    # terminals send these for backspace and enter
    assert not {"ctrl+h", "ctrl+m"} & set(keys)


async def test_escape_never_quits() -> None:
    async with driving() as driver:
        await driver.press("escape", "escape", "escape")
        assert not driver.app._exit


@pytest.mark.parametrize(
    ("rate", "rungs", "expected"),
    [
        (0.01, 1, 0.03),
        (0.03, 1, 0.1),
        (0.01, -1, 0.003),
        (0.02, 1, 0.03),
        (0.02, -1, 0.01),
        (1e-12, -2, 1e-13),
        (7.0, 1, 10.0),
        (10.0, -3, 0.3),
    ],
)
def test_the_ladder_is_1_3_10(rate: float, rungs: int, expected: float) -> None:
    assert ladder(rate, rungs) == expected
