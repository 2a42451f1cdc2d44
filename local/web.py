"""The web application as this house runs it. Must add nothing to what it does."""

from typing import TYPE_CHECKING

import app
from local.orphans import die_with_parent

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def create_app() -> "WSGIApplication":
    """In the server's own child: killed without a word, the server takes it along."""
    die_with_parent()
    return app.create_app()
