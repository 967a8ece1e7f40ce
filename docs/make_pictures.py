"""Make `docs/pictures/*.png` of the running program: `python docs/make_pictures.py [NAME…]`.

Every picture is gd-tui itself in a pseudo-terminal, driven by the keys of the table below, so that
no picture can show what the program does not do.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.terminal.picture import FONT, write_png  # noqa: E402 (needs the path above)
from tests.terminal.session import Terminal  # noqa: E402
from tui_gd.runs.database import NAME  # noqa: E402
from tui_gd.runs.store import Store  # noqa: E402

STATUS = r"(RUNNING|PAUSED|FINISHED|DIVERGED)\s+epoch \d+/\d+"


@dataclass(frozen=True)
class Picture:
    """One picture: how gd-tui is started, what is pressed, and what must be seen after each key.

    `steps` are pairs of a key and a regular expression for the screen; a None key only waits.
    `before` are command lines of gd-tui that have been run by then; with `table` there is a
    `churn.csv`. Each picture has a directory and a run store of its own, which are thrown away.
    """

    name: str
    arguments: tuple[str, ...] = ()
    steps: tuple[tuple[str | None, str], ...] = ()
    columns: int = 120
    rows: int = 40
    env: dict[str, str] = field(default_factory=lambda: {"COLORTERM": "truecolor"})
    before: tuple[str, ...] = ()
    table: bool = False


RUN = ("space", r"FINISHED\s+epoch 100/100")

SEEING_WHY = (
    Picture(
        "lanes",
        ("-e", "60", "--seed", "6"),
        (
            (">", r"epoch 10/60"),
            (">", r"epoch 20/60"),
            ("B", r"Branch here"),
            *(("down", r"Branch here"),) * 6,
            ("enter", r"lane B of 2[^│]*adam"),
            ("up", r"lane A of 2"),
            ("B", r"Branch here"),
            ("enter", r"lane C of 3[^│]*cross-entropy"),
            ("space", r"FINISHED\s+epoch 60/60"),
            ("6", r"6 Lanes"),
            ("5", r"5 Landscape"),
        ),
    ),
    Picture(
        "race-rates",
        ("--seed", "8"),
        (("R", r"● train: best"),),
    ),
    Picture(
        "race-optimizers",
        ("-a", "0.1", "--seed", "3"),
        (
            ("O", r"7 optimizers, 100 epochs each from epoch 0 ─"),
            ("m", r"within 1 %"),
            ("up", r"▸ 7"),
            ("up", r"▸ 6"),
        ),
    ),
    Picture(
        "starts",
        ("--seed", "4"),
        (
            ("S", r"\d(/| of )256"),
            ("m", r"● at the bottom"),
            ("down", r"spread 5: [^│]*\d(/| of )256"),
            (None, r"cross-entropy[^│]*: \d+(/| of )256"),
        ),
    ),
    Picture(
        "basins",
        ("surface:himmelblau", "-a", "0.01", "-e", "200", "--seed", "2"),
        (("S", r"256 of 256"), ("m", r"no minimum\s+\d")),
    ),
    Picture(
        "landscape",
        (
            *("moons", "--hidden", "8", "--optimizer", "momentum", "-a", "0.1", "-e", "1000"),
            *("--loss", "cross-entropy", "--seed", "1"),
        ),
        (
            ("space", r"FINISHED\s+epoch 1000/1000"),
            ("5", r"5 Landscape"),
            ("m", r"(?s)5 Landscape(?!.*3 Report)"),
        ),
    ),
    Picture(
        "surface",
        (
            *("surface:rosenbrock", "--optimizer", "sgd,momentum,adam", "-a", "0.001"),
            *("-e", "3000", "--seed", "1"),
        ),
        (
            ("space", r"FINISHED\s+epoch 3000/3000"),
            ("5", r"Landscape"),
            ("m", r"5 Landscape.*\n(?!.*Report)"),
        ),
    ),
    Picture(
        "curvature",
        ("--surface", "x^2 + 10*y^2", "-a", "0.095", "-e", "40", "--seed", "3"),
        (("space", r"FINISHED\s+epoch 40/40"), ("7", r"95 % of the largest safe step")),
    ),
    Picture(
        "verdict",
        ("-e", "60", "--seed", "6"),
        (
            ("space", r"FINISHED\s+epoch 60/60"),
            ("5", r"5 Landscape"),
            ("7", r"rows without pull"),
        ),
    ),
    Picture(
        "curves",
        (
            *("moons", "--hidden", "8", "--batch-size", "25", "--optimizer", "sgd,momentum,adam"),
            *("-a", "0.1", "-e", "300", "--loss", "cross-entropy", "--seed", "1"),
        ),
        (
            ("f", r"flat out"),
            ("space", r"FINISHED\s+epoch 300/300"),
            ("1", r"1 Loss"),
            ("y", r"1 Loss"),
            ("Y", r"log\(epoch \+ 1\)"),
            ("s", r"smoothed over 5"),
            ("s", r"smoothed over 21"),
            ("m", r"smoothed over 21"),
            ("enter", r"epoch 300, smoothed"),
            *(("left", r"epoch \d+, smoothed"),) * 10,
        ),
    ),
    Picture(
        "changes",
        ("iris", "-e", "100", "--seed", "3"),
        (
            (">", r"epoch 10/100"),
            ("x", r"since epoch 10"),
            RUN,
            ("8", r"Changes, test rows ─+ epoch 10 → 100"),
        ),
    ),
    Picture(
        "units",
        (
            *("moons", "--hidden", "4", "--optimizer", "adam", "-a", "0.1", "-e", "600"),
            *("--loss", "cross-entropy", "--seed", "1"),
        ),
        (
            ("space", r"FINISHED\s+epoch 600/600"),
            ("9", r"9 Net"),
            ("m", r"unit"),
            ("down", r"unit 2"),
        ),
    ),
)

CHURN_COLUMNS = ("customer", "plan", "country", "months", "calls", "bill", "autopay", "churn")
CHURN = "run churn.csv --target churn --loss cross-entropy --standardize --stratify --seed 1"

OWN_DATA = (
    Picture(
        "target",
        ("churn.csv", "--standardize"),
        (
            (None, r"target: which column of churn\.csv"),
            ("home", r"▸  customer"),
            ("delete", r"▸\* customer +left out"),
            ("down", r"▸  plan"),
            ("down", r"▸  country"),
            ("right", r"country +number"),
            ("left", r"▸\*? +country +text"),
        ),
        table=True,
    ),
    Picture(
        "offers",
        ("typo.csv", "--target", "churn"),
        ((None, r"(?s)is not a number as most of the column is.*leave bill out"),),
        table=True,
    ),
    Picture(
        "columns",
        ("churn.csv", "--target", "churn", "--stratify"),
        (("D", r"columns: 8 "),),
        table=True,
    ),
    Picture(
        "runs",
        ("--seed", "3"),
        (
            ("L", r"loss of "),
            ("space", r"1 +[0-9a-f]{4} "),
            ("space", r"2 +[0-9a-f]{4} "),
        ),
        before=(
            "run moons --hidden 8 --optimizer adam -a 0.03 -e 1000 --seed 1",
            "run --seed 3 -a 0.001,0.01,0.1",
            f"{CHURN} -a 0.1 -e 200",
            f"{CHURN} --hidden 8 --optimizer adam -a 0.01 -e 200",
        ),
        table=True,
    ),
    Picture(
        "export",
        ("moons", "-e", "100", "--seed", "1"),
        (RUN, ("e", r"(?i)export"), *(("down", r"(?i)export"),) * 4),
    ),
)

PICTURES: tuple[Picture, ...] = (
    Picture("main", ("--seed", "3"), (RUN,)),
    Picture(
        "network",
        (
            "moons",
            "--hidden",
            "8,8",
            "--optimizer",
            "adam",
            "-a",
            "0.03",
            "-e",
            "800",
            "--seed",
            "1",
            "--loss",
            "cross-entropy",
        ),
        (("space", r"FINISHED\s+epoch 800/800"),),
        columns=160,
        rows=48,
    ),
    Picture("classes", ("iris", "-e", "100", "--seed", "3"), (RUN,)),
    Picture("regression", ("line", "-e", "100", "--seed", "3"), (RUN,)),
    Picture(
        "branch",
        ("-e", "100", "--seed", "2"),
        (
            (">", r"PAUSED\s+epoch 10/100"),
            ("b", r"lane B of 2"),
            ("+", r"α 0\.03"),
            RUN,
        ),
    ),
    Picture(
        "step",
        ("-e", "100", "--seed", "2"),
        ((".", r"PAUSED\s+epoch 1/100"), (".", r"PAUSED\s+epoch 2/100"), ("4", r"4 Step")),
    ),
    Picture("race", ("-a", "0.0003,0.001,0.003,0.01", "--seed", "2"), (RUN,)),
    Picture("small", ("--seed", "2"), (RUN,), columns=80, rows=24),
    Picture("stuck-small", ("--seed", "6"), (RUN,), columns=80, rows=24),
    Picture(
        "digits",
        ("digits", "-e", "60", "--seed", "1"),
        (("space", r"FINISHED\s+epoch 60/60"),),
    ),
    Picture("lesson", ("lesson", "tour"), ((None, r"Tour 1 of 7"),)),
    Picture(
        "settings",
        ("--seed", "3"),
        (
            RUN,
            (";", r"settings of this run"),
            *(("down", r"settings of this run"),) * 6,
            ("right", r"hidden +[0-9]"),
        ),
    ),
    Picture("help", (), (("?", r"(?i)one epoch forward"),)),
    *SEEING_WHY,
    *OWN_DATA,
    Picture("too-small", (), ((None, r"40\s*[x×]\s*12"),), columns=30, rows=8),
)

# pictures that are useful at 80x24 too
SMALL = (
    *("lanes", "race-rates", "starts", "landscape", "units", "digits"),
    *("columns", "runs", "lesson", "settings"),
)
PICTURES += tuple(
    replace(picture, name=f"{picture.name}-small", columns=80, rows=24)
    for picture in PICTURES
    if picture.name in SMALL
)

# one run in every kind of terminal: its caption, further options, and the variables of the terminal
LOOKS: tuple[tuple[str, tuple[str, ...], dict[str, str]], ...] = (
    ("dark, true colour", (), {"COLORTERM": "truecolor"}),
    ("light, true colour", ("--theme", "light"), {"COLORTERM": "truecolor"}),
    ("256 colours", (), {}),
    ("16 colours", (), {"TERM": "xterm-16color"}),
    ("NO_COLOR", (), {"NO_COLOR": "1"}),
    ("--ascii", ("--ascii",), {"COLORTERM": "truecolor"}),
)


def write_churn(path: Path, rows: int = 1200) -> None:
    """Write a table of customers who stayed or left: texts, numbers, yes or no, and holes."""
    rng = np.random.default_rng(5)
    plan = rng.choice(["monthly", "yearly", "two years"], rows, p=[0.55, 0.33, 0.12])
    country = rng.choice(
        ["AT", "DE", "CH", "FR", "LI", "SM"], rows, p=[0.3, 0.4, 0.2, 0.09, *[0.005] * 2]
    )
    months, calls = rng.integers(1, 73, rows), rng.poisson(1.5, rows)
    bill, autopay = rng.gamma(4, 18, rows), rng.random(rows) < 0.45
    score = 1.3 * (plan == "monthly") - 0.9 * (plan == "two years") - 0.5 * autopay
    score += 0.012 * bill + 0.55 * calls - 0.045 * months - 0.9
    left = rng.random(rows) < 1 / (1 + np.exp(-score))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CHURN_COLUMNS)
        for i in range(rows):
            row = [f"C{10000 + i}", plan[i], country[i], months[i], calls[i], f"{bill[i]:.2f}"]
            row[2] = "" if i % 97 == 5 else row[2]
            row[5] = "" if i % 41 == 7 else row[5]
            writer.writerow(
                [*row, "true" if autopay[i] else "false", "left" if left[i] else "stayed"]
            )


@contextlib.contextmanager
def _new_home() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield a new HOME and the variable for its run store; that exists, so no tour is offered."""
    with tempfile.TemporaryDirectory(prefix="picture-") as home:
        data = Path(home) / "data"
        Store(data / NAME, create=True).close()
        yield home, {"GD_TUI_DATA": str(data)}


