"""The web application as this house runs it. Must add nothing to what it does."""

from app import asgi
from local.parent_death import die_with_parent


def create_asgi_app() -> asgi.AsgiApp:
    """In the server's own child: killed without a word, the server takes it along."""
    die_with_parent()
    return asgi.create_asgi_app()
