"""Base class of the embedded Postgres and Valkey: a locked folder, a port and a process."""

import os
import secrets
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from local.child import Child, DidNotStart, Program
from local.ports import find_free_port
from local.user_and_folders import lock_folder

START_TIMEOUT = 30.0  # seconds; a busy machine takes three
STOP_TIMEOUT = 2.0  # seconds; neither server loses data when it is killed afterwards
START_RETRY_WINDOW = 5.0  # seconds in which a failed start is repeated


class EmbeddedServer(ABC):
    """A server and its folder. Its port and password stay the same through `kill` and `start`."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self.folder = folder.resolve()
        self.port = port or find_free_port()
        self._descriptor: int | None = None
        self._child: Child | None = None

    def prepare(self) -> Child:
        """Lock and fill the folder, and return the process to spawn. Errors: FolderInUse."""
        if self._child is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = lock_folder(self.folder)
            self._child = Child(self.build_program(self._descriptor))
        return self._child

    @abstractmethod
    def build_program(self, descriptor: int) -> Program:
        """Build the command.

        Shapes: `descriptor` is the locked folder's; a child that inherits it keeps the lock.
        """

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> Self:
        """Start, or start again after `kill`, and return once the server accepts connections.

        A killed Postgres leaves children that hold its shared memory for a moment, and a new
        server refuses to start until they are gone: hence `START_RETRY_WINDOW`.

        Errors: FolderInUse, DidNotStart.
        """
        child = self.prepare()
        deadline = time.monotonic() + START_RETRY_WINDOW
        while True:
            child.spawn()
            try:
                child.wait_until_ready(timeout=START_TIMEOUT)
            except DidNotStart:
                if time.monotonic() > deadline:
                    child.kill()
                    raise
                time.sleep(0.1)
            else:
                return self

    def stop(self) -> None:
        """Stop gracefully and unlock the folder."""
        if self._child:
            self._child.stop()
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = self._child = None

    def kill(self) -> None:
        """Kill the process as a crash would; `start` continues with what is on disk."""
        if self._child:
            self._child.kill()


def load_or_create_password(path: Path) -> str:
    """Return the password stored at `path`; create it if missing, readable by its owner alone."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text()
