"""A comparison of two epochs as lines of text with all digits, to be copied."""

from tui_gd.changes import (
    ERRORS,
    MEASURES,
    Changes,
    ClassificationChanges,
    RegressionChanges,
    SurfaceChanges,
)
from tui_gd.problems import Problem
from tui_gd.ui.panels.changed import FEATURES
from tui_gd.ui.panels.data import class_label


def comparison_numbers(found: Changes, problem: Problem) -> list[str]:
    """Return a comparison as lines with all digits; of rows at most the first features."""
    if isinstance(found, SurfaceChanges):
        return [
            "before  " + "  ".join(f"{value:.17g}" for value in found.before),
            "after  " + "  ".join(f"{value:.17g}" for value in found.after),
            f"distance  {found.distance:.17g}",
            f"value  {found.value_before:.17g}  {found.value_after:.17g}",
        ]
    if isinstance(found, RegressionChanges):
        lines = [f"rows {found.rows}, nearer {found.nearer}, farther {found.farther}"]
        both = zip(ERRORS, found.measures_before, found.measures_after, strict=True)
        lines += [f"{name}  {before:.17g}  {after:.17g}" for name, before, after in both]
        lines.append(f"row  {problem.target_name}  before  after  {_named(problem)}")
        columns = (found.listed, found.true, found.before, found.after)
        return lines + [
            f"{row + 1}  {true:.17g}  {before:.17g}  {after:.17g}  {_all_digits(problem, row)}"
            for row, true, before, after in zip(*(c.tolist() for c in columns), strict=True)
        ]
    return _classification_numbers(found, problem)


def _classification_numbers(found: ClassificationChanges, problem: Problem) -> list[str]:
    names = [class_label(name) for name in problem.class_names]
    lines = [
        f"rows {found.rows}, flipped {found.flipped}, fixed {found.fixed}, "
        f"broken {found.broken}, other {found.other}",
        "accuracy  " + "  ".join(f"{value:.17g}" for value in found.accuracy),
        "class  " + "  ".join(f"{name} before  {name} after" for name in MEASURES),
    ]
    for row, name in enumerate(names):
        pairs = zip(found.before[row], found.after[row], strict=True)
        lines.append("  ".join([name, *(f"{a:.17g}  {b:.17g}" for a, b in pairs)]))
    lines.append("confusion, after − before: rows true, columns predicted")
    lines += ["  ".join(map(str, row)) for row in found.confusion.tolist()]
    lines.append(f"row  true  before  after  {_named(problem)}")
    flips = found.flips
    columns = (part.tolist() for part in (flips.rows, flips.true, flips.before, flips.after))
    return lines + [
        f"{row + 1}  {'  '.join(names[label] for label in labels)}  {_all_digits(problem, row)}"
        for row, *labels in zip(*columns, strict=True)
    ]


def _named(problem: Problem) -> str:
    return "  ".join(problem.feature_names[:FEATURES])


def _all_digits(problem: Problem, row: int) -> str:
    values = problem.rows(problem.x_test, row)[:-1][:FEATURES]
    return "  ".join(f"{value:.17g}" for value in values)
