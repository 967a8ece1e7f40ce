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


@dataclass(frozen=True)
class Group:
    """A heading of the help and the scope of its options; calling it makes one of them."""

    heading: str
    scope: Scope = Scope.ANY

    def __call__(  # noqa: PLR0913
        self,
        reader: Reader[T],
        default: D,
        help: str,  # noqa: A002
        *,
        metavar: str = "",
        usual: str | None = None,
        example: str = "",
        short: str = "",
        steps: tuple[T | D, ...] = (),
        scope: Scope | None = None,
    ) -> T | D:
        """Return an option's dataclass field: parser, help, share line and store follow it."""
        if usual is None:
            shown = default if isinstance(default, tuple) else (default,)
            nothing = default is None or default is False
            usual = "" if nothing else ",".join(map(str, shown))
        about = Option(
            reader,
            default,
            self.heading,
            help,
            metavar or reader.metavar,
            usual,
            example,
            short,
            scope or self.scope,
            steps,
        )
        made: T | D = field(default=default, metadata={"option": about})
        return made


_DESCENT, _MODEL = Group("descent"), Group("descent", Scope.ROWS)
_STOPPING, _START = Group(STOPPING), Group("start")
_ROWS, _TABLE = Group("data", Scope.ROWS), Group("data", Scope.FILES)
_GENERATED = Group("data", Scope.MADE)
_READING = Group("reading a file", Scope.FILES)
_LARGER = Group("larger data", Scope.FILES)


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

    problem: str = Group("")(
        readers.anything,
        "blobs",
        "a name (gd-tui problems) or a file: CSV, TSV, Parquet, Feather, JSON lines, .npz,"
        " .npy, svmlight; - is CSV on standard input",
        metavar="PROBLEM",
    )
    surface: str | None = Group("data")(
        readers.formula, None, "in place of PROBLEM: a function to descend on, as 'x^2 + 3*y^2'"
    )
    epochs: int = _DESCENT(
        readers.whole(1),
        100,
        "how many epochs to train",
        usual="100; 1000 on data other than blobs",
        example="100",
        short="-e",
    )
    alpha: tuple[float, ...] = _DESCENT(
        readers.rates(MOST_LANES),
        (0.01,),
        "learning rate; several, comma-separated, make a race; auto: by the curvature",
        usual="0.01; auto on data other than blobs",
        example="0.01",
        short="-a",
    )
    optimizer: tuple[str, ...] = _DESCENT(
        readers.several(readers.one_of(*OPTIMIZERS), 1, len(OPTIMIZERS)),
        ("sgd",),
        f"{', '.join(OPTIMIZERS)}; several make a race",
        usual="sgd; on data other than blobs nesterov, with hidden layers or batches adam",
        example="adam",
    )
    momentum: float | None = _DESCENT(
        readers.number(0, 1, below=True),
        None,
        "of momentum and nesterov",
        usual="0.9",
        example="0.9",
        steps=(None, 0.5, 0.8, 0.9, 0.95, 0.99),
    )
    loss: str | None = _DESCENT(
        readers.one_of(*LOSSES, AUTO),
        None,
        f"{', '.join(LOSSES)}; auto: cross-entropy for classes, mse for numbers",
        usual="sse on blobs, value on surfaces, else auto",
    )
    hidden: tuple[int, ...] = _MODEL(
        readers.hidden,
        (),
        "units of the hidden layers, as 8,8",
        usual="none",
        example="8,8",
        steps=((), (2,), (4,), (8,), (16,), (4, 4), (8, 8), (16, 16), (32, 32)),
    )
    activation: str = _MODEL(
        readers.one_of(*ACTIVATIONS), "tanh", f"of hidden layers: {', '.join(ACTIVATIONS)}"
    )
    batch_size: int = _MODEL(
        readers.whole(),
        0,
        "rows in an update; 0 is all",
        example="32",
        steps=(0, 1, 8, 16, 32, 64, 128, 256),
    )
    schedule: str = _DESCENT(
        readers.schedule,
        "constant",
        "constant, step:EVERY:FACTOR, exponential:FACTOR, inverse:POWER, cosine, one-cycle;"
        " warmup:N+ before it",
        steps=("constant", "step:50:0.5", "exponential:0.99", "inverse:0.5", "cosine", "one-cycle"),
    )
    l1: float = _MODEL(
        readers.number(0),
        0.0,
        "penalty: X times the sum of |w|, biases left out",
        usual="0",
        example="0.01",
        steps=(0.0, 0.0001, 0.001, 0.01, 0.1, 1.0),
    )
    l2: float | str = _MODEL(
        readers.number_or_auto(0),
        0.0,
        "penalty: X times half the sum of w^2, biases left out; auto: above 0 where the columns"
        " say little about the target",
        usual="0; auto on data other than blobs",
        example="0.01",
        steps=(0.0, 0.0001, 0.001, 0.01, 0.1, 1.0),
    )
    target_loss: float | None = _STOPPING(
        readers.number(), None, "when the training loss is at most X", example="0.1"
    )
    gradient_norm: float | None = _STOPPING(
        readers.number(0), None, "when the norm of the gradient is at most X", example="1e-6"
    )
    patience: int | None = _STOPPING(
        readers.whole(),
        None,
        "after N epochs without a lower validation loss, or test loss without such rows",
        example="10",
        scope=Scope.ROWS,
    )
    start: str | None = _START(
        readers.one_of(*STARTS),
        None,
        ", ".join(STARTS),
        usual="normal on blobs, drawn on surfaces, else mean",
    )
    seed: int = _START(
        readers.whole(0, LARGEST_SEED), 0, "of start and batches", usual="drawn", example="1"
    )
    init: str | None = _START(
        readers.anything,
        None,
        "initial weights, shape (parameters,) or (lanes, parameters)",
        metavar="FILE.npy",
        scope=Scope.LOCAL,
    )
    dtype: str = _DESCENT(readers.one_of("float64", "float32"), "float64", "float64 or float32")
    target: str | None = _TABLE(
        readers.anything,
        None,
        "of a table: the column to learn; of an X.npy: the file of its targets",
        metavar="COLUMN",
    )
    drop: tuple[str, ...] = _TABLE(
        readers.columns, (), "of a table: columns that are not read, as id,date", example="id,date"
    )
    test: str | None = _TABLE(
        readers.anything,
        None,
        "rows to test on, of the same columns; then none are split",
        metavar="FILE",
    )
    stratify: bool = _TABLE(readers.boolean, False, "split every class in the same proportion")
    class_weight: str | None = _ROWS(
        readers.text(400),
        None,
        "count rare classes for more: balanced, or a weight for each as no:1,yes:20",
        metavar="HOW",
        example="balanced",
        steps=(None, "balanced"),
    )
    threshold: float = _ROWS(
        readers.hundredths(),
        0.5,
        "of two classes, predict the second where its probability is above X",
        metavar="X",
        example="0.3",
    )
    task: str | None = _TABLE(
        readers.one_of("classification", "regression"),
        None,
        "classification or regression",
        usual="by the target",
    )
    test_size: float = _ROWS(
        readers.number(0, 1, above=True, below=True),
        0.5,
        "share of test rows",
        example="0.5",
        steps=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    )
    validation_size: float | None = _ROWS(
        readers.part,
        None,
        "share or number of the train rows that choose the best epoch",
        example="0.2",
        steps=(None, 0.1, 0.2, 0.3, 0.4, 0.5),
    )
    split_seed: int = _ROWS(readers.whole(0, LARGEST_SEED), 42, "of the split", example="42")
    standardize: bool = _ROWS(
        readers.boolean,
        False,
        "scale features to mean 0 and variance 1; on data other than blobs by default",
    )
    number: tuple[str, ...] = _READING(
        readers.columns,
        (),
        "of a table: columns to read as numbers, without signs and units",
        example="price,area",
    )
    text: tuple[str, ...] = _READING(
        readers.columns, (), "of a table: columns to read as text", example="zip"
    )
    dates: str = _READING(
        readers.one_of("features", "drop", "refuse"),
        "features",
        "make features of them (year, month, weekday, days), drop or refuse them",
    )
    skip_missing_target: bool = _READING(readers.boolean, False, "leave out rows without a target")
    sep: str | None = _READING(
        readers.named,
        None,
        "what separates the fields of a text table: one character, tab or blanks",
        metavar="SIGN",
        usual="found in it",
        example="';'",
    )
    header: bool | None = _READING(
        readers.boolean, None, "whether the first line of a text table names the columns"
    )
    decimal: str = _READING(
        readers.one_of(".", ",", "point", "comma"),
        ".",
        "point or comma",
        metavar="SIGN",
        example="comma",
    )
    thousands: str | None = _READING(
        readers.named,
        None,
        "between groups of three digits: comma, point, space or quote",
        metavar="SIGN",
        example="comma",
    )
    missing: tuple[str, ...] = _READING(
        readers.several(readers.anything, 0, LARGEST_WHOLE),
        (),
        "texts that mean a missing value, beside NA, ? and others",
        metavar="TEXT,...",
        example="none,-99",
    )
    comment: str | None = _READING(
        readers.named, None, "leave out lines that begin with TEXT", metavar="TEXT", example="'#'"
    )
    skip_rows: int = _READING(readers.whole(0, 1000), 0, "leave out the first N lines", example="1")
    skip_footer: int = _READING(
        readers.whole(0, 1000), 0, "leave out the last N lines that are not empty", example="1"
    )
    encoding: str | None = _READING(
        readers.named, None, "of a text, as latin-1", usual="utf-8", example="latin-1"
    )
    memory: int | None = _LARGER(
        readers.size(),
        None,
        "stay below this: rows are read in parts, and kept on disk in binary form",
        usual="all rows are held",
        example="2GB",
    )
    workers: int | None = _LARGER(
        readers.whole(1, MOST_WORKERS),
        None,
        "number of processes on this machine that hold the rows and compute (extra cluster)",
        usual="threads of this process",
        example="4",
    )
    cluster: str | None = _LARGER(
        readers.named,
        None,
        "the workers of a Dask cluster hold the rows and compute, as tcp://host:8786",
        metavar="ADDRESS",
        example="tcp://host:8786",
    )
    samples: int | None = _GENERATED(
        readers.whole(), None, "number of rows generated", example="1000"
    )
    noise: float | None = _GENERATED(
        readers.number(0),
        None,
        "of generated data",
        example="0.2",
        steps=(None, 0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0),
    )
    data_seed: int | None = _GENERATED(
        readers.whole(0, LARGEST_SEED), None, "of generated data", example="1"
    )
    classes: int | None = _GENERATED(
        readers.whole(), None, "number of classes generated", example="3"
    )
