"""What the processes of a failed test logged, for its report: their folders do not outlive CI."""

import re
from pathlib import Path

MAX_LINES = 15
IS_WARNING = re.compile(r"warning|error|critical|Traceback", re.IGNORECASE)


def list_log_sections(item):
    """Return the last warnings of each log in a fixture's folder, as sections of a report."""
    folders = {
        Path(folder)
        for fixture in getattr(item, "funcargs", {}).values()
        if isinstance(folder := getattr(fixture, "folder", None), str | Path)
    }
    return [
        (f"warnings of {path.name}", "\n".join(lines))
        for folder in sorted(folders)
        for path in sorted(folder.rglob("*.log"))
        if (lines := read_warnings(path))
    ]


def read_warnings(path):
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if IS_WARNING.search(line)][-MAX_LINES:]
