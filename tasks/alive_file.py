"""A file whose age shows that a process without a port still works, for container health checks.

A worker's watchdog touches it every few seconds, beat whenever it has sent a message. The file is
`signalpost-<role>.alive` in the folder for temporary files.
"""

import tempfile
import time
from pathlib import Path

import structlog

MIN_INTERVAL = 1.0  # seconds between two touches

log = structlog.get_logger(__name__)


class AliveFile:
    def __init__(self, role: str) -> None:
        self.path = Path(tempfile.gettempdir()) / f"signalpost-{role}.alive"
        self._touched_at = float("-inf")

    def touch(self) -> None:
        """Set the file's time to now. A folder that cannot be written is a failed health check, and
        no reason to stop working.
        """
        now = time.monotonic()
        if now - self._touched_at < MIN_INTERVAL:
            return
        self._touched_at = now
        try:
            self.path.touch(mode=0o600)
        except OSError as error:
            log.warning("alive_file.not_written", path=str(self.path), error=error.strerror)
