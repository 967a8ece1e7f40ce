"""The settings that begin a run, as the command line states them.

The parts of a run are imported when they are made, so the first frame does not wait for them.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tui_gd.errors import ProblemError
from tui_gd.learning import ACTIVATIONS, LOSSES, OPTIMIZERS, STARTS
from tui_gd.session import readers
from tui_gd.session.readers import AUTO, LARGEST_SEED, LARGEST_WHOLE, MOST_LANES, Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_gd.learning.models import Floats
    from tui_gd.problems import Problem
    from tui_gd.problems.machines import Machines
    from tui_gd.problems.reading import Reading
    from tui_gd.problems.sources import Progress
    from tui_gd.problems.split import Preparation
    from tui_gd.training.trainer import Trainer

T = TypeVar("T")
D = TypeVar("D")

TUTORIAL = "blobs"
STOPPING = "stop before the last epoch"
DECIDING = ("problem", "surface", "hidden", "batch_size")
"""The settings that decide the defaults of others."""
LARGER = "larger data"
MOST_WORKERS = 256
MACHINES = ("memory", "workers", "cluster")
"""The settings that say where rows in parts lie; a person may give at most one of them."""
# how many learning rates race over how many decades: for one optimizer, and for each of several
RATES, DECADES = 64, 3.0
RATES_EACH, DECADES_EACH = 16, 4.0
LARGEST_START = 100_000_000
_USUAL_LOSS = {
    "binary": "sse",
    "multiclass": "cross-entropy",
    "regression": "mse",
    "surface": "value",
}


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
    metavar: str = "NAME",
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
        usual = "" if nothing else ",".join(map(str, shown)) or "none"
    about = Option(reader, default, group, help, metavar, usual, example, short, scope, steps)
    made: T | D = field(default=default, metadata={"option": about})
    return made


def _of_files(
    reader: Reader[T],
    default: D,
    help: str,  # noqa: A002
    *,
    metavar: str = "NAME",
    usual: str | None = None,
    example: str = "",
) -> T | D:
    """Return an option for the reading of a file."""
    return option(
        reader,
        default,
        "reading a file",
        help,
        metavar=metavar,
        usual=usual,
        example=example,
        scope=Scope.FILES,
    )


def options_of(settings: "type[RunSettings] | RunSettings", *scopes: Scope) -> dict[str, Option]:
    """Return the options of settings by name, in their order; of all scopes if none is given."""
    options = {one.name: one.metadata["option"] for one in fields(settings)}
    return {
        name: replace(one, name=name)
        for name, one in options.items()
        if not scopes or one.scope in scopes
    }


@dataclass(frozen=True)
class RunSettings:
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
        metavar="FORMULA",
    )
    epochs: int = option(
        readers.whole(1),
        100,
        "descent",
        "how many epochs to train",
        metavar="N",
        usual="100; 1000 on data other than blobs",
        example="100",
        short="-e",
    )
    alpha: tuple[float, ...] = option(
        readers.rates(MOST_LANES),
        (0.01,),
        "descent",
        "learning rate; several, comma-separated, make a race; auto: by the curvature",
        metavar="X",
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
        metavar="X",
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
        metavar="N,N",
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
        metavar="N",
        usual="0",
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
        metavar="X",
        usual="0",
        example="0.01",
        scope=Scope.ROWS,
        steps=(0.0, 0.0001, 0.001, 0.01, 0.1, 1.0),
    )
    l2: float = option(
        readers.number(0),
        0.0,
        "descent",
        "penalty: X times half the sum of w^2, biases left out",
        metavar="X",
        usual="0",
        example="0.01",
        scope=Scope.ROWS,
        steps=(0.0, 0.0001, 0.001, 0.01, 0.1, 1.0),
    )
    target_loss: float | None = option(
        readers.number(),
        None,
        STOPPING,
        "when the training loss is at most X",
        metavar="X",
        example="0.1",
    )
    gradient_norm: float | None = option(
        readers.number(0),
        None,
        STOPPING,
        "when the norm of the gradient is at most X",
        metavar="X",
        example="1e-6",
    )
    patience: int | None = option(
        readers.whole(),
        None,
        STOPPING,
        "after N epochs without a lower validation loss, or test loss without such rows",
        metavar="N",
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
        metavar="N",
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
        readers.several(readers.named, 0, LARGEST_WHOLE),
        (),
        "data",
        "of a table: columns that are not read, as id,date",
        metavar="COLUMNS",
        usual="",
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
        metavar="X",
        example="0.5",
        scope=Scope.ROWS,
        steps=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    )
    validation_size: float | None = option(
        readers.part,
        None,
        "data",
        "share or number of the train rows that choose the best epoch",
        metavar="X",
        example="0.2",
        scope=Scope.ROWS,
        steps=(None, 0.1, 0.2, 0.3, 0.4, 0.5),
    )
    split_seed: int = option(
        readers.whole(0, LARGEST_SEED),
        42,
        "data",
        "of the split",
        metavar="N",
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
        readers.several(readers.named, 0, LARGEST_WHOLE),
        (),
        "of a table: columns to read as numbers, without signs and units",
        metavar="COLUMNS",
        usual="",
        example="price,area",
    )
    text: tuple[str, ...] = _of_files(
        readers.several(readers.named, 0, LARGEST_WHOLE),
        (),
        "of a table: columns to read as text",
        metavar="COLUMNS",
        usual="",
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
        usual="",
        example="none,-99",
    )
    comment: str | None = _of_files(
        readers.named, None, "leave out lines that begin with TEXT", metavar="TEXT", example="'#'"
    )
    skip_rows: int = _of_files(
        readers.whole(0, 1000),
        0,
        "leave out the first N lines",
        metavar="N",
        usual="0",
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
        metavar="SIZE",
        usual="all rows are held",
        example="2GB",
        scope=Scope.FILES,
    )
    workers: int | None = option(
        readers.whole(1, MOST_WORKERS),
        None,
        LARGER,
        "number of processes on this machine that hold the rows and compute (extra cluster)",
        metavar="N",
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
        metavar="N",
        example="1000",
        scope=Scope.MADE,
    )
    noise: float | None = option(
        readers.number(0),
        None,
        "data",
        "of generated data",
        metavar="X",
        example="0.2",
        scope=Scope.MADE,
        steps=(None, 0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0),
    )
    data_seed: int | None = option(
        readers.whole(0, LARGEST_SEED),
        None,
        "data",
        "of generated data",
        metavar="N",
        example="1",
        scope=Scope.MADE,
    )
    classes: int | None = option(
        readers.whole(),
        None,
        "data",
        "number of classes generated",
        metavar="N",
        example="3",
        scope=Scope.MADE,
    )

    @property
    def data(self) -> tuple[object, ...]:
        """What the problem is made from: equal if two settings have the same problem."""
        options = options_of(self)
        return tuple(
            getattr(self, name)
            for name, one in options.items()
            if one.group in {"", "data"} or one.scope is Scope.FILES
        )

    @property
    def usual(self) -> "RunSettings":
        """The defaults for this problem and model."""
        return type(self).chosen({name: getattr(self, name) for name in DECIDING})

    def changed(self, changes: dict[str, Any], fresh: Collection[str] = ()) -> "RunSettings":
        """Return the settings with `changes`; a default, or one in `fresh`, is chosen anew.

        Another problem or another model has other defaults; `chosen` chooses them.
        """
        kept = {
            name: value
            for name in options_of(self)
            if (value := getattr(self, name)) != getattr(self.usual, name) or name in DECIDING
            if name not in fresh
        }
        return type(self).chosen({**kept, **changes})

    def given(self, *scopes: Scope) -> dict[str, Any]:
        """Return the settings that differ from the default, of some scopes or of all."""
        return {
            name: value
            for name, one in options_of(self, *scopes).items()
            if (value := getattr(self, name)) != one.default
        }

    def words(self) -> list[str]:
        """Return the words to type for these settings after the command, PROBLEM first."""
        words = [] if self.surface is not None else [self.problem]
        usual = type(self).chosen({"problem": self.problem, "surface": self.surface})
        for name in options_of(self):
            value = getattr(self, name)
            if name != "problem" and value != getattr(usual, name):
                words.append(flag_of(name) if value is not False else f"--no-{flag_of(name)[2:]}")
                if type(value) is not bool:
                    words.append(",".join(map(str, value)) if type(value) is tuple else str(value))
        return words

    def load_problem(
        self, progress: "Progress | None" = None, fold: tuple[int, int] | None = None
    ) -> "Problem":
        """Return the problem; `progress` is called while a table is read; `ProblemError`.

        With `fold`, (i, k), part i of k has the test rows; see `split_rows`.
        """
        from tui_gd.problems.builtin import BUILTIN, load_builtin
        from tui_gd.problems.input_file import names_file

        if self.surface is not None or self.problem.partition(":")[0] == "surface":
            return self._load_surface()
        if self.problem not in BUILTIN and names_file(self.problem):
            return self._load_file(progress, fold)
        if self.problem in BUILTIN:
            for name in self.given(Scope.FILES):
                raise ProblemError(f"{flag_of(name)} is for files: {self.problem} has its own data")
        return load_builtin(
            self.problem,
            self.test_size,
            split_seed=self.split_seed,
            standardize=self.standardize,
            samples=self.samples,
            noise=self.noise,
            data_seed=self.data_seed,
            classes=self.classes,
            validation_size=self.validation_size,
            fold=fold,
        )

    def _load_file(self, progress: "Progress | None", fold: tuple[int, int] | None) -> "Problem":
        from tui_gd.problems.files import load_file
        from tui_gd.problems.partitions import Wanted, load_partitioned

        for name in self.given(Scope.MADE):
            raise ProblemError(f"{self.problem}: {flag_of(name)} is for generated data")
        if self.test is not None:
            split = {"split_seed", "stratify"} if self.validation_size is None else set()
            for name in self.given().keys() & {"test_size", *split}:
                raise ProblemError(
                    f"--test {self.test}: nothing is split: leave {flag_of(name)} out"
                )
        how, reading = self._preparation(fold), self.reading
        if not self.in_parts:
            return load_file(
                self.problem,
                self.target,
                drop=self.drop,
                test=self.test,
                how=how,
                reading=reading,
                progress=progress,
            )
        if self.batch_size:
            raise ProblemError(
                f"{self.problem}: is read in parts, which are not drawn into batches: leave"
                " --batch-size out"
            )
        if self.validation_size is not None or fold is not None:
            raise ProblemError(
                f"{self.problem}: is read in parts, which have no validation rows and no folds"
            )
        wanted = Wanted(self.problem, self.target, self.drop, self.test, how, reading)
        machines = self._machines()
        try:
            return load_partitioned(wanted, machines, progress)
        except BaseException:
            machines.close()
            raise

    @property
    def in_parts(self) -> bool:
        """Whether the rows are read in parts."""
        from tui_gd.problems.input_file import is_pattern

        given = [getattr(self, name) for name in MACHINES]
        return is_pattern(self.problem) or any(one is not None for one in given)

    def _machines(self) -> "Machines":
        from tui_gd.files import data_directory
        from tui_gd.problems.machines import Cluster, ThisMachine

        given = [name for name in MACHINES if getattr(self, name)]
        if len(given) > 1:
            one, other = map(flag_of, given[:2])
            raise ProblemError(f"{one} does not go with {other}: name one of them")
        if self.workers is not None or self.cluster is not None:
            return Cluster(workers=self.workers or 0, address=self.cluster or "")
        return ThisMachine(self.memory, data_directory())

    def _preparation(self, fold: tuple[int, int] | None) -> "Preparation":
        from tui_gd.problems.split import Preparation

        names = {one.name for one in fields(Preparation)} - {"fold"}
        return Preparation(**{name: getattr(self, name) for name in names}, fold=fold)

    @property
    def reading(self) -> "Reading":
        """How a file is read; `ProblemError` for options that do not fit together."""
        from tui_gd.problems.reading import Reading

        return Reading(**{one.name: getattr(self, one.name) for one in fields(Reading)})

    def _load_surface(self) -> "Problem":
        from tui_gd.problems.problem import surface_problem
        from tui_gd.problems.surfaces import TYPED, find_surface, typed_surface

        if self.surface is not None and self.problem != TYPED:
            raise ProblemError(f"--surface is a problem itself: leave {self.problem} out")
        if self.surface is None and self.problem == TYPED:
            raise ProblemError("surface needs a formula: --surface 'x^2 + y^2'")
        given = [*self.given(Scope.ROWS, Scope.MADE, Scope.FILES)]
        if self.start not in {None, "zeros"}:
            given.append("start")
        if given:
            options = ", ".join(map(flag_of, given))
            raise ProblemError(f"a surface has no rows and no model: leave {options} out")
        if self.surface is not None:
            return surface_problem(typed_surface(self.surface))
        return surface_problem(find_surface(self.problem))

    def loss_for(self, problem: "Problem") -> str:
        """Return the loss's name: the given one, or else the usual one of the task."""
        if self.loss == AUTO:
            return "cross-entropy" if problem.task == "binary" else _USUAL_LOSS[problem.task]
        return self.loss or _USUAL_LOSS[problem.task]

    def remarks(self, problem: "Problem") -> tuple[str, ...]:
        """Return what a person should know before such a run begins, one sentence each."""
        if self.patience is None or len(problem.y_validation):
            return problem.hints
        hint = (
            "--patience looks at the test rows, so what is reported on them flatters:"
            " --validation-size 0.2 has it look at rows of its own"
        )
        return (*problem.hints, hint)

    def choice(self, resolved: "RunSettings") -> str:
        """Return one line on how a run with the settings `resolved` learns; empty for `blobs`."""
        if self.problem == TUTORIAL or self.surface or self.problem.startswith("surface"):
            return ""
        rates = ", ".join(f"{rate:g}" for rate in resolved.alpha)
        words = [
            f"loss {resolved.loss or 'usual'}",
            f"optimizer {', '.join(resolved.optimizer)}",
            f"alpha {rates}" + ("" if self.alpha else " (auto)"),
            f"start {resolved.start or 'usual'}",
            f"{resolved.epochs} epochs",
            "columns standardized" if resolved.standardize else "columns as they are",
        ]
        return ", ".join(words)

    def resolved(self, problem: "Problem") -> "RunSettings":
        """Return the settings with all choices made that depend on the data.

        `auto` becomes the loss of the task and, for every optimizer, a learning rate that follows
        from the curvature at the start.
        """
        loss = self.loss_for(problem) if self.loss == AUTO else self.loss
        settings = replace(self, loss=loss)
        if settings.alpha:
            return settings
        from tui_gd.insight.curvature import ADAPTIVE_RATE, auto_rate

        settings = replace(settings, alpha=(ADAPTIVE_RATE,))
        if not {"sgd", "momentum", "nesterov"} & set(settings.optimizer):
            return settings
        trainer = replace(settings, optimizer=("sgd",)).make_trainer(problem, test_losses=False)
        engine, weights = trainer.engines.make(settings.loss_for(problem)), trainer.weights[0]
        return replace(settings, alpha=(auto_rate(engine, weights, len(problem.class_names)),))

    def make_trainer(
        self,
        problem: "Problem",
        *,
        test_losses: bool = True,
        initial_weights: "Floats | None" = None,
        between_blocks: "Callable[[], None] | None" = None,
        bounded: bool = False,
    ) -> "Trainer":
        """Return a trainer at epoch 0; `ProblemError` if something does not suit the problem.

        `initial_weights`, (parameters,) or (lanes, parameters), replace `init` and `start`.
        `between_blocks` is the trainer's, from its first pass on. A `bounded` trainer keeps the
        numbers of only as many epochs as people look at.
        """
        import numpy as np

        from tui_gd.learning.losses import make_loss
        from tui_gd.learning.schedules import parse_schedule
        from tui_gd.training.series import DENSE_EPOCHS
        from tui_gd.training.stops import StopRules
        from tui_gd.training.trainer import Trainer

        initial = initial_weights
        if initial is None and self.init is not None:
            initial = _read_weights(self.init)
        lanes = [(rate, name) for name in self.optimizer for rate in self.alpha]
        loss = self.loss_for(problem)
        try:
            make_loss(loss, problem.task)
            schedule = parse_schedule(self.schedule, self.epochs)
        except ValueError as error:
            raise ProblemError(str(error)) from None
        try:
            return Trainer(
                problem,
                loss=loss,
                learning_rates=[rate for rate, _ in lanes],
                optimizer=[name for _, name in lanes],
                momentum=self.momentum,
                hidden=self.hidden,
                activation=self.activation,
                batch_size=min(self.batch_size, problem.train_rows),
                schedule=schedule,
                l1=self.l1,
                l2=self.l2,
                stop=StopRules(self.target_loss, self.gradient_norm, self.patience),
                start=self.start or ("glorot" if self.hidden else "normal"),
                seed=self.seed,
                initial_weights=initial,
                dtype=np.dtype(self.dtype),
                row_weights=self.row_weights(problem),
                test_losses=test_losses,
                between_blocks=between_blocks,
                keep_epochs=DENSE_EPOCHS if bounded else None,
            )
        except ValueError as error:
            raise ProblemError(
                f"--init {self.init}: {error}" if self.init else str(error)
            ) from None

    def row_weights(self, problem: "Problem") -> "Floats | None":
        """Return a weight for every train row by its class; None if all weigh the same.

        For rows in parts, return a weight for every class.

        `balanced` is n / (classes · count), as in scikit-learn.
        """
        if self.class_weight is None:
            return None
        import numpy as np

        if problem.task not in {"binary", "multiclass"}:
            raise ProblemError("--class-weight: there are no classes here; leave it out")
        names = list(problem.class_names)
        if self.class_weight == "balanced":
            counts = np.bincount(problem.y_train, minlength=len(names))
            if problem.parts:
                counts = np.array(problem.parts.class_counts)
            factors = problem.train_rows / (len(names) * np.maximum(counts, 1))
            return factors if problem.parts else np.asarray(factors[problem.y_train], np.float64)
        factors = np.ones(len(names))
        for part in self.class_weight.split(","):
            name, _, number = part.rpartition(":")
            try:
                factors[names.index(name.strip())] = readers.number(0).typed(number.strip())
            except ValueError as error:
                known = ", ".join(names[:8])
                raise ProblemError(
                    f"--class-weight {part}: write balanced, or CLASS:WEIGHT with CLASS one of"
                    f" {known}" + ("" if name.strip() not in names else f" ({error})")
                ) from None
        return factors if problem.parts else np.asarray(factors[problem.y_train], np.float64)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings by the names of the command line's options."""
        return asdict(self)

    @classmethod
    def chosen(cls, given: dict[str, Any]) -> "RunSettings":
        """Return the given settings, with good choices for the rest.

        `blobs` keeps the tutorial's defaults, and surfaces have their own.
        """
        return cls.of({**chosen_defaults(given), **given})

    @classmethod
    def of(cls, options: dict[str, Any]) -> "RunSettings":
        """Return the settings among `options`, ignoring everything else."""
        return cls(**{name: options[name] for name in options_of(cls) if name in options})


