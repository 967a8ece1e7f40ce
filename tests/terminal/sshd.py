"""A real `sshd` on 127.0.0.1 with its own keys, configuration and port, and a way to reach it."""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.terminal.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Debian keeps sshd where only root's PATH looks.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"])
_PRIVILEGE_SEPARATION = Path("/run/sshd")
_START_SECONDS = 60.0
_ATTEMPTS = 5
_PASSED_ON = ("LANG", "LC_*", "COLORTERM", "NO_COLOR")

_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
PidFile {directory}/sshd.pid
AuthorizedKeysFile {directory}/authorized_keys
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
# The keys lie in a directory below /tmp, which StrictModes would refuse.
StrictModes no
UsePAM no
AcceptEnv {accepted}
PrintMotd no
PrintLastLog no
X11Forwarding no
LogLevel VERBOSE
"""


class Server(Closing):
    """A running sshd that lets the current user in with a key made for it.

    As a context manager it is stopped and its directory removed on leaving.

    Raises:
        FileNotFoundError: sshd, ssh or ssh-keygen is missing; names the Debian package.
        RuntimeError: sshd does not start; says what it logged.
    """

    def __init__(self) -> None:
        self._sshd = _program("sshd", "openssh-server")
        self._ssh = _program("ssh", "openssh-client")
        keygen = _program("ssh-keygen", "openssh-client")
        self._temporary = tempfile.TemporaryDirectory(prefix="sshd-")
        self.directory = Path(self._temporary.name)
        self.port = 0
        for key in ("host_key", "client_key"):
            subprocess.run(
                [keygen, "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", self.directory / key],
                check=True,
                stdin=subprocess.DEVNULL,
            )
        public = self.directory / "client_key.pub"
        shutil.copy(public, self.directory / "authorized_keys")
        if os.geteuid() == 0:
            # sshd as root refuses to start without it, and only Debian's init script makes it.
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._process = self._start()

    def command(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        options: Sequence[str] = (),
        port: int | None = None,
    ) -> list[str]:
        """The ssh client's command line that runs `command` in a terminal at the other end.

        `env` is set there beside what ssh itself passes on (TERM and the locale); `options` are
        for ssh (`-C`); `port` is another one than sshd's, for a proxy in front of it.
        """
        assignments = [f"{name}={value}" for name, value in (env or {}).items()]
        remote = shlex.join(["exec", "env", *assignments, *command])
        if cwd is not None:
            remote = f"cd {shlex.quote(str(cwd))} && {remote}"
        settings = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "60",
            "LogLevel": "ERROR",
            "SendEnv": " ".join(_PASSED_ON),
        }
        return [
            *(self._ssh, "-F", "/dev/null", "-tt"),
            *("-i", str(self.directory / "client_key"), "-p", str(port or self.port)),
            *(part for name, value in settings.items() for part in ("-o", f"{name}={value}")),
            *options,
            f"{getpass.getuser()}@127.0.0.1",
            remote,
        ]

    def log(self) -> str:
        """What sshd has logged."""
        path = self.directory / "sshd.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """Stop sshd and remove its directory; sessions under way go on until they end."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._temporary.cleanup()

    def _start(self) -> subprocess.Popen[bytes]:
        for _ in range(_ATTEMPTS):
            self.port = _free_port()
            config = self.directory / "sshd_config"
            config.write_text(
                _CONFIG.format(
                    port=self.port, directory=self.directory, accepted=" ".join(_PASSED_ON)
                )
            )
            with (self.directory / "sshd.log").open("ab") as log:
                process = subprocess.Popen(
                    [self._sshd, "-D", "-e", "-f", config],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                )
            if self._answers(process):
                return process
            process.kill()
            process.wait()
        said = self.log()
        self._temporary.cleanup()
        raise RuntimeError(f"sshd does not start on 127.0.0.1:\n{said}")

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection,
            ):
                return connection.recv(4) == b"SSH-" and process.poll() is None
            time.sleep(0.02)
        return False


def _program(name: str, package: str) -> str:
    path = shutil.which(name, path=_PATH)
    if path is None:
        raise FileNotFoundError(f"{name} is missing: install the Debian package {package}")
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
