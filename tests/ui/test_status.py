"""The status line and the keys line."""

import numpy as np
import pytest

from tests import tutorial
from tests.ui.driving import WEIGHTS, driving, write_weights
from tui_gd.plots.cells import width
from tui_gd.plots.symbols import ASCII

W = np.array(WEIGHTS)


async def test_words_and_numbers_in_their_order(tmp_path) -> None:
    data = tutorial.data()
    y, p = data.train_y[:, 0], tutorial.sigmoid_activation(data.train_x @ W)
    p_test = tutorial.sigmoid_activation(data.test_x @ W)
    loss, test = np.sum((p - y) ** 2), np.sum((p_test - data.test_y[:, 0]) ** 2)
    gradient = data.train_x.T @ ((p - y) * p * (1 - p))
    accuracy = np.mean((p_test > 0.5) == data.test_y[:, 0])
    async with driving(init=write_weights(tmp_path)) as driver:
        words = driver.read("#status").split("  ")
    assert words[0] == "PAUSED"
    assert words[1] == "epoch 0/100"
    assert words[2] == f"loss {loss:#.8g}"
    assert words[3] == "α 0.01"
    assert words[4] == f"test {test:.7g}"
    assert words[5] == f"accuracy {accuracy:.4f}"
    assert words[6] == f"‖g‖ {np.linalg.norm(gradient):.4g}"
    assert words[7].strip() == "blobs sse"


async def test_the_loss_has_seven_digits_even_where_they_are_zeros(tmp_path) -> None:
    # p = 1/2 everywhere: 500 times 1/4
    start = write_weights(tmp_path, (0.0, 0.0, 0.0))
    async with driving(init=start) as driver:
        assert (await driver.status(epoch=0)).loss == "125.00000"


@pytest.mark.parametrize("columns", [40, 50, 60, 80, 100, 200])
async def test_what_is_always_held_is_held_and_nothing_is_cut(columns: int) -> None:
    async with driving(columns, 24) as driver:
        line = driver.read("#status")
        whole = driver.read_status()
        assert whole.state == "PAUSED"
        assert len(whole.loss) >= 8
        assert width(line) == columns
        wide = "  test 241.2346  accuracy 0.5040  ‖g‖ 23.35  blobs sse"
        assert wide.startswith(whole.rest)
        assert whole.rest == "" or wide[len(whole.rest) :][:2] in {"", "  "}


@pytest.mark.parametrize("columns", [40, 50, 79, 80, 200])
async def test_help_and_quit_are_always_in_the_keys_line(columns: int) -> None:
    async with driving(columns, 24) as driver:
        line = driver.read("#keys")
        assert "? help" in line
        assert "q quit" in line
        assert line.startswith("space run/pause")


async def test_several_lanes_are_counted_and_the_test_loss_has_no_lanes_colour() -> None:
    async with driving(160, alpha=(0.01, 0.03)) as driver:
        line = driver.read("#status")
        assert "α 0.01  lane A of 2  test " in line
        cells = driver.run.query_one("#status").cells
        colour = int(cells.fg[0, line.index("test ")])
        assert colour == driver.app.palette.text
        assert colour not in driver.app.palette.lanes


async def test_in_ascii_alpha_and_the_norm_are_spelt_out() -> None:
    async with driving(symbols=ASCII) as driver:
        assert driver.read("#status").isascii()
        assert "  alpha 0.01  " in driver.read("#status")
        assert "|g| 23.35" in driver.read("#status")
        assert "+ alpha up" in driver.read("#keys")
