"""Errors that are no faults of the program; imports nothing, so that refusing takes no time."""

LISTED = 20
"""So many names of columns are listed in an error."""


class ProblemError(Exception):
    """A fault in what a person named or handed in: one line that says what, where, what to do."""


class TargetMissing(ProblemError):  # noqa: N818
    """A table of which nobody said which column is to be learned; `columns` are their names."""

    def __init__(self, name: str, columns: "tuple[str, ...]") -> None:
        shown = ", ".join(columns[:LISTED])
        more = f" and {len(columns) - LISTED} more" if len(columns) > LISTED else ""
        super().__init__(f"{name}: name the column to learn: --target X, X one of {shown}{more}")
        self.columns = columns


class OutputError(Exception):
    """A file or standard output takes nothing more; says which, and why."""
