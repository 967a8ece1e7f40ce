"""The options of a run on the command line, and how their texts are read."""

import argparse
import math
import secrets
from collections.abc import Callable

from tui_gd.learning.names import ACTIVATIONS, LOSSES, OPTIMIZERS, STARTS


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add PROBLEM and everything that says how it is learned."""
    parser.add_argument(
        "problem",
        nargs="?",
        metavar="PROBLEM",
        help="a name (gd-tui problems) or a file: CSV, TSV, Parquet, Feather, JSON lines, .npz,"
        " .npy, svmlight; - is CSV on standard input (blobs)",
    )
    parser.add_argument(
        "--surface",
        metavar="FORMULA",
        help="in place of PROBLEM: a function to descend on, as 'x^2 + 3*y^2'",
    )
    run = parser.add_argument_group("descent")
    run.add_argument("-e", "--epochs", type=epochs_count, default=100, metavar="N", help="(100)")
    run.add_argument(
        "-a",
        "--alpha",
        type=_alphas,
        default=(0.01,),
        metavar="X",
        help="learning rate; several, comma-separated, make a race (0.01)",
    )
    run.add_argument(
        "--optimizer",
        type=_listed(OPTIMIZERS, "--optimizer adam"),
        default=("sgd",),
        metavar="NAME",
        help=f"{', '.join(OPTIMIZERS)}; several make a race (sgd)",
    )
    run.add_argument(
        "--momentum", type=_number_in(0, 1, "--momentum 0.9"), metavar="X", help="(0.9)"
    )
    run.add_argument(
        "--loss",
        choices=LOSSES,
        metavar="NAME",
        help=f"{', '.join(LOSSES)} (sse; more classes: cross-entropy; regression: mse;"
        " surfaces: value)",
    )
    run.add_argument(
        "--hidden",
        type=_layers,
        default=(),
        metavar="N,N",
        help="units of the hidden layers, as 8,8 (none)",
    )
    run.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        default="tanh",
        metavar="NAME",
        help=f"of hidden layers: {', '.join(ACTIVATIONS)} (tanh)",
    )
    run.add_argument(
        "--batch-size",
        type=_whole("--batch-size 32"),
        default=0,
        metavar="N",
        help="rows in an update; 0 is all (0)",
    )
    run.add_argument(
        "--schedule",
        default="constant",
        metavar="NAME",
        help="constant, step:EVERY:FACTOR, exponential:FACTOR, inverse:POWER, cosine, one-cycle;"
        " warmup:N+ before it (constant)",
    )
    for name, text in (("l1", "the sum of |w|"), ("l2", "half the sum of w^2")):
        run.add_argument(
            f"--{name}",
            type=_number_in(0, math.inf, f"--{name} 0.01"),
            default=0.0,
            metavar="X",
            help=f"penalty: X times {text}, biases left out (0)",
        )
    start = parser.add_argument_group("start")
    start.add_argument(
        "--start",
        choices=STARTS,
        metavar="NAME",
        help=f"{', '.join(STARTS)} (normal; with hidden layers glorot; on surfaces drawn)",
    )
    start.add_argument(
        "--seed", type=_whole("--seed 1"), metavar="N", help="of start and batches (drawn)"
    )
    start.add_argument(
        "--init",
        metavar="FILE.npy",
        help="initial weights, shape (parameters,) or (lanes, parameters)",
    )
    stop = parser.add_argument_group("stop before the last epoch")
    stop.add_argument(
        "--target-loss", type=_number_in(-math.inf, math.inf, "--target-loss 0.1"), metavar="X"
    )
    stop.add_argument(
        "--gradient-norm", type=_number_in(0, math.inf, "--gradient-norm 1e-6"), metavar="X"
    )
    stop.add_argument(
        "--patience",
        type=_whole("--patience 10"),
        metavar="N",
        help="epochs without a lower test loss",
    )
    data = parser.add_argument_group("data")
    add_data_options(data)
    data.add_argument("--samples", type=_whole("--samples 1000"), metavar="N", help="rows made")
    data.add_argument(
        "--noise", type=_number_in(0, math.inf, "--noise 0.2"), metavar="X", help="of data made"
    )
    data.add_argument("--data-seed", type=_whole("--data-seed 1"), metavar="N", help="of data made")
    data.add_argument(
        "--classes", type=_whole("--classes 3"), metavar="N", help="number of classes made"
    )
    data.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        default="float64",
        metavar="NAME",
        help="float64 or float32 (float64)",
    )


def add_data_options(data: argparse._ArgumentGroup) -> None:
    """Add what says how data are taken from a file and split."""
    data.add_argument(
        "--target",
        metavar="COLUMN",
        help="of a table: the column to learn; of an X.npy: the file of its targets",
    )
    data.add_argument(
        "--drop",
        type=_columns,
        default=(),
        metavar="COLUMNS",
        help="of a table: columns that are not read, as id,date",
    )
    data.add_argument(
        "--test", metavar="FILE", help="rows to test on, of the same columns; then none are split"
    )
    data.add_argument(
        "--test-size", type=_share, default=0.5, metavar="X", help="share of test rows (0.5)"
    )
    data.add_argument(
        "--split-seed",
        type=_whole("--split-seed 42"),
        default=42,
        metavar="N",
        help="of the split (42)",
    )
    data.add_argument(
        "--stratify", action="store_true", help="split every class in the same proportion"
    )
    data.add_argument(
        "--task",
        choices=("classification", "regression"),
        metavar="NAME",
        help="classification or regression (told by the target)",
    )
    data.add_argument(
        "--standardize", action="store_true", help="features to mean 0 and variance 1"
    )


def drawn_seed() -> int:
    """Return a seed for a run that names none; it is shown, so that the run can be repeated."""
    return secrets.randbits(32)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def epochs_count(text: str) -> int:
    """Read a number of epochs."""
    number = _number(text)
    if not (number >= 1 and number.is_integer() and number < 2**53):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number; try -e 100")
    return int(number)


def _alphas(text: str) -> tuple[float, ...]:
    numbers = tuple(_number(part) for part in text.split(","))
    if not all(0 < number < math.inf for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number; try -a 0.01")
    return numbers


def _columns(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of columns; try --drop id,date")
    return names


def _share(text: str) -> float:
    number = _number(text)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1; try --test-size 0.5")
    return number


def frames(text: str) -> float:
    """Read frames a second."""
    number = _number(text)
    if not 0 < number <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 60; try --fps 15")
    return number


def _whole(example: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isdecimal() and text.isascii() and len(text) < 16):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from 0; try {example}"
            )
        return int(text)

    return read


def _number_in(low: float, high: float, example: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        number = _number(text)
        if not (low <= number <= high and math.isfinite(number)):
            kind = "a number" if math.isinf(low) else f"a number from {low:g}"
            limit = "" if math.isinf(high) else f" to {high:g}"
            raise argparse.ArgumentTypeError(f"{text!r} is not {kind}{limit}; try {example}")
        return number

    return read


def _layers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() and part.isascii() and 0 < int(part) <= 10_000 for part in parts):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of whole numbers from 1 to 10000; try --hidden 8,8"
        )
    return tuple(map(int, parts))


def _listed(known: tuple[str, ...], example: str) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"{name!r} is none of {', '.join(known)}; try {example}"
                )
        return names

    return read
