"""Make `docs/pictures/*.png` of the running program: `python docs/make_pictures.py [NAME…]`.

Every picture is gd-tui itself in a pseudo-terminal, driven by the keys of the table below, so that
no picture can show what the program does not do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.terminal.picture import FONT, write_png  # noqa: E402 (needs the path above)
from tests.terminal.session import Terminal  # noqa: E402

STATUS = r"(RUNNING|PAUSED|FINISHED|DIVERGED)\s+epoch \d+/\d+"


@dataclass(frozen=True)
class Picture:
    """One picture: how gd-tui is started, what is pressed, and what must be seen after each key.

    `steps` are pairs of a key and a regular expression for the screen; a None key only waits.
    """

    name: str
    arguments: tuple[str, ...] = ()
    steps: tuple[tuple[str | None, str], ...] = ()
    columns: int = 120
    rows: int = 40
    env: dict[str, str] = field(default_factory=lambda: {"COLORTERM": "truecolor"})


RUN = ("space", r"FINISHED\s+epoch 100/100")

PICTURES = (
    Picture("main", ("--seed", "3"), (RUN, ("y", r"FINISHED"))),
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
    Picture("classes", ("iris", "--standardize", "-a", "0.5", "--seed", "3"), (RUN,)),
    Picture("regression", ("line", "--seed", "3"), (RUN,)),
    Picture(
        "branch",
        ("-e", "100", "--seed", "2"),
        (
            (">", r"PAUSED\s+epoch 10/100"),
            ("b", r"lane B of 2"),
            ("y", r"lane B of 2"),
            ("+", r"α 0\.03"),
            RUN,
        ),
    ),
    Picture(
        "step",
        ("-e", "100", "--seed", "2"),
        ((".", r"PAUSED\s+epoch 1/100"), (".", r"PAUSED\s+epoch 2/100"), ("4", r"▸ step")),
    ),
    Picture("race", ("-a", "0.0003,0.001,0.003,0.01", "--seed", "2"), (RUN, ("y", "FINISHED"))),
    Picture("small", ("--seed", "2"), (RUN,), columns=80, rows=24),
    Picture("help", (), (("?", r"(?i)one epoch forward"),)),
    Picture("256-colours", ("--seed", "2"), (RUN,), env={}),
    Picture("16-colours", ("--seed", "2"), (RUN,), env={"TERM": "linux"}),
    Picture("no-colour", ("--seed", "2"), (RUN,), env={"NO_COLOR": "1"}),
    Picture("too-small", (), ((None, r"40\s*[x×]\s*12"),), columns=30, rows=8),
)


def make(picture: Picture, path: Path, font: Path) -> None:
    """Drive gd-tui to what the picture shows and write it to `path`."""
    command = [sys.executable, "-m", "tui_gd", *picture.arguments]
    with Terminal(command, columns=picture.columns, rows=picture.rows, env=picture.env) as terminal:
        if all(key is not None for key, _ in picture.steps):
            terminal.wait_for(STATUS)
        for key, seen in picture.steps:
            if key is not None:
                terminal.press(key)
            terminal.wait_for(seen)
        terminal.wait_until_quiet(1.0)
        write_png(terminal.cells(), path, font=font)


# what the moving picture shows: keys, and the seconds until the next
MOVIE = (
    *((".", 0.7),) * 3,
    (",", 0.9),
    ("space", 2.4),
    ("y", 1.0),
    *(("<", 0.35),) * 6,
    ("b", 0.8),
    ("+", 0.8),
    ("space", 2.2),
    ("up", 1.2),
)
MOVIE_FRAME_SECONDS = 0.2


def make_movie(path: Path, font: Path) -> None:
    """Drive gd-tui by the keys of `MOVIE` and write what is seen as a GIF."""
    command = [sys.executable, "-m", "tui_gd", "--seed", "3"]
    env = {"COLORTERM": "truecolor"}
    frames = []
    with Terminal(command, columns=120, rows=40, env=env) as terminal:
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
                pictures.append(image.convert("P", palette=Image.Palette.ADAPTIVE, colors=48))
    first, *others = pictures
    duration = round(MOVIE_FRAME_SECONDS * 1000)
    first.save(path, save_all=True, append_images=others, duration=duration, loop=0, optimize=True)


def main() -> None:
    """Make the pictures that are named on the command line, or all."""
    known = {picture.name: picture for picture in PICTURES}
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of movie, {', '.join(known)}")
    parser.add_argument("--font", type=Path, default=FONT, help="a monospaced TrueType font")
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    if unknown := set(options.names) - {"movie", *known}:
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    options.into.mkdir(parents=True, exist_ok=True)
    for name in options.names or ["movie", *known]:
        path = options.into / (f"{name}.gif" if name == "movie" else f"{name}.png")
        if name == "movie":
            make_movie(path, options.font)
        else:
            make(known[name], path, options.font)
        print(path)


if __name__ == "__main__":
    main()