def chosen_defaults(given: dict[str, Any]) -> dict[str, Any]:
    """Return the defaults that learn well; none for the tutorial's data or a surface.

    They come from measurements on real tables by `benchmarks/tables.py`.
    """
    problem = given.get("problem", TUTORIAL)
    if problem == TUTORIAL or given.get("surface") or problem.partition(":")[0] == "surface":
        return {}
    adaptive = given.get("hidden") or given.get("batch_size")
    return {
        "standardize": True,
        "loss": AUTO,
        "start": "mean",
        "optimizer": ("adam",) if adaptive else ("nesterov",),
        "alpha": (),
        "epochs": 1000,
    }


def _read_weights(path: str) -> "Floats":
    import numpy as np

    try:
        # mapped, not read: a header may claim more than fits into memory
        weights = np.load(Path(path), mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise ProblemError(f"--init {path}: no such file") from None
    except (OSError, ValueError, EOFError, OverflowError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ProblemError(
            f"--init {path}: not a .npy file of numbers ({reason}); write one with numpy.save"
        ) from None
    if not isinstance(weights, np.ndarray) or weights.dtype.kind not in "fiu":
        raise ProblemError(f"--init {path}: not an array of numbers; write one with numpy.save")
    if weights.size > LARGEST_START:
        raise ProblemError(f"--init {path}: {weights.size} weights are more than any model has")
    with np.errstate(over="ignore"):
        numbers = np.array(weights, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ProblemError(f"--init {path}: has a weight that is not finite")
    return numbers


@dataclass(frozen=True)
class OutputSettings:
    """What a run without an interface prints and writes; `json` is a path or `-`."""

    json: str | None = None
    quiet: bool = False
