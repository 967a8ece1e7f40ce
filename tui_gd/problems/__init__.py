"""Problems: what is learned from."""

from tui_gd.problems.problem import Problem, ProblemError

__all__ = ["Problem", "ProblemError", "load_problem", "problem_names"]


def problem_names() -> tuple[str, ...]:
    """Return the names of the built-in problems."""
    from tui_gd.problems.builtin import BUILTIN

    return tuple(BUILTIN)


def load_problem(name: str, test_size: float = 0.5) -> Problem:
    """Return the problem of that name; `ProblemError` if there is none."""
    from tui_gd.problems.builtin import BUILTIN

    if name not in BUILTIN:
        raise ProblemError(
            f"unknown problem {name!r}: choose one of {', '.join(BUILTIN)} (gd-tui problems)"
        )
    return BUILTIN[name].make(test_size)
