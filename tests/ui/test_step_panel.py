"""The step panel's numbers, against the same arithmetic written out with numpy."""

import re

import numpy as np
import pytest

from tests import tutorial
from tests.making import make_problem
from tests.ui.driving import WEIGHTS, Driver, driving, write_weights
from tui_gd.plots.cells import wrapped
from tui_gd.plots.symbols import ASCII, UNICODE
from tui_gd.ui.panels.step import SEPARATOR, vector

W = np.array(WEIGHTS)
ROW = re.compile(r"^│ (x1|x2|bias) +([\d.e-]+) +([\d.e-]+) +([\d.e-]+) +([\d.e-]+)", re.M)


def table(driver: Driver) -> dict[str, list[float]]:
    """The weights' rows: name → weight, gradient, α × gradient, new weight."""
    text = driver.read("#step").replace("−", "-")
    return {row[0]: list(map(float, row[1:])) for row in ROW.findall(text)}


def number(driver: Driver, before: str) -> float:
    """The number that stands after some text."""
    found = re.search(re.escape(before) + r"([−\d.e+-]+)", driver.read("#step"))
    assert found, f"{before!r} not in\n{driver.read('#step')}"
    return float(found[1].replace("−", "-"))


def pull(driver: Driver) -> list[float]:
    """What the row pulls at the weights."""
    share = re.search(r"·x = \((.*)\)", driver.read("#step"))[1]
    return [float(value.replace("−", "-")) for value in share.split(", ")]


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
        await driver.press("4", "m")
        await driver.until(lambda: len(table(driver)) == 3)
        await driver.until(lambda: "falls by" in driver.read("#step"))
        # with all of the screen, there is room for the notes
        await driver.until(lambda: len(driver.read("#step").split("\n")[0]) == columns)
        shown = table(driver)
        for index, name in enumerate(("x1", "x2", "bias")):
            expected = [W[index], g[index], 0.02 * g[index], W[index] - 0.02 * g[index]]
            assert shown[name] == pytest.approx(expected, rel=6e-5), name
            arrow = "↓" if g[index] > 0 else "↑"
            assert re.search(rf"│ {name} .* {arrow} ", driver.read("#step"))
        assert number(driver, "loss ") == pytest.approx(before, rel=1e-7)
        line = next(one for one in driver.read("#step").split("\n") if "│ loss " in one)
        assert float(re.search(r"→ ([\d.]+)", line)[1]) == pytest.approx(after, rel=1e-7)
        assert number(driver, "falls by ") == pytest.approx(before - after, rel=5e-3)
        text = driver.read("#step")
        assert "new weight = weight − α × gradient" in text
        assert "× α 0.02" in text
        assert ("leaves out the factor 2 of (p − y)²" in text) == (loss == "sse")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (44, 18), (40, 17)])
async def test_no_number_is_cut_in_a_narrow_panel(columns, rows) -> None:
    async with driving(columns, rows) as driver:
        await driver.press("4")
        await driver.until(lambda: "falls by" in driver.read("#step"))
        lines = driver.read("#step").split("\n")
        for name in ("x1", "x2", "bias"):
            row = next(line for line in lines if f"│ {name} " in line)
            assert re.fullmatch(rf"│ {name}( +−?[\d.]+)+ [↑↓] *│", row), row
        assert not any(re.search(r"\d…", line) for line in lines)


@pytest.mark.parametrize("loss", ["sse", "cross-entropy"])
@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
async def test_the_chain_of_one_sample(loss, columns, rows, tmp_path) -> None:
    data = tutorial.data()
    x, y = data.train_x[2], data.train_y[2, 0]
    z = x @ W
    p = 1 / (1 + np.exp(-z))
    delta = (p - y) * p * (1 - p) if loss == "sse" else (p - y) / 500
    async with driving(columns, rows, init=write_weights(tmp_path), loss=loss) as driver:
        await driver.press("4", "m", "down", "down")
        await driver.until(lambda: "row 3 of 500" in driver.read("#step"))
        text = driver.read("#step")
        assert f"class {y} at x1 {x[0]:.4g}, x2 {x[1]:.4g}".replace("-", "−") in text
        line = next(one for one in text.split("\n") if "│ z = " in one).strip("│ ")
        terms, _, shown = line.replace("−", "-").removeprefix("z = ").rpartition(" = ")
        assert float(shown) == pytest.approx(z, rel=1e-6)
        # the products, as they are written, add up to it
        written = terms.replace(" ", "").replace("·", "*").replace("-(", "-1*(")
        assert eval(written) == pytest.approx(z, rel=2e-3)
        assert number(driver, "1/(1+e^−z) = ") == pytest.approx(p, rel=1e-6)
        assert ("right" if (p > 0.5) == y else "wrong") in text
        assert number(driver, "= p − y = ") == pytest.approx(p - y, rel=1e-6)
        assert "(p − y)·p(1−p)·x" in text if loss == "sse" else "((p − y) / 500)·x" in text
        assert pull(driver) == pytest.approx(delta * x, rel=1e-4)
        hardly = "this row hardly moves a weight" in text
        assert hardly == (loss == "sse" and p * (1 - p) < 0.01)


