"""Errors that are no faults of the program; imports nothing, so that refusing takes no time."""


class ProblemError(Exception):
    """A fault in what a person named or handed in: one line that says what, where, what to do."""


class OutputError(Exception):
    """A file or standard output takes nothing more; says which, and why."""
