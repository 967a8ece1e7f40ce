"""How the time of an epoch grows with rows and with lanes, and the alternative for lanes.

python benchmarks/growth.py                     a table
python benchmarks/growth.py --picture FILE.svg  and a picture (needs nothing)
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.training import tall_problem, timed
from benchmarks.tutorial import descend
from tui_gd import Trainer

ROWS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
LANES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def epoch_times(rows: int, lanes: int, epochs: int) -> tuple[float, float]:
    """Return the seconds of an epoch here and in the tutorial's loop, medians of turns."""
    problem = tall_problem(rows, 3)
    y = problem.y_train.reshape(-1, 1).astype(np.int64)
    trainer = Trainer(problem, learning_rates=[1e-7] * lanes, test_losses=False)
    W = trainer.weights[0].reshape(-1, 1).copy()
    trainer.advance(epochs)
    ours, theirs = [], []
    for _ in range(7):
        ours.append(timed(lambda: trainer.advance(epochs)) / epochs)
        theirs.append(timed(lambda: descend(problem.x_train, y, W, 1e-7, epochs)) / epochs)
    return statistics.median(ours), statistics.median(theirs)


def lanes_sharing_bits() -> str:
    """Say how much of a lane's gradient keeps its bits when one product serves all lanes."""
    rng = np.random.default_rng(0)
    x, delta = rng.standard_normal((8192, 3)), rng.standard_normal((64, 8192))
    whole = delta @ x
    shares = [float((delta[:lanes] @ x == whole[:lanes]).mean()) for lanes in (1, 2, 4, 8, 16, 32)]
    return ", ".join(f"{share:.0%}" for share in shares)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, numpy {np.__version__}, 3 columns, sse")
    print("\n| rows | ms an epoch | x the tutorial's epochs/s |\n| --- | --- | --- |")
    by_rows = []
    for rows in ROWS:
        ours, theirs = epoch_times(rows, 1, max(1, 300_000 // rows))
        by_rows.append((rows, ours, theirs))
        print(f"| {rows:,} | {ours * 1e3:.4f} | {theirs / ours:.2f} |")
    print("\n| lanes, 500 rows | x one lane's time | x the tutorial's lane-epochs/s |")
    print("| --- | --- | --- |")
    one = 0.0
    for lanes in LANES:
        ours, theirs = epoch_times(500, lanes, max(4, 400 // lanes))
        one = one or ours
        print(f"| {lanes} | {ours / one:.1f} | {theirs * lanes / ours:.2f} |")
    print(
        "\nOne product for 64 lanes instead of one each: of the gradients of 1, 2, 4, 8, 16, 32 of"
    )
    print(f"32 of them by themselves, this share has the same bits: {lanes_sharing_bits()}")
    if options.picture:
        options.picture.write_text(picture(by_rows))


def picture(points: list[tuple[int, float, float]]) -> str:
    """Return both curves over the rows as SVG, both axes logarithmic."""
    width, height, edge = 640, 360, 60
    low, high = np.log10(points[0][0]), np.log10(points[-1][0])
    values = np.log10([value for point in points for value in point[1:]])
    bottom, top = np.floor(values.min()), np.ceil(values.max())

    def place(rows: float, value: float) -> tuple[float, float]:
        x = edge + (np.log10(rows) - low) / (high - low) * (width - 2 * edge)
        y = height - edge - (np.log10(value) - bottom) / (top - bottom) * (height - 2 * edge)
        return float(x), float(y)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for power in range(int(bottom), int(top) + 1):
        _, y = place(points[0][0], 10.0**power)
        parts.append(f'<path d="M{edge} {y:.1f}H{width - edge}" stroke="#dddddd"/>')
        parts.append(f'<text x="{edge - 6}" y="{y + 4:.1f}" text-anchor="end">1e{power} s</text>')
    for rows, *_ in points:
        x, _ = place(rows, 10.0**bottom)
        parts.append(
            f'<text x="{x:.1f}" y="{height - edge + 18}" text-anchor="middle">{rows:,}</text>'
        )
    for column, colour, name in ((1, "#1f5fc0", "gd-tui"), (2, "#c05a00", "the tutorial's loop")):
        line = " ".join("{:.1f},{:.1f}".format(*place(p[0], p[column])) for p in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{edge + 10}" y="{edge + 18 * column}" fill="{colour}">{name}</text>'
        )
    parts.append(f'<text x="{width / 2}" y="{height - 12}" text-anchor="middle">rows</text></svg>')
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
