"""What a run is started with, as the command line states it.

What it is made of is imported when it is made: the first frame does not wait for it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_gd.errors import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_gd.learning.models import Floats
    from tui_gd.problems import Problem
    from tui_gd.training.trainer import Trainer

LARGEST_START = 100_000_000
_USUAL_LOSS = {
    "binary": "sse",
    "multiclass": "cross-entropy",
    "regression": "mse",
    "surface": "value",
}
OF_DATA_MADE = ("samples", "noise", "data_seed", "classes")
"""Settings of generated data."""
OF_FILES = ("target", "drop", "test", "stratify", "task")
"""Settings of data from files."""
OF_DATA = (
    "hidden",
    "activation",
    "batch_size",
    "l1",
    "l2",
    "patience",
    "test_size",
    "split_seed",
    "standardize",
    *OF_FILES,
    *OF_DATA_MADE,
)
"""Settings that go with rows of data, and not with a surface."""


@dataclass(frozen=True)
class RunSettings:
    """Everything that is needed to repeat a run from its start.

    `loss` None is the tutorial's `sse` for two classes, `cross-entropy` for more, `mse` for
    regression. `start` None is `normal`, with hidden layers `glorot`. Every learning rate in
    `alpha` descends with every one of `optimizer`, a lane each. `surface` is a formula in x and y
    to descend on, for the problem `surface`.
    """

    problem: str = "blobs"
    surface: str | None = None
    epochs: int = 100
    alpha: tuple[float, ...] = (0.01,)
    optimizer: tuple[str, ...] = ("sgd",)
    momentum: float | None = None
    loss: str | None = None
    hidden: tuple[int, ...] = ()
    activation: str = "tanh"
    batch_size: int = 0
    schedule: str = "constant"
    l1: float = 0.0
    l2: float = 0.0
    target_loss: float | None = None
    gradient_norm: float | None = None
    patience: int | None = None
    start: str | None = None
    seed: int = 0
    init: str | None = None
    dtype: str = "float64"
    target: str | None = None
    drop: tuple[str, ...] = ()
    test: str | None = None
    stratify: bool = False
    task: str | None = None
    test_size: float = 0.5
    split_seed: int = 42
    standardize: bool = False
    samples: int | None = None
    noise: float | None = None
    data_seed: int | None = None
    classes: int | None = None

    @property
    def data(self) -> tuple[object, ...]:
        """What the problem is made from: equal for settings of the same problem."""
        return (
            self.problem,
            self.surface,
            self.target,
            self.drop,
            self.test,
            self.stratify,
            self.task,
            self.test_size,
            self.split_seed,
            self.standardize,
            self.samples,
            self.noise,
            self.data_seed,
            self.classes,
        )

    def load_problem(self) -> "Problem":
        """Return the problem; `ProblemError` if it cannot be had."""
        from tui_gd.problems import BUILTIN, load_problem
        from tui_gd.problems.input_file import names_file

        if self.surface is not None or self.problem.partition(":")[0] == "surface":
            return self._load_surface()
        if self.problem not in BUILTIN and names_file(self.problem):
            return self._load_file()
        if self.problem in BUILTIN:
            for option in self._given(OF_FILES):
                raise ProblemError(f"--{option} is for files: {self.problem} has its own data")
        return load_problem(
            self.problem,
            self.test_size,
            split_seed=self.split_seed,
            standardize=self.standardize,
            samples=self.samples,
            noise=self.noise,
            data_seed=self.data_seed,
            classes=self.classes,
        )

    def _load_file(self) -> "Problem":
        from tui_gd.problems.files import load_file

        for option in self._given(OF_DATA_MADE):
            raise ProblemError(f"{self.problem}: --{option.replace('_', '-')} is for made data")
        if self.test is not None:
            for option in self._given(("test_size", "split_seed", "stratify")):
                name = option.replace("_", "-")
                raise ProblemError(f"--test {self.test}: nothing is split: leave --{name} out")
        return load_file(
            self.problem,
            self.target,
            drop=self.drop,
            test=self.test,
            test_size=self.test_size,
            split_seed=self.split_seed,
            stratify=self.stratify,
            standardize=self.standardize,
            task=self.task,
        )

    def _given(self, names: Sequence[str]) -> list[str]:
        """Return which of these settings are not as they usually are."""
        usual = {field.name: field.default for field in fields(self)}
        return [name for name in names if getattr(self, name) != usual[name]]

    def _load_surface(self) -> "Problem":
        from tui_gd.problems.problem import surface_problem
        from tui_gd.problems.surfaces import TYPED, find_surface, typed_surface

        if self.surface is not None and self.problem != TYPED:
            raise ProblemError(f"--surface is a problem itself: leave {self.problem} out")
        if self.surface is None and self.problem == TYPED:
            raise ProblemError("surface needs a formula: --surface 'x^2 + y^2'")
        given = self._given(OF_DATA)
        if self.start not in {None, "zeros"}:
            given.append("start")
        if given:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ProblemError(f"a surface has no rows and no model: leave {options} out")
        if self.surface is not None:
            return surface_problem(typed_surface(self.surface))
        return surface_problem(find_surface(self.problem))

    def loss_for(self, problem: "Problem") -> str:
        """Return the loss's name, the usual one of the task where none was named."""
        return self.loss or _USUAL_LOSS[problem.task]

    def make_trainer(
        self,
        problem: "Problem",
        *,
        test_losses: bool = True,
        initial_weights: "Floats | None" = None,
        between_blocks: "Callable[[], None] | None" = None,
        bounded: bool = False,
    ) -> "Trainer":
        """Return a trainer at epoch 0; `ProblemError` if something does not go with the problem.

        `initial_weights`, (parameters,) or (lanes, parameters), stand in for `init` and `start`.
        `between_blocks` is the trainer's, from its first pass on. A `bounded` one keeps the numbers
        of as many epochs as are looked at, not of all.
        """
        import numpy as np

        from tui_gd.learning.losses import make_loss
        from tui_gd.learning.schedules import parse_schedule
        from tui_gd.training.series import WHOLE
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
                batch_size=min(self.batch_size, len(problem.y_train)),
                schedule=schedule,
                l1=self.l1,
                l2=self.l2,
                stop=StopRules(self.target_loss, self.gradient_norm, self.patience),
                start=self.start or ("glorot" if self.hidden else "normal"),
                seed=self.seed,
                initial_weights=initial,
                dtype=np.dtype(self.dtype),
                test_losses=test_losses,
                between_blocks=between_blocks,
                keep_epochs=WHOLE if bounded else None,
            )
        except ValueError as error:
            raise ProblemError(
                f"--init {self.init}: {error}" if self.init else str(error)
            ) from None

    def as_dict(self) -> dict[str, Any]:
        """Return the settings by the names of the command line's options."""
        return asdict(self)

    @classmethod
    def of(cls, options: dict[str, Any]) -> "RunSettings":
        """Return the settings among `options`; what is no setting is left."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in options.items() if name in names})


def _read_weights(path: str) -> "Floats":
    import numpy as np

    try:
        # mapped, not read: a header may claim more than there is memory for
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
