"""How busy tables lie on disk, as Postgres' own settings of a table. Knows no table by name.

Measured in `docs/decisions/0012-room-for-the-claim.md`.
"""

from collections.abc import Mapping

Storage = Mapping[str, str]

INBOX: Storage = {
    # A claim changes a whole page of neighbours at once: half of it is kept for their successors,
    # so that a claim writes no index at all.
    "fillfactor": "50",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.02",
    # Cleaning millions of rows is mostly waiting: 23 s of it for half a second of work.
    "autovacuum_vacuum_cost_limit": "1000",
}

CHANGED: Storage = {
    "fillfactor": "80",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.05",
}
"""Rows that live long and are claimed one here, one there."""

GROWING: Storage = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
}
"""Written once or twice, and deleted by age."""
