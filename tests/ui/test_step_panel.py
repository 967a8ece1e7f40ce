"""The step panel's numbers, against the same arithmetic written out with numpy."""

import re

import numpy as np
import pytest

from tests import tutorial
from tests.making import make_problem
from tests.ui.driving import WEIGHTS, Driver, driving, write_weights
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.ui.panels.step import flow, vector

W = np.array(WEIGHTS)
ROW = re.compile(r"^│ (x1|x2|bias) +(\S+) +(\S+) +(\S+) +(\S+)", re.MULTILINE)


def table(driver: Driver) -> dict[str, list[float]]:
    """The weights' rows: name → W, g, α·g, W − α·g."""
    return {row[0]: list(map(float, row[1:])) for row in ROW.findall(driver.read("#step"))}


def number(driver: Driver, before: str) -> float:
    """The number that stands after some text."""
    found = re.search(re.escape(before) + r"([-+\d.e]+)", driver.read("#step"))
    assert found, f"{before!r} not in\n{driver.read('#step')}"
    return float(found[1])


def pass_over(loss: str, x, y, weights):
    """Loss and direction of descent, one row at a time."""
    total, gradient = 0.0, np.zeros(len(weights))
    for row, target in zip(x, y, strict=True):
        p = 1 / (1 + np.exp(-(row @ weights)))
        if loss == "sse":
            total += (p - target) ** 2
            gradient += (p - target) * p * (1 - p) * row
        else:
            total -= np.log(p if target else 1 - p) / len(x)
            gradient += (p - target) / len(x) * row
    return total, gradient


@pytest.mark.parametrize("loss", ["sse", "cross-entropy"])
@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
async def test_the_update_of_every_weight(loss, columns, rows, tmp_path) -> None:
    data = tutorial.data()
    y = data.train_y[:, 0]
    before, g = pass_over(loss, data.train_x, y, W)
    after, _ = pass_over(loss, data.train_x, y, W - 0.02 * g)
    start = write_weights(tmp_path)
    async with driving(columns, rows, init=start, alpha=(0.02,), loss=loss) as driver:
        await driver.press("4")
        await driver.until(lambda: len(table(driver)) == 3)
        await driver.until(lambda: "→" in driver.read("#step").split("\n")[1])
        shown = table(driver)
        for index, name in enumerate(("x1", "x2", "bias")):
            expected = [W[index], g[index], 0.02 * g[index], W[index] - 0.02 * g[index]]
            assert shown[name] == pytest.approx(expected, rel=6e-5), name
        assert number(driver, "loss ") == pytest.approx(before, rel=1e-7)
        line = driver.read("#step").split("\n")[1]
        assert float(re.search(r"→ ([\d.]+)", line)[1]) == pytest.approx(after, rel=1e-7)
        assert number(driver, "(") == pytest.approx(after - before, rel=5e-3)
        assert number(driver, "‖g‖ ") == pytest.approx(np.linalg.norm(g), rel=1e-5)
        if rows == 40:
            halved = "g is half the gradient" in driver.read("#step")
            assert halved == (loss == "sse")


@pytest.mark.parametrize("loss", ["sse", "cross-entropy"])
@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
async def test_the_chain_of_one_sample(loss, columns, rows, tmp_path) -> None:
    data = tutorial.data()
    x, y = data.train_x[2], data.train_y[2, 0]
    z = x @ W
    p = 1 / (1 + np.exp(-z))
    delta = (p - y) * p * (1 - p) if loss == "sse" else (p - y) / 500
    async with driving(columns, rows, init=write_weights(tmp_path), loss=loss) as driver:
        await driver.press("4", "down", "down")
        await driver.until(lambda: "sample 3 of 500" in driver.read("#step"))
        assert number(driver, "z = x·W = " if rows == 24 else "= x·W = ") == pytest.approx(z)
        assert number(driver, "exp(−z)) = ") == pytest.approx(p, rel=1e-6)
        assert number(driver, "= p − y = ") == pytest.approx(p - y, rel=1e-6)
        assert f"y = {y}" in driver.read("#step")
        formula = "(p − y) · p · (1 − p) = " if loss == "sse" else "(p − y) / 500 = "
        assert number(driver, formula) == pytest.approx(delta, rel=1e-4)
        share = re.search(r"δ·x = \((.*)\)", driver.read("#step"))[1]
        expected = delta * x
        assert [float(v) for v in share.split(", ")] == pytest.approx(expected, rel=1e-4)
        if rows == 40:
            own = (p - y) ** 2 if loss == "sse" else -np.log(p if y else 1 - p) / 500
            line = next(li for li in driver.read("#step").split("\n") if "loss  =" in li)
            assert float(line.strip("│ ").rpartition("= ")[2]) == pytest.approx(own, rel=1e-4)


