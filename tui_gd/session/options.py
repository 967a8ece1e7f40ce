"""The options of a run: one typed field each, with its reader, help and scope.

Parser, help, share line, store and the settings page follow from the fields.
"""

from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any, TypeVar

from tui_gd.learning import ACTIVATIONS, LOSSES, OPTIMIZERS, STARTS
from tui_gd.session import readers
from tui_gd.session.readers import AUTO, LARGEST_SEED, LARGEST_WHOLE, MOST_LANES, Reader

T = TypeVar("T")
D = TypeVar("D")

STOPPING = "stop before the last epoch"
LARGER = "larger data"
MOST_WORKERS = 256
MACHINES = ("memory", "workers", "cluster")
"""The settings that say where rows in parts lie; a person may give at most one of them."""


class Scope(Enum):
    """The runs that an option suits."""

    ANY = "any run"
    ROWS = "rows of data, not a surface"
    MADE = "generated data"
    FILES = "data from files; a share line cannot hold it"
    LOCAL = "any run on this machine; a share line leaves it out"


@dataclass(frozen=True)
class Option:
    """One setting as people see it: on the command line, in help, in share lines, in the store.

    `usual` says in help what happens without the option. `example` appears in the message about a
    wrong value. `group` is the heading in help; the option `problem` is PROBLEM itself and has
    none. `steps` are the values that two keys step through in the interface; without them, the
    reader's kind decides.
    """

    reader: Reader[Any]
    default: Any
    group: str
    help: str
    metavar: str
    usual: str
    example: str
    short: str
    scope: Scope
    steps: tuple[Any, ...] = ()
    name: str = ""

    @property
    def flag(self) -> str:
        """The option as a person types it: `--batch-size`."""
        return flag_of(self.name)


def flag_of(name: str) -> str:
    """Return a setting as a person types it on the command line."""
    return f"--{name.replace('_', '-')}"


def option(  # noqa: PLR0913
    reader: Reader[T],
    default: D,
    group: str,
    help: str = "",  # noqa: A002
    *,
    metavar: str = "",
    usual: str | None = None,
    example: str = "",
    short: str = "",
    scope: Scope = Scope.ANY,
    steps: tuple[T | D, ...] = (),
) -> T | D:
    """Return a dataclass field that is an option: parser, help, share line and store follow it."""
    if usual is None:
        shown = default if isinstance(default, tuple) else (default,)
        nothing = default is None or default is False
        usual = "" if nothing else ",".join(map(str, shown))
    metavar = metavar or reader.metavar
    about = Option(reader, default, group, help, metavar, usual, example, short, scope, steps)
    made: T | D = field(default=default, metadata={"option": about})
    return made


def _of_files(
    reader: Reader[T],
    default: D,
    help: str,  # noqa: A002
    **more: Any,
) -> T | D:
    """Return an option for the reading of a file."""
    return option(reader, default, "reading a file", help, scope=Scope.FILES, **more)


def options_of(settings: "type[RunOptions] | RunOptions", *scopes: Scope) -> dict[str, Option]:
    """Return the options of settings by name, in their order; of all scopes if none is given."""
    options = {one.name: one.metadata["option"] for one in fields(settings)}
    return {
        name: replace(one, name=name)
        for name, one in options.items()
        if not scopes or one.scope in scopes
    }


