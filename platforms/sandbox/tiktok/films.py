"""What TikTok demands of a film, and finding out what one is. Must not know whose it is.

A stranger's bytes are read by another process, see `look`: whatever happens to it there means no
more than that this was no film.
Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11. How exactly rates and
lengths are measured is not documented: ours are whole pictures a second and exact seconds, and what
the headers do not say is not held against a film.
"""

import json
import logging
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from platforms.sandbox.tiktok.reel import Reel

log = logging.getLogger(__name__)

CONTAINERS = frozenset({"mp4", "mov", "webm"})
CODECS = frozenset({"h264", "hevc", "vp8", "vp9"})
SLOWEST, FASTEST = 23, 60  # pictures a second
SHORTEST_SIDE, LONGEST_SIDE = 360, 4096  # pixels
LONGEST = 600  # seconds through the API, whatever the creator may
BAD_FORMAT = "file_format_check_failed"

LOOK = (sys.executable, "-I", str(Path(__file__).with_name("look.py")))
PATIENCE = 60.0  # seconds; its ten of CPU end it earlier, unless the machine is busy
REMEMBERED = 500  # films


@dataclass(frozen=True)
class Film:
    """Units: pictures a second, pixels, seconds."""

    container: str
    codec: str
    fps: float | None
    width: int
    height: int
    seconds: float | None


def fault(film: Film | None, *, longest: float) -> str:
    """The fail_reason; empty if there is none. `longest`: seconds this creator may post."""
    if film is None:
        return BAD_FORMAT
    sides = (film.width, film.height)
    checks = {
        BAD_FORMAT: film.container in CONTAINERS and film.codec in CODECS,
        "duration_check_failed": film.seconds is None or film.seconds <= min(longest, LONGEST),
        "frame_rate_check_failed": film.fps is None or SLOWEST <= round(film.fps) <= FASTEST,
        "picture_size_check_failed": all(SHORTEST_SIDE <= one <= LONGEST_SIDE for one in sides),
    }
    return next((reason for reason, is_fine in checks.items() if not is_fine), "")


class Films:
    """Those looked at before, by digest: a storm of one film costs one look."""

    def __init__(self, look: tuple[str, ...] = LOOK) -> None:
        self._look = look
        self._known: dict[str, Film] = {}
        self._turn = threading.Lock()  # one look at a time

    def known(self, digest: str) -> Film | None:
        return self._known.get(digest)

    def look(self, digest: str, reel: Reel) -> Film | None:
        """None if it is no film. Takes its time: not to be called under a platform's lock."""
        with self._turn:
            film = self._known.get(digest) or looked(reel, self._look)
            if film:
                self._known[digest] = film
            while len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return film


def looked(reel: Reel, command: tuple[str, ...]) -> Film | None:
    try:
        child = subprocess.run(
            command,
            stdin=reel.rewound(),
            env={},
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        told = json.loads(child.stdout)
        return Film(**told) if told else None
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        log.warning("a film could not be looked at: %s", error)
        return None
