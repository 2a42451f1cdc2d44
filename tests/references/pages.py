"""The pages that are written from the code, each with the function that writes it."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from local.cli_reference import render_reference
from tests.references.alert_list import render_alerts
from tests.references.error_codes import render_error_codes, render_troubleshooting
from tests.references.metric_list import render_metrics
from tests.references.operation_list import render_operations
from tests.references.table_list import render_tables

ROOT = Path(__file__).parents[2]
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/cli.md": render_reference,
    "docs/reference/alerts.md": render_alerts,
    "docs/reference/errors.md": render_error_codes,
    "docs/reference/http.md": render_operations,
    "docs/reference/metrics.md": render_metrics,
    "docs/reference/tables.md": render_tables,
    "docs/user/troubleshooting.md": partial(render_troubleshooting, "en"),
    "docs/fr/depannage.md": partial(render_troubleshooting, "fr"),
}
"""Path → what writes it. docs/settings.md is written by hand and compared in tests/unit."""
