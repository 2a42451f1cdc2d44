"""What embedded servers share: a locked folder, a port, a process. Knows no server by name."""

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
STOP_TIMEOUT = 2.0  # seconds; both lose nothing by a harder end
START_RETRY_WINDOW = 5.0  # seconds in which a start that failed is tried again


class EmbeddedServer(ABC):
    """A server with its folder. Keeps its port and password as long as the object lives."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self.folder = folder.resolve()
        self.port = port or find_free_port()
        self._descriptor: int | None = None
        self._child: Child | None = None

    def prepare(self) -> Child:
        """The process to spawn, its folder locked and furnished. Errors: Held."""
        if self._child is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = lock_folder(self.folder)
            self._child = Child(self.build_program(self._descriptor))
        return self._child

    @abstractmethod
    def build_program(self, descriptor: int) -> Program:
        """Shapes: `descriptor` is the folder's; a child that inherits it keeps the lock."""

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> Self:
        """Returns when it answers. Also after a `kill`, with what is on disk.

        Errors: Held, DidNotStart. A killed Postgres leaves children that hold its memory for a
        moment, and their successor is refused until they are gone: hence `AGAIN`.
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
        """In order; the folder is free afterwards."""
        if self._child:
            self._child.stop()
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = self._child = None

    def kill(self) -> None:
        """As a power cut would; `start` begins from what is on disk."""
        if self._child:
            self._child.kill()


def load_or_create_password(path: Path) -> str:
    """One for the life of a folder, readable by its owner alone."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text()