def make(picture: Picture, path: Path, font: Path) -> None:
    """Drive gd-tui to what the picture shows and write it to `path`."""
    with _new_home() as (home, store):
        if picture.table:
            write_churn(Path(home) / "churn.csv")
            table = (Path(home) / "churn.csv").read_text()
            (Path(home) / "typo.csv").write_text(table.replace("169.03", "169.o3", 1))
        for words in picture.before:
            subprocess.run(
                [sys.executable, "-m", "tui_gd", *words.split()],
                cwd=home,
                env={**os.environ, "PYTHONPATH": str(ROOT), **store},
                capture_output=True,
                check=True,
            )
        _draw(picture, path, font, home, {**picture.env, **store})


def _draw(picture: Picture, path: Path, font: Path, home: str, env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tui_gd", *picture.arguments]
    columns, rows = picture.columns, picture.rows
    with Terminal(command, columns=columns, rows=rows, env=env, home=home) as terminal:
        if picture.steps[0][0] is not None:
            terminal.wait_for(STATUS)
        for key, seen in picture.steps:
            if key is not None:
                terminal.press(key)
            terminal.wait_for(seen)
        terminal.wait_until_quiet(1.0)
        write_png(terminal.cells(), path, font=font)
    _pack(path)


def _pack(path: Path) -> None:
    """Write a PNG again with at most 256 colours, a third of the bytes.

    Frequent colours stay as they are. A rare one becomes its nearest only if that is near: no
    colour of the screen is lost, and the edges of letters stay smooth.
    """
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    codes, places, counts = np.unique(
        pixels @ [65536, 256, 1], return_inverse=True, return_counts=True
    )
    colours = codes[:, None] // [65536, 256, 1] % 256
    kept, near = colours, 4.0
    while len(kept) > 256:
        kept, rest = kept[:0], colours[np.argsort(-counts)]
        while len(rest):
            kept = np.vstack([kept, rest[:1]])
            rest = rest[((rest - rest[0]) ** 2).sum(axis=1) > near**2]
        near *= 1.2
    nearest = ((colours[:, None] - kept) ** 2).sum(axis=2).argmin(axis=1)
    packed = Image.fromarray(nearest[places].reshape(pixels.shape[:2]).astype(np.uint8), "P")
    packed.putpalette(kept.astype(np.uint8).tobytes())
    packed.save(path, optimize=True)


def make_looks(path: Path, font: Path) -> None:
    """Write the screen of one run in the terminals of `LOOKS`, two beside each other."""
    title, gap = ImageFont.truetype(font, 18), 30
    sheet = None
    for number, (name, arguments, env) in enumerate(LOOKS):
        picture = Picture(name, ("--seed", "3", *arguments), (RUN,), columns=80, rows=24, env=env)
        make(picture, path, font)
        with Image.open(path) as image:
            screen = image.convert("RGB")
        width, height = screen.width + gap, screen.height + 2 * gap
        if sheet is None:
            sheet = Image.new("RGB", (2 * width, len(LOOKS) // 2 * height), (128, 128, 128))
        left, top = number % 2 * width, number // 2 * height
        words = ImageDraw.Draw(sheet)
        words.text((left + gap // 2, top + 1.3 * gap), name, "white", title, anchor="ls")
        sheet.paste(screen, (left + gap // 2, top + 3 * gap // 2))
    assert sheet
    sheet.save(path)
    _pack(path)


# what the moving picture shows: keys, and the seconds until the next
MOVIE = (
    *((".", 0.7),) * 3,
    (",", 0.9),
    ("5", 1.0),
    ("space", 2.4),
    ("y", 1.0),
    *(("<", 0.35),) * 6,
    ("b", 0.8),
    ("+", 0.8),
    ("space", 2.2),
    ("7", 1.8),
)
MOVIE_FRAME_SECONDS = 0.2


def make_movie(path: Path, font: Path) -> None:
    """Drive gd-tui by the keys of `MOVIE` and write what is seen as a GIF."""
    command = [sys.executable, "-m", "tui_gd", "--seed", "3"]
    env = {"COLORTERM": "truecolor"}
    frames = []
    with (
        _new_home() as (home, store),
        Terminal(command, columns=120, rows=40, env={**env, **store}, home=home) as terminal,
    ):
        terminal.wait_for(STATUS)
        terminal.wait_for("precision")
        for key, seconds in MOVIE:
            terminal.press(key)
            for _ in range(round(seconds / MOVIE_FRAME_SECONDS)):
                time.sleep(MOVIE_FRAME_SECONDS)
                frames.append(terminal.cells())
    pictures = []
    with tempfile.TemporaryDirectory() as folder:
        for number, cells in enumerate(frames):
            write_png(cells, Path(folder) / f"{number}.png", font=font)
            with Image.open(Path(folder) / f"{number}.png") as image:
                pictures.append(image.convert("P", palette=Image.Palette.ADAPTIVE, colors=160))
    first, *others = pictures
    duration = round(MOVIE_FRAME_SECONDS * 1000)
    first.save(path, save_all=True, append_images=others, duration=duration, loop=0, optimize=True)


def main() -> None:
    """Make the pictures that are named on the command line, or all."""
    known = {picture.name: picture for picture in PICTURES}
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of movie, looks, {', '.join(known)}"
    )
    parser.add_argument("--font", type=Path, default=FONT, help="a monospaced TrueType font")
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    if unknown := set(options.names) - {"movie", "looks", *known}:
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    options.into.mkdir(parents=True, exist_ok=True)
    for name in options.names or ["movie", "looks", *known]:
        path = options.into / (f"{name}.gif" if name == "movie" else f"{name}.png")
        if name == "movie":
            make_movie(path, options.font)
        elif name == "looks":
            make_looks(path, options.font)
        else:
            make(known[name], path, options.font)
        print(path, flush=True)


if __name__ == "__main__":
    main()