async def test_the_shares_of_all_samples_add_up_to_the_gradient(tmp_path) -> None:
    # what the panel claims: share is δ·x, its part of g
    data = tutorial.data()
    y = data.train_y[:, 0]
    _, g = pass_over("sse", data.train_x, y, W)
    p = 1 / (1 + np.exp(-(data.train_x @ W)))
    shares = ((p - y) * p * (1 - p))[:, None] * data.train_x
    assert shares.sum(axis=0) == pytest.approx(g)
    async with driving(init=write_weights(tmp_path)) as driver:
        await driver.press("4", "m")
        await driver.settled()  # before, the panel has no room for all weights
        for index in range(3):
            assert pull(driver) == pytest.approx(shares[index], rel=1e-4)
            await driver.press("down")
            wanted = f"row {index + 2} of 500"
            await driver.until(lambda wanted=wanted: wanted in driver.read("#step"))


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
async def test_at_80x24_nothing_is_cut_and_nothing_scrolls(symbols) -> None:
    async with driving(80, 24, symbols=symbols) as driver:
        await driver.press("4", "m", "full_stop", "full_stop")
        await driver.status(epoch=2)
        await driver.settled()
        text = driver.read("#step")
        assert "pgdn" not in text
        assert "…" not in text
        for word in ("x1", "x2", "bias", "row 1 of 500", "z = ", "1/(1+e", "error = p", "pull on"):
            assert word in text, word
        assert len(re.findall(r"= \([−\d., e-]+\)", text)) == 1  # the vector, closed
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
async def test_the_largest_of_many_weights_are_shown_and_a_line_says_so(
    columns, rows, monkeypatch
) -> None:
    problem = make_problem(400, 29, test_rows=50)
    monkeypatch.setattr("tui_gd.session.settings.RunSettings.load_problem", lambda _: problem)
    async with driving(columns, rows) as driver:
        await driver.press("4")
        await driver.until(lambda: "step" in driver.focused())
        text = driver.read("#step")
        note = re.search(r"(\d+) largest gradients of 30 weights", text)
        shown = re.findall(r"^│ (x\d+|bias) +[−\d]", text, re.MULTILINE)
        assert len(shown) == int(note[1]) >= 2
        gradient = driver.run.runner.snapshot.lane.gradient
        names = [*problem.feature_names, "bias"]
        largest = sorted(range(30), key=lambda i: -abs(gradient[i]))[: len(shown)]
        assert shown == [names[i] for i in sorted(largest)]
        if rows > 12:
            # the vector is shortened, its last number kept
            assert len(re.findall(r"= \([^)]*…(, [^)]+)?\)", text)) == 1


async def test_another_optimizer_shows_what_its_step_comes_to() -> None:
    async with driving(optimizer=("momentum",), alpha=(0.001,)) as driver:
        await driver.press("full_stop", "full_stop")
        await driver.status(epoch=2)
        await driver.settled()
        assert "new weight = weight − step   momentum: W ← W − α·v" in driver.read("#step")
        now = table(driver)
        await driver.press("full_stop")
        await driver.status(epoch=3)
        await driver.settled()
        after = table(driver)
        for name in now:
            assert after[name][0] == pytest.approx(now[name][3], rel=1e-5)


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
        assert "epoch 1 -> 2" in driver.read("#step")
        assert "row 2 of" in driver.read("#step")
        assert driver.text().isascii()
        assert "?" not in re.sub(r"\?\s+help", "", driver.text())


def test_a_vector_is_cut_to_its_room_and_keeps_its_last_number() -> None:
    values = [1.5, -2.25, 3, 4, 1]
    assert vector(values, 40) == "(1.5, −2.25, 3, 4, 1)"
    assert vector(values, 20) == "(1.5, −2.25, …, 1)"
    assert vector(values, 11) == "(1.5, …, 1)"
    assert len(vector([1e-300] * 30, 40)) <= 40


def test_pieces_share_a_line_as_long_as_they_fit() -> None:
    assert wrapped("aa   bb   cc", 7, SEPARATOR) == ["aa   bb", "cc"]
    assert wrapped("aa   bb   cc", 12, SEPARATOR) == ["aa   bb   cc"]
    assert wrapped("aaaaaaaaa   b", 5, SEPARATOR) == ["aaaaaaaaa", "b"]