@dataclass(frozen=True)
class RunOptions:
    """Everything that is needed to repeat a run from its start; a field is an option.

    `loss` None is the tutorial's `sse` for two classes, `cross-entropy` for more, `mse` for
    regression. `start` None is `normal`, with hidden layers `glorot`. Every learning rate in
    `alpha` descends with every one of `optimizer`, a lane each. `surface` is a formula in x and y
    to descend on, for the problem `surface`.
    """

    problem: str = option(
        readers.anything,
        "blobs",
        "",
        "a name (gd-tui problems) or a file: CSV, TSV, Parquet, Feather, JSON lines, .npz,"
        " .npy, svmlight; - is CSV on standard input",
        metavar="PROBLEM",
    )
    surface: str | None = option(
        readers.formula,
        None,
        "data",
        "in place of PROBLEM: a function to descend on, as 'x^2 + 3*y^2'",
    )
    epochs: int = option(
        readers.whole(1),
        100,
        "descent",
        "how many epochs to train",
        usual="100; 1000 on data other than blobs",
        example="100",
        short="-e",
    )
    alpha: tuple[float, ...] = option(
        readers.rates(MOST_LANES),
        (0.01,),
        "descent",
        "learning rate; several, comma-separated, make a race; auto: by the curvature",
        usual="0.01; auto on data other than blobs",
        example="0.01",
        short="-a",
    )
    optimizer: tuple[str, ...] = option(
        readers.several(readers.one_of(*OPTIMIZERS), 1, len(OPTIMIZERS)),
        ("sgd",),
        "descent",
        f"{', '.join(OPTIMIZERS)}; several make a race",
        usual="sgd; on data other than blobs nesterov, with hidden layers or batches adam",
        example="adam",
    )
    momentum: float | None = option(
        readers.number(0, 1, below=True),
        None,
        "descent",
        "of momentum and nesterov",
        usual="0.9",
        example="0.9",
        steps=(None, 0.5, 0.8, 0.9, 0.95, 0.99),
    )
    loss: str | None = option(
        readers.one_of(*LOSSES, AUTO),
        None,
        "descent",
        f"{', '.join(LOSSES)}; auto: cross-entropy for classes, mse for numbers",
        usual="sse on blobs, value on surfaces, else auto",
    )
    hidden: tuple[int, ...] = option(
        readers.hidden,
        (),
        "descent",
        "units of the hidden layers, as 8,8",
        usual="none",
        example="8,8",
        scope=Scope.ROWS,
        steps=((), (2,), (4,), (8,), (16,), (4, 4), (8, 8), (16, 16), (32, 32)),
    )
    activation: str = option(
        readers.one_of(*ACTIVATIONS),
        "tanh",
        "descent",
        f"of hidden layers: {', '.join(ACTIVATIONS)}",
        scope=Scope.ROWS,
    )
    batch_size: int = option(
        readers.whole(),
        0,
        "descent",
        "rows in an update; 0 is all",
        example="32",
        scope=Scope.ROWS,
        steps=(0, 1, 8, 16, 32, 64, 128, 256),
    )
    schedule: str = option(
        readers.schedule,
        "constant",
        "descent",
        "constant, step:EVERY:FACTOR, exponential:FACTOR, inverse:POWER, cosine, one-cycle;"
        " warmup:N+ before it",
        steps=("constant", "step:50:0.5", "exponential:0.99", "inverse:0.5", "cosine", "one-cycle"),
    )
    l1: float = option(
        readers.number(0),
        0.0,
        "descent",
        "penalty: X times the sum of |w|, biases left out",
        usual="0",
        example="0.01",
        scope=Scope.ROWS,
        steps=(0.0, 0.0001, 0.001, 0.01, 0.1, 1.0),
    )
    l2: float | str = option(
        readers.number_or_auto(0),
        0.0,
        "descent",
        "penalty: X times half the sum of w^2, biases left out; auto: above 0 where the columns"
        " say little about the target",
        usual="0; auto on data other than blobs",
        example="0.01",
        scope=Scope.ROWS,
        steps=(0.0, 0.0001, 0.001, 0.01, 0.1, 1.0),
    )
    target_loss: float | None = option(
        readers.number(),
        None,
        STOPPING,
        "when the training loss is at most X",
        example="0.1",
    )
    gradient_norm: float | None = option(
        readers.number(0),
        None,
        STOPPING,
        "when the norm of the gradient is at most X",
        example="1e-6",
    )
    patience: int | None = option(
        readers.whole(),
        None,
        STOPPING,
        "after N epochs without a lower validation loss, or test loss without such rows",
        example="10",
        scope=Scope.ROWS,
    )
    start: str | None = option(
        readers.one_of(*STARTS),
        None,
        "start",
        ", ".join(STARTS),
        usual="normal on blobs, drawn on surfaces, else mean",
    )
    seed: int = option(
        readers.whole(0, LARGEST_SEED),
        0,
        "start",
        "of start and batches",
        usual="drawn",
        example="1",
    )
    init: str | None = option(
        readers.anything,
        None,
        "start",
        "initial weights, shape (parameters,) or (lanes, parameters)",
        metavar="FILE.npy",
        scope=Scope.LOCAL,
    )
    dtype: str = option(
        readers.one_of("float64", "float32"), "float64", "descent", "float64 or float32"
    )
    target: str | None = option(
        readers.anything,
        None,
        "data",
        "of a table: the column to learn; of an X.npy: the file of its targets",
        metavar="COLUMN",
        scope=Scope.FILES,
    )
    drop: tuple[str, ...] = option(
        readers.columns,
        (),
        "data",
        "of a table: columns that are not read, as id,date",
        example="id,date",
        scope=Scope.FILES,
    )
    test: str | None = option(
        readers.anything,
        None,
        "data",
        "rows to test on, of the same columns; then none are split",
        metavar="FILE",
        scope=Scope.FILES,
    )
    stratify: bool = option(
        readers.boolean,
        False,
        "data",
        "split every class in the same proportion",
        scope=Scope.FILES,
    )
    class_weight: str | None = option(
        readers.text(400),
        None,
        "data",
        "count rare classes for more: balanced, or a weight for each as no:1,yes:20",
        metavar="HOW",
        example="balanced",
        scope=Scope.ROWS,
        steps=(None, "balanced"),
    )
    threshold: float = option(
        readers.hundredths(),
        0.5,
        "data",
        "of two classes, predict the second where its probability is above X",
        metavar="X",
        example="0.3",
        scope=Scope.ROWS,
    )
    task: str | None = option(
        readers.one_of("classification", "regression"),
        None,
        "data",
        "classification or regression",
        usual="by the target",
        scope=Scope.FILES,
    )
    test_size: float = option(
        readers.number(0, 1, above=True, below=True),
        0.5,
        "data",
        "share of test rows",
        example="0.5",
        scope=Scope.ROWS,
        steps=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    )
    validation_size: float | None = option(
        readers.part,
        None,
        "data",
        "share or number of the train rows that choose the best epoch",
        example="0.2",
        scope=Scope.ROWS,
        steps=(None, 0.1, 0.2, 0.3, 0.4, 0.5),
    )
    split_seed: int = option(
        readers.whole(0, LARGEST_SEED),
        42,
        "data",
        "of the split",
        example="42",
        scope=Scope.ROWS,
    )
    standardize: bool = option(
        readers.boolean,
        False,
        "data",
        "scale features to mean 0 and variance 1; on data other than blobs by default",
        scope=Scope.ROWS,
    )
    number: tuple[str, ...] = _of_files(
        readers.columns,
        (),
        "of a table: columns to read as numbers, without signs and units",
        example="price,area",
    )
    text: tuple[str, ...] = _of_files(
        readers.columns,
        (),
        "of a table: columns to read as text",
        example="zip",
    )
    dates: str = _of_files(
        readers.one_of("features", "drop", "refuse"),
        "features",
        "make features of them (year, month, weekday, days), drop or refuse them",
    )
    skip_missing_target: bool = _of_files(readers.boolean, False, "leave out rows without a target")
    sep: str | None = _of_files(
        readers.named,
        None,
        "what separates the fields of a text table: one character, tab or blanks",
        metavar="SIGN",
        usual="found in it",
        example="';'",
    )
    header: bool | None = _of_files(
        readers.boolean, None, "whether the first line of a text table names the columns"
    )
    decimal: str = _of_files(
        readers.one_of(".", ",", "point", "comma"),
        ".",
        "point or comma",
        metavar="SIGN",
        example="comma",
    )
    thousands: str | None = _of_files(
        readers.named,
        None,
        "between groups of three digits: comma, point, space or quote",
        metavar="SIGN",
        example="comma",
    )
    missing: tuple[str, ...] = _of_files(
        readers.several(readers.anything, 0, LARGEST_WHOLE),
        (),
        "texts that mean a missing value, beside NA, ? and others",
        metavar="TEXT,...",
        example="none,-99",
    )
    comment: str | None = _of_files(
        readers.named, None, "leave out lines that begin with TEXT", metavar="TEXT", example="'#'"
    )
    skip_rows: int = _of_files(
        readers.whole(0, 1000),
        0,
        "leave out the first N lines",
        example="1",
    )
    skip_footer: int = _of_files(
        readers.whole(0, 1000),
        0,
        "leave out the last N lines that are not empty",
        example="1",
    )
    encoding: str | None = _of_files(
        readers.named, None, "of a text, as latin-1", usual="utf-8", example="latin-1"
    )
    memory: int | None = option(
        readers.size(),
        None,
        LARGER,
        "stay below this: rows are read in parts, and kept on disk in binary form",
        usual="all rows are held",
        example="2GB",
        scope=Scope.FILES,
    )
    workers: int | None = option(
        readers.whole(1, MOST_WORKERS),
        None,
        LARGER,
        "number of processes on this machine that hold the rows and compute (extra cluster)",
        usual="threads of this process",
        example="4",
        scope=Scope.FILES,
    )
    cluster: str | None = option(
        readers.named,
        None,
        LARGER,
        "the workers of a Dask cluster hold the rows and compute, as tcp://host:8786",
        metavar="ADDRESS",
        example="tcp://host:8786",
        scope=Scope.FILES,
    )
    samples: int | None = option(
        readers.whole(),
        None,
        "data",
        "number of rows generated",
        example="1000",
        scope=Scope.MADE,
    )
    noise: float | None = option(
        readers.number(0),
        None,
        "data",
        "of generated data",
        example="0.2",
        scope=Scope.MADE,
        steps=(None, 0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0),
    )
    data_seed: int | None = option(
        readers.whole(0, LARGEST_SEED),
        None,
        "data",
        "of generated data",
        example="1",
        scope=Scope.MADE,
    )
    classes: int | None = option(
        readers.whole(),
        None,
        "data",
        "number of classes generated",
        example="3",
        scope=Scope.MADE,
    )