async def test_the_shares_of_all_samples_add_up_to_the_gradient(tmp_path) -> None:
    # what the panel claims: share is δ·x, its part of g
    data = tutorial.data()
    y = data.train_y[:, 0]
    _, g = pass_over("sse", data.train_x, y, W)
    p = 1 / (1 + np.exp(-(data.train_x @ W)))
    shares = ((p - y) * p * (1 - p))[:, None] * data.train_x
    assert shares.sum(axis=0) == pytest.approx(g)
    async with driving(init=write_weights(tmp_path)) as driver:
        await driver.press("4")
        for index in range(3):
            share = re.search(r"δ·x = \((.*)\)", driver.read("#step"))[1].split(", ")
            assert [float(v) for v in share] == pytest.approx(shares[index], rel=1e-4)
            await driver.press("down")
            wanted = f"train sample {index + 2} of 500"
            await driver.until(lambda wanted=wanted: wanted in driver.read("#step"))


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
async def test_at_80x24_nothing_is_cut_and_nothing_scrolls(symbols) -> None:
    async with driving(80, 24, symbols=symbols) as driver:
        await driver.press("4", "full_stop", "full_stop")
        await driver.status(epoch=2)
        await driver.settled()
        text = driver.read("#step")
        assert "pgdn" not in text
        assert "…" not in text
        for word in ("x1", "x2", "bias", "x = (", "y = ", "p = 1", "error = p", "share = "):
            assert word in text, word
        assert len(re.findall(r"= \([-\d., e]+\)", text)) == 2  # both vectors, closed
        assert text.isascii() or symbols is UNICODE


async def test_after_stepping_back_the_old_numbers_are_there_again() -> None:
    async with driving() as driver:
        first = driver.read("#step")
        await driver.press("greater_than_sign")
        await driver.status(epoch=10)
        await driver.press("home")
        await driver.status(epoch=0)
        await driver.until(lambda: driver.read("#step") == first)


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24), (60, 12)])
async def test_of_many_weights_the_largest_are_shown_and_a_line_says_so(
    columns, rows, monkeypatch
) -> None:
    problem = make_problem(400, 29, test_rows=50)
    monkeypatch.setattr("tui_gd.session.settings.RunSettings.load_problem", lambda _: problem)
    async with driving(columns, rows) as driver:
        await driver.press("4")
        await driver.until(lambda: "step" in driver.focused())
        text = driver.read("#step")
        note = re.search(r"the (\d+) largest \|g\| of 30 weights", text)
        shown = re.findall(r"^│ (x\d+|bias) +[-+]", text, re.MULTILINE)
        assert len(shown) == int(note[1]) >= 2
        gradient = driver.run.runner.snapshot.lane.gradient
        names = [*problem.feature_names, "bias"]
        largest = sorted(range(30), key=lambda i: -abs(gradient[i]))[: len(shown)]
        assert shown == [names[i] for i in sorted(largest)]
        if rows > 12:
            # both vectors are shortened, their last number kept
            assert len(re.findall(r"= \([^)]*…, [^)]+\)", text)) == 2


async def test_another_optimizer_shows_what_its_step_comes_to() -> None:
    async with driving(optimizer=("momentum",), alpha=(0.001,)) as driver:
        await driver.press("full_stop", "full_stop")
        await driver.status(epoch=2)
        await driver.settled()
        assert "W ← W − α·v" in driver.read("#step").split("\n")[0]
        assert "W − step" in driver.read("#step")
        now = table(driver)
        await driver.press("full_stop")
        await driver.status(epoch=3)
        await driver.settled()
        after = table(driver)
        for name in now:
            assert after[name][0] == pytest.approx(now[name][3], rel=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"problem": "diabetes"},
        {"problem": "iris"},
        {"problem": "breast-cancer", "alpha": (1e-6,)},
        {"hidden": (4,), "loss": "cross-entropy"},
        {"optimizer": ("adam", "sgd")},
        {"batch_size": 32},
        {"loss": "hinge"},
    ],
)
async def test_other_problems_and_models_are_drawn_too_in_ascii(settings) -> None:
    async with driving(symbols=ASCII, **settings) as driver:
        await driver.press("full_stop", "2", "enter", "4", "down")
        await driver.status(epoch=1)
        await driver.settled()
        assert "step 1" in driver.read("#step")
        assert driver.text().isascii()
        assert "?" not in driver.text().replace("? help", "")


def test_a_vector_is_cut_to_its_room_and_keeps_its_last_number() -> None:
    values = [1.5, -2.25, 3, 4, 1]
    assert vector(values, 40) == "(1.5, -2.25, 3, 4, 1)"
    assert vector(values, 20) == "(1.5, -2.25, …, 1)"
    assert vector(values, 11) == "(1.5, …, 1)"
    assert len(vector([1e-300] * 30, 40)) <= 40


def test_pieces_share_a_line_as_long_as_they_fit() -> None:
    assert flow(["aa", "bb", "cc"], 7) == ["aa   bb", "cc"]
    assert flow(["aa", "bb", "cc"], 12) == ["aa   bb   cc"]
    assert flow(["a" * 9, "b"], 5) == ["a" * 9, "b"]
    assert flow([], 5) == []
