"""Where runs are kept on this machine."""

import os
from pathlib import Path

VARIABLE = "GD_TUI_DATA"
NAME = "runs.sqlite3"
# what two machines may have mounted at once: there SQLite's WAL, shared memory, is not safe
NETWORK = frozenset(
    {"9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.glusterfs", "fuse.sshfs"}
    | {"gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs"}
    | {"smb3", "smbfs"}
)


def data_directory() -> Path:
    """Return the directory of kept runs: `GD_TUI_DATA`, or the usual one of the user's data."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("gd-tui", appauthor=False))


def store_path() -> Path:
    """Return the file of the run store."""
    return data_directory() / NAME


def make_private(directory: Path) -> None:
    """Make a directory that only its owner may enter; `OSError` where that cannot be.

    One that is there already stays as it is: its rights are its owner's decision.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make an empty file that only its owner may read, unless it is there."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def on_network(path: Path, mounts: str = "/proc/self/mounts") -> bool:
    """Whether a file lies on a network file system, as far as the system says (Linux)."""
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    here = os.path.realpath(path)
    kinds = {}
    for line in lines:
        _, where, kind, *_ = [*line.split(" "), "", "", ""]
        where = where.replace("\\040", " ")
        if here == where or here.startswith(where.rstrip("/") + "/"):
            kinds[where] = kind  # of two mounts at one place the later one counts
    return bool(kinds) and kinds[max(kinds, key=len)] in NETWORK
