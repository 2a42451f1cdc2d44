"""The measured figures that docs/scale.md is computed from, and the file that holds them.

The file is committed, so that the page can be computed again without a measurement.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from bench.shared_servers import ROOT

FIGURES_PATH = ROOT / "bench" / "scale_figures.json"
LOAD_PHASE = "many"  # as fast as it goes, 64 senders
OUR_ROLES = ("web", "worker", "postgres", "redis", "beat", "uploads")
GIB_IN_MIB = 1024


@dataclass(frozen=True)
class CallFigures:
    """One kind of call to a platform: how many per second, and its CPU in ms by role."""

    per_second: float
    cost: Mapping[str, float]


@dataclass(frozen=True)
class StoredBytes:
    """What an event takes that was stored and applied, with its indexes, its post's timeline and
    its notification: bytes in tables, and bytes of write-ahead log with full page images.
    """

    table: float
    log: float
    events: int
    measured_at: str


@dataclass(frozen=True)
class ScaleFigures:
    """Figures of one run. CPU in ms by role; `upload_seconds`: CPU seconds for 1 GiB by role."""

    measured_at: str
    cores: int
    others: float
    accepted_per_second: float
    applied_per_second: float
    backlog_per_second: float
    event: Mapping[str, float]
    check: CallFigures
    refresh: CallFigures
    upload_seconds: Mapping[str, float]
    stored: StoredBytes

    @classmethod
    def load(cls, path: Path = FIGURES_PATH) -> Self:
        """Errors: OSError, ValueError, KeyError if it is no file of figures."""
        fields = json.loads(path.read_text())
        fields["check"] = CallFigures(**fields["check"])
        fields["refresh"] = CallFigures(**fields["refresh"])
        fields["stored"] = StoredBytes(**fields["stored"])
        return cls(**fields)

    def save(self, path: Path = FIGURES_PATH) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def read_run(path: Path, stored: StoredBytes) -> ScaleFigures:
    """The figures of a file that `make bench` has written.

    Errors: KeyError, IndexError if a part was not measured that the page needs: signalpost itself,
    drain, upload, refresh, status.
    """
    document: dict[str, Any] = json.loads(path.read_text())
    load = document["stacks"]["signalpost"][LOAD_PHASE]
    calls = {call["kind"]: call for call in document["calls"]}
    upload = document["films"][0]
    written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return ScaleFigures(
        measured_at=f"{written_at:%Y-%m-%d %H:%M}",
        cores=document["machine"]["cores"],
        others=load["burden"]["others"],
        accepted_per_second=load["accepted_per_second"],
        applied_per_second=load["applied_per_second"],
        backlog_per_second=max(drain["applied_per_second"] for drain in document["drains"]),
        event=select_roles(load["burden"]["cost"]),
        check=read_call(calls["posts"]),
        refresh=read_call(calls["accounts"]),
        upload_seconds={
            role: round(seconds * GIB_IN_MIB / upload["mib"], 3)
            for role, seconds in upload["cost"].items()
        },
        stored=stored,
    )


def read_call(call: Mapping[str, Any]) -> CallFigures:
    return CallFigures(call["per_second"], select_roles(call["cost"]))


def select_roles(cost: Mapping[str, float]) -> dict[str, float]:
    """The cost without what stands for senders and platforms."""
    return {role: cost[role] for role in OUR_ROLES if role in cost}
