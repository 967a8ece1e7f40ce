"""The command line of `gd-tui data`: parses, then calls."""

import argparse
import sys
from collections.abc import Callable, Sequence

from tui_gd.options import add_data_options


def _data(argv: Sequence[str], make_parser: Callable[..., argparse.ArgumentParser]) -> int:
    parser = make_parser(
        prog="gd-tui data",
        description="What is in the columns of a table, and what is done to them for a --target.",
        allow_abbrev=False,
    )
    parser.add_argument("problem", metavar="FILE", help="a table; - is CSV on standard input")
    add_data_options(parser.add_argument_group("data"))
    options = parser.parse_args(argv)
    from tui_gd.describe import describe
    from tui_gd.settings import RunSettings

    describe(RunSettings.of(vars(options)), sys.stdout)
    return 0


DATA_COMMANDS = {"data": _data}
