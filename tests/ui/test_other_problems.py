"""Regressions, and data that stay in their file, as a person sees them."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score

from tests.ui.driving import driving
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.problems import arrays, load_problem


async def test_a_regression_shows_its_fit_and_its_measures() -> None:
    async with driving(problem="line") as driver:
        await driver.press("full_stop", "full_stop")
        await driver.status(epoch=2)
        await driver.settled()
        data, report = driver.read("#data"), driver.read("#report")
        problem = load_problem("line")
        weights = driver.run.runner.snapshot.lane.weights
        predicted = problem.x_test @ weights
        assert "50 points" in data
        assert "fit" in data
        assert "●" in data
        assert f"{r2_score(problem.y_test, predicted):.6g}".replace("-", "−") in report
        assert f"{mean_absolute_error(problem.y_test, predicted):.6g}" in report
        await driver.press("2", "enter", "right")
        await driver.until(lambda: "predicted" in driver.read("#data"))
        truth = problem.y_test[1]
        said = f"test 2: y {truth:.5g}, predicted {predicted[1]:.5g}".replace("-", "−")
        assert said in driver.read("#data")


async def test_many_features_are_shown_as_predicted_over_true() -> None:
    async with driving(problem="diabetes") as driver:
        assert "── perfect" in driver.read("#data")
        assert "disease progression, true" in driver.read("#data")


async def test_the_gradient_is_shown_beside_its_differences() -> None:
    async with driving() as driver:
        await driver.press("full_stop", "c")
        await driver.until(lambda: "by differences" in driver.read("#step"))
        for line in driver.read("#step").splitlines():
            if line.startswith(("│ x1", "│ x2", "│ bias")):
                *_, gradient, found, error, _ = line.replace("−", "-").split()
                assert float(gradient) == pytest.approx(float(found), rel=2e-5)
                assert float(error) < 1e-6
        await driver.press("c")
        await driver.until(lambda: "by differences" not in driver.read("#step"))


async def test_data_that_stay_in_their_file_are_drawn_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 0)
    x = np.random.default_rng(0).standard_normal((50_000, 3)).astype("float32")
    np.savez(tmp_path / "data.npz", X=x, y=(x[:, 0] > 0).astype(int))
    async with driving(problem=str(tmp_path / "data.npz"), alpha=(1e-5,)) as driver:
        await driver.press("full_stop", "p")
        await driver.status(epoch=1)
        await driver.until(lambda: "train" in driver.read("#data").splitlines()[0])
        assert "PC1" in driver.read("#data")
        await driver.settled()
        assert "25000" in driver.read("#report")
        assert "row 1 of 25000" in driver.read("#step")


@pytest.mark.parametrize("classes", [2, 3])
async def test_classes_over_one_feature_are_drawn(tmp_path: Path, classes: int) -> None:
    x = np.random.default_rng(0).standard_normal((90, 1))
    np.savez(tmp_path / "data.npz", X=x, y=np.digitize(x[:, 0], [-0.3, 0.5][: classes - 1]))
    async with driving(problem=str(tmp_path / "data.npz"), loss="cross-entropy") as driver:
        await driver.press("full_stop", "2", "enter", "right")
        await driver.status(epoch=1)
        await driver.until(lambda: "predicted" in driver.read("#data"))
        assert "45 points" in driver.read("#data")


async def test_from_a_file_with_options_of_its_own_another_problem_can_be_chosen(
    tmp_path: Path,
) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{i},{i % 7},{'pq'[i % 2]}" for i in range(40)]
    table.write_text("\n".join(["a,b,y", *rows]))
    settings = {"target": "y", "drop": ("a",), "stratify": True, "task": "classification"}
    async with driving(problem=str(table), **settings) as driver:
        assert driver.run.problem.feature_names == ("b",)
        await driver.press("d")
        await driver.until(lambda: "blobs" in driver.text())
        await driver.press("down", "enter")  # the first entry opens a file
        await driver.until(lambda: driver.run.settings.problem == "blobs")
        await driver.status(epoch=0)
        assert "blobs" in driver.text()


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
@pytest.mark.parametrize(
    ("problem", "keys"),
    [("surface:two-valleys-1d", "13456"), ("surface:saddle", "35"), ("moons", "9")],
)
async def test_a_negative_number_has_the_minus_of_the_terminal(problem, keys, symbols) -> None:
    hidden = (4,) if problem == "moons" else ()
    async with driving(problem=problem, epochs=30, hidden=hidden, symbols=symbols) as driver:
        await driver.press("space")
        await driver.status(epoch=30)
        for key in keys:
            await driver.press(key, "m")
            await driver.settled()
            text = driver.text()
            hyphens = re.findall(r".{9}(?<![\w.)])-\d.{9}", text)
            assert bool(hyphens) == symbols.plain, hyphens
            minus = "-" if symbols.plain else "−"
            assert re.search(rf"[\s(=]{minus}\d", text)
            assert text.isascii() or not symbols.plain
            await driver.press("m")


async def test_another_problem_chooses_a_penalty_of_its_own() -> None:
    """2.5 kept weights from learning noise; on columns that say nearly all it would harm."""
    async with driving(problem="wine", l2=2.5, loss="cross-entropy", alpha=(0.1,)) as driver:
        assert "L2 2.5" in driver.read("#top")
        await driver.press("d", "down", "enter")
        await driver.until(lambda: driver.run.settings.problem == "breast-cancer")
        await driver.settled()
        assert driver.run.settings.ridge == 0.0
        assert "L2" not in driver.read("#top")
