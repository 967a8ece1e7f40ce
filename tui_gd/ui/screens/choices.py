"""What can be chosen from lists, each entry with what it is for; and what a verdict advises."""

from collections.abc import Iterable, Mapping, Sequence

from tui_gd.learning.losses import POSSIBLE
from tui_gd.plots.symbols import Symbols
from tui_gd.problems import BUILTIN, SURFACES
from tui_gd.problems.problem import Task

Options = list[tuple[str, str]]
"""Values and the lines that stand for them."""

ADVISED = " ←"
TARGETS = ("class", "label", "target", "y")
"""Names that the column to be learned often has."""

_OF_CLASSES = {
    "sse": "sum of (p − y)² · the tutorial's · flat where p is near 0 or 1",
    "mse": "mean of (p − y)² · as sse, whatever the number of rows",
    "cross-entropy": "−ln p of the true class · no plateau · usual for classes",
    "hinge": "only rows near the boundary count · support vector machine",
}
_OF_NUMBERS = {
    "sse": "sum of (p − y)² · grows with the number of rows",
    "mse": "mean of (p − y)² · usual for numbers",
    "mae": "mean of |p − y| · outliers pull no harder than other rows",
    "huber": "squared when small, absolute when large · for outliers",
}
OPTIMIZER_WORDS = {
    "sgd": "plain gradient descent, W ← W − α·g",
    "momentum": "keeps its speed · faster along valleys",
    "nesterov": "momentum that looks ahead · overshoots less",
    "adagrad": "a step for each weight, which only gets smaller",
    "rmsprop": "a step for each weight, by its recent gradients",
    "adam": "momentum, and a step for each weight · often a good first choice",
    "adamw": "Adam whose L2 penalty shrinks the weights themselves",
}


def loss_words(task: Task) -> dict[str, str]:
    """Return what each possible loss is for."""
    words = _OF_NUMBERS if task == "regression" else _OF_CLASSES
    return {name: words.get(name, "value of the function") for name in POSSIBLE[task]}


def listed(
    words: Mapping[str, str], symbols: Symbols, advised: str = "", kind: str = ""
) -> Options:
    """Return an entry for each name, the advised one marked; values begin with `kind`."""
    size = max(map(len, words), default=0) + len(ADVISED) + 1
    values = {name: f"{kind} {name}".strip() for name in words}
    return [
        (values[name], f"{name + ADVISED * (values[name] == advised):<{size}}{symbols.spell(text)}")
        for name, text in words.items()
    ]


def problem_words() -> dict[str, str]:
    """Return what each built-in problem is about."""
    words = {name: one.about for name, one in BUILTIN.items()}
    return words | {name: one.about for name, one in SURFACES.items()}


def likely_target(columns: Sequence[str]) -> str:
    """Return the column that is probably to be learned: by its name, else the last."""
    by_name = {column.casefold(): column for column in reversed(columns)}
    return next((by_name[name] for name in TARGETS if name in by_name), columns[-1])


def with_first(columns: Iterable[str], first: str) -> list[str]:
    """Return columns with one moved to the front."""
    return [first, *(column for column in columns if column != first)]
