"""The way in for the command `gd-tui` and for `python -m tui_gd`."""

import sys


def main() -> int:
    """Run the command line and return its exit status."""
    from tui_gd.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
