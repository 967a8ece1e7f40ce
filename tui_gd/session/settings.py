"""The settings that begin a run: its options, and what follows from them.

The parts of a run are imported when they are made, so the first frame does not wait for them.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_gd.errors import ProblemError, way
from tui_gd.session import readers
from tui_gd.session.options import MACHINES, RunOptions, Scope, flag_of, options_of
from tui_gd.session.readers import AUTO

if TYPE_CHECKING:
    from tui_gd.insight.race import RaceResult
    from tui_gd.learning.models import Floats
    from tui_gd.problems import Problem
    from tui_gd.problems.machines import Machines
    from tui_gd.problems.reading import Reading
    from tui_gd.problems.sources import Progress
    from tui_gd.problems.split import Preparation
    from tui_gd.training.evaluation import StopRules
    from tui_gd.training.trainer import Trainer

TUTORIAL = "blobs"
DECIDING = ("problem", "surface", "hidden", "batch_size")
"""The settings that decide the defaults of others."""
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


@dataclass(frozen=True)
class RunSettings(RunOptions):
    """The options of a run with what follows from them: defaults, problem, trainer."""

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

    @property
    def data_files(self) -> dict[str, str]:
        """The options that may name files of data, each with its value."""
        names = ["problem", "test"]
        if self.problem.endswith(".npy"):  # beside it the target is a file, otherwise a column
            names.insert(1, "target")
        return {name: path for name in names if isinstance(path := getattr(self, name), str)}

    def load_problem(self, progress: "Progress | None" = None) -> "Problem":
        """Return the problem; `progress` is called while a table is read; `ProblemError`."""
        return self._read(progress)(self._preparation(None))

    def load_folds(self, folds: int, progress: "Progress | None" = None) -> "Iterator[Problem]":
        """Read the data once and give the problem of each fold, one at a time; see `split_rows`."""
        make = self._read(progress, folds=True)
        return (make(self._preparation((number, folds))) for number in range(folds))

    def _read(
        self, progress: "Progress | None", *, folds: bool = False
    ) -> "Callable[[Preparation], Problem]":
        """Read the data and return a function that makes the problem.

        With folds, call it once for each, in order.
        """
        from tui_gd.problems.builtin import BUILTIN, load_builtin
        from tui_gd.problems.input_file import names_file

        if self.surface is not None or self.problem.partition(":")[0] == "surface":
            problem = self._load_surface()
            if folds:
                raise ProblemError(f"{problem.name}: a surface has no rows: leave --folds out")
            return lambda _: problem
        if self.problem not in BUILTIN and names_file(self.problem):
            return self._read_file(progress, folds=folds)
        if self.problem in BUILTIN:
            for name in self.given(Scope.FILES):
                raise ProblemError(f"{flag_of(name)} is for files: {self.problem} has its own data")
        return lambda how: load_builtin(
            self.problem,
            how,
            samples=self.samples,
            noise=self.noise,
            data_seed=self.data_seed,
            classes=self.classes,
        )

    def _read_file(
        self, progress: "Progress | None", *, folds: bool
    ) -> "Callable[[Preparation], Problem]":
        from tui_gd.problems.files import read_file
        from tui_gd.problems.partitions import Wanted, load_partitioned

        for name in self.given(Scope.MADE):
            raise ProblemError(
                f"{self.problem}: {flag_of(name)} is for generated data", way(**{name: None})
            )
        if self.test is not None:
            split = {"split_seed", "stratify"} if self.validation_size is None else set()
            for name in self.given().keys() & {"test_size", *split}:
                raise ProblemError(
                    f"--test {self.test}: nothing is split: leave {flag_of(name)} out",
                    way(**{name: None}),
                )
        reading = self.reading
        if not self.in_parts:
            return read_file(
                self.problem,
                self.target,
                drop=self.drop,
                test=self.test,
                reading=reading,
                progress=progress,
            )
        if folds:
            raise ProblemError(f"{self.problem}: is read in parts, which have no folds")

        def make(how: "Preparation") -> "Problem":
            wanted = Wanted(self.problem, self.target, self.drop, self.test, how, reading)
            machines = self._machines()
            try:
                return load_partitioned(wanted, machines, progress)
            except BaseException:
                machines.close()
                raise

        return make

    @property
    def in_parts(self) -> bool:
        """Whether the rows are read in parts."""
        from tui_gd.problems.input_file import is_pattern

        given = [getattr(self, name) for name in MACHINES]
        return is_pattern(self.problem) or any(one is not None for one in given)

    def _machines(self) -> "Machines":
        from tui_gd.files import data_directory
        from tui_gd.problems.machines import ThisMachine

        given = [name for name in MACHINES if getattr(self, name)]
        if len(given) > 1:
            one, other = map(flag_of, given[:2])
            raise ProblemError(f"{one} does not go with {other}: name one of them")
        if self.workers is not None or self.cluster is not None:
            from tui_gd.problems.cluster import Cluster

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

    @property
    def ridge(self) -> float:
        """The l2 penalty as a number; `auto` is 0 until `resolved`."""
        return 0.0 if self.l2 == AUTO else float(self.l2)

    @property
    def start_name(self) -> str:
        """The start's name: the given one, or else the usual one of the model."""
        return self.start or ("glorot" if self.hidden else "normal")

    def remarks(self, problem: "Problem") -> tuple[str, ...]:
        """Return what a person should know before such a run begins, one sentence each."""
        if self.patience is None or problem.validation_rows:
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
            *(
                [f"l2 {resolved.ridge:g} (auto: the columns say little)"]
                if self.l2 == AUTO and resolved.ridge
                else []
            ),
            f"start {resolved.start or 'usual'}",
            f"{resolved.epochs} epochs",
            "columns standardized" if resolved.standardize else "columns as they are",
        ]
        return ", ".join(words)

    def resolved(self, problem: "Problem") -> "RunSettings":
        """Return the settings with all choices made that depend on the data.

        `auto` becomes the loss of the task, an l2 penalty if the columns say little, and, for every
        optimizer, a learning rate that follows from the curvature at the start.
        """
        from tui_gd.insight.curvature import ADAPTIVE_RATE, auto_l2, auto_rate

        loss = self.loss_for(problem) if self.loss == AUTO else self.loss
        settings = replace(self, loss=loss)
        if self.l2 == AUTO:
            alike = not (self.hidden or self.l1 or self.class_weight)
            l2 = auto_l2(problem, self.loss_for(problem)) if alike else 0.0
            settings = replace(settings, l2=l2)
        if settings.alpha:
            return settings

        settings = replace(settings, alpha=(ADAPTIVE_RATE,))
        if not {"sgd", "momentum", "nesterov"} & set(settings.optimizer):
            return settings
        trainer = replace(settings, optimizer=("sgd",)).make_trainer(problem, test_losses=False)
        engine, weights = trainer.engines.make(settings.loss_for(problem)), trainer.weights[0]
        return replace(settings, alpha=(auto_rate(engine, weights, len(problem.class_names)),))

    @property
    def stop_rules(self) -> "StopRules":
        """The rules that may end a run before its last epoch."""
        from tui_gd.training.evaluation import StopRules

        return StopRules(self.target_loss, self.gradient_norm, self.patience)

    def make_trainer(
        self,
        problem: "Problem",
        *,
        test_losses: bool = True,
        initial_weights: "Floats | None" = None,
        between_blocks: Callable[[], None] | None = None,
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
        if self.threshold != 0.5 and problem.task != "binary":
            raise ProblemError(
                "--threshold goes with two classes; leave it out", way(threshold=None)
            )
        if self.dtype == "float32" and not problem.surface:
            largest = float(np.finfo(np.float32).max)
            arrays = problem.x_train, problem.y_train
            if any(max(array.max(), -array.min()) > largest for array in arrays):
                raise ProblemError(
                    f"--dtype float32 holds numbers up to {largest:.2g}, and {problem.name} has"
                    " larger ones; leave it out",
                    way(dtype=None),
                )
        try:
            trainer = Trainer(
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
                l2=self.ridge,
                stop=self.stop_rules,
                start=self.start_name,
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
                f"--init {self.init}: {error}" if self.init else str(error),
                *([way(init=None)] if self.init else []),
            ) from None
        trainer.threshold = self.threshold
        return trainer

    def of_race(
        self,
        rates: Sequence[float],
        optimizers: Sequence[str],
        *,
        loss: str | None,
        epochs: int,
    ) -> "RunSettings":
        """Return the settings of a race: a lane for each rate with each optimizer.

        It has no stop rules: one that waits for all lanes would wait for the worst. A schedule
        takes the race for the whole run.
        """
        return replace(
            self,
            alpha=tuple(rates),
            optimizer=tuple(optimizers),
            loss=loss,
            epochs=epochs,
            init=None,
            target_loss=None,
            gradient_norm=None,
            patience=None,
        )

    def race(
        self,
        problem: "Problem",
        weights: "Floats",
        *,
        wanted: Callable[[], bool] = lambda: True,
        show: "Callable[[RaceResult], None] | None" = None,
    ) -> "RaceResult":
        """Race the lanes from `weights` (parameters,); see `tui_gd.insight.race.race`.

        With several optimizers the test losses of every epoch are recorded, else those of the last
        one.
        """
        from tui_gd.insight.race import race
        from tui_gd.learning.engine import interrupting

        trainer = self.make_trainer(
            problem,
            test_losses=len(self.optimizer) > 1,
            initial_weights=weights,
            between_blocks=interrupting(wanted),
        )
        return race(trainer, self.epochs, wanted=wanted, show=show)

    def row_weights(self, problem: "Problem") -> "Floats | None":
        """Return a weight for every train row by its class; None if all weigh the same.

        For rows in parts, return a weight for every class.

        `balanced` is n / (classes · count), as in scikit-learn.
        """
        if self.class_weight is None:
            return None
        import numpy as np

        if problem.task not in {"binary", "multiclass"}:
            raise ProblemError(
                "--class-weight: there are no classes here; leave it out", way(class_weight=None)
            )
        names = list(problem.class_names)
        factors, given = np.ones(len(names)), self.class_weight.split(",")
        if given == ["balanced"]:
            counts = np.bincount(problem.y_train, minlength=len(names))
            if problem.parts:
                counts = np.array(problem.parts.class_counts)
            factors, given = problem.train_rows / (len(names) * np.maximum(counts, 1)), []
        for part in given:
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

    def config(self, problem: "Problem") -> dict[str, Any]:
        """Return the settings as JSON documents of a run have them, with the loss by its name."""
        return {**self.as_dict(), "loss": self.loss_for(problem)}

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
        "l2": AUTO,
        "epochs": 1000,
    }


def _read_weights(path: str) -> "Floats":
    import numpy as np

    def wrong(what: str) -> ProblemError:
        return ProblemError(f"--init {path}: {what}", way(init=None))

    try:
        # mapped, not read: a header may claim more than fits into memory
        weights = np.load(Path(path), mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise wrong("no such file") from None
    except (OSError, ValueError, EOFError, OverflowError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise wrong(f"not a .npy file of numbers ({reason}); write one with numpy.save") from None
    if not isinstance(weights, np.ndarray) or weights.dtype.kind not in "fiu":
        raise wrong("not an array of numbers; write one with numpy.save")
    if weights.size > LARGEST_START:
        raise wrong(f"{weights.size} weights are more than any model has")
    with np.errstate(over="ignore"):
        numbers = np.array(weights, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise wrong("has a weight that is not finite")
    return numbers