@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
async def test_the_backward_pass_of_a_row_layer_by_layer(loss) -> None:
    async with driving(160, 60, problem="moons", hidden=(4, 3), loss=loss) as driver:
        await driver.press("4", "m", "down")
        await driver.until(lambda: "row 2 of 500" in driver.read("#step"))
        text, problem = driver.read("#step").replace("−", "-"), driver.run.problem
        weights = driver.run.runner.snapshot.lane.weights
    first, second, third = weights[:12].reshape(3, 4), weights[12:27].reshape(5, 3), weights[27:]
    x, y = problem.x_train[1], problem.y_train[1]
    a1 = np.tanh(x @ first)
    a2 = np.tanh(np.append(a1, 1) @ second)
    p = 1 / (1 + np.exp(-np.append(a2, 1) @ third))
    d3 = 2 * (p - y) * p * (1 - p) / 500 if loss == "mse" else (p - y) / 500
    d2 = (1 - a2**2) * third[:3] * d3
    d1 = (1 - a1**2) * (second[:4] @ d2)
    for number, a, delta in ((1, a1, d1), (2, a2, d2)):
        block = text[text.index(f"│ layer {number}  ") :].split("\n")
        rows = [
            list(map(float, re.findall(r"-?[\d.]+(?:e-?\d+)?", line[9:]))) for line in block[:4]
        ]
        assert rows[0] == list(range(1, len(a) + 1))
        assert rows[1] == pytest.approx(a, rel=6e-3)
        assert rows[2] == pytest.approx(1 - a**2, rel=6e-3)
        assert rows[3] == pytest.approx(delta, rel=6e-3)
    # the share of one weight of each layer is aₖ·δⱼ
    inputs, deltas = {1: x[:2], 2: a1, 3: a2}, {1: d1, 2: d2, 3: np.array([d3])}
    found = re.findall(r"layer (\d): x?(\d) → (\d): share aₖ·δⱼ = .* = (\S+)", text)
    assert [int(one[0]) for one in found] == [3, 2, 1]
    for layer, k, j, share in found:
        a, delta = inputs[int(layer)][int(k) - 1], deltas[int(layer)][int(j) - 1]
        assert float(share) == pytest.approx(a * delta, rel=6e-4)


async def test_with_a_schedule_the_step_uses_the_rate_of_this_epoch() -> None:
    async with driving(160, 50, alpha=(0.02,), schedule="step:1:0.5") as driver:
        await driver.press("4", "m", "full_stop", "full_stop")
        await driver.status(epoch=2)
        await driver.until(lambda: "falls by" in driver.read("#step"))
        assert "α = 0.02 × 0.25 (step:1:0.5)" in driver.read("#step")
        shown, snapshot = table(driver), driver.run.runner.snapshot
        for name, g, after in zip(
            ("x1", "x2", "bias"), snapshot.lane.gradient, snapshot.lane.next_weights, strict=True
        ):
            assert shown[name][2:] == pytest.approx([0.005 * g, after], rel=1e-4)


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
async def test_numbers_stand_in_columns_whatever_the_learning_rate(columns, rows) -> None:
    """The decimal points of a column are below each other, and it ends where its header does."""
    places = set()
    async with driving(columns, rows, alpha=(0.01,), seed=4) as driver:
        await driver.press("4", "m", "greater_than_sign")
        for alpha in (0.01, 0.03, 0.1, 0.3):
            await driver.status(alpha=alpha)
            await driver.settled()
            lines = driver.read("#step").split("\n")
            head = next(i for i, line in enumerate(lines) if "new weight  " in line)
            assert f"× α {alpha:g} " in lines[head]
            table = lines[head + 1 : head + 4]
            points = [[at for at, sign in enumerate(line) if sign == "."] for line in table]
            assert len(points[0]) == 4
            assert points[0] == points[1] == points[2], "\n".join(table)
            ends = [
                word.end()
                for word in re.finditer(r"new weight|weight|gradient|α [\d.]+", lines[head])
            ]
            assert ends == [word.end() for word in re.finditer(r"\d+\.\d+", table[0])]
            places.add(tuple(ends[:3]))
            await driver.press("plus")
    assert len(places) == 1


async def test_no_number_of_the_step_is_cut_where_there_is_little_room() -> None:
    async with driving(80, 24, problem="iris", start="zeros") as driver:
        await driver.press("4")
        await driver.settled()
        rows = [row[2:-1].rstrip() for row in driver.read("#step").split("\n")[1:-1]]
        # the weights are 0, so every p is 1/3, and row 1 is a versicolor: δ = (1/3, −2/3, 1/3)/75
        assert "δ = (0.0044444, …, 0.0044444)" in rows
        largest = np.abs(driver.run.problem.x_train[0][:4]).max()
        pulls = [row for row in rows if "→ versicolor: " in row]
        assert [f"{float(row.split()[-1].replace('−', '-')):.3g}" for row in pulls] == [
            f"{-2 / 3 / 75 * largest:.3g}"
        ]
