"""Errors that a person can cause; imports nothing, so that an error message comes at once."""

LISTED = 20
"""How many column names an error lists."""


class ProblemError(Exception):
    """Wrong input: one line that says what is wrong, where, and what to do."""


class TargetMissing(ProblemError):  # noqa: N818
    """A table without a named target column; `columns` are the names of its columns."""

    def __init__(self, name: str, columns: "tuple[str, ...]") -> None:
        shown = ", ".join(columns[:LISTED])
        more = f" and {len(columns) - LISTED} more" if len(columns) > LISTED else ""
        super().__init__(f"{name}: name the column to learn: --target X, X one of {shown}{more}")
        self.columns = columns


class OutputError(Exception):
    """A file or standard output cannot be written; says which, and why."""
