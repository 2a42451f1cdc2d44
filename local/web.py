"""The ASGI application for `signalpost up`: `app.asgi`, stopped together with its server."""

from app import asgi
from core.config.parent_death import die_with_parent


def create_asgi_app() -> asgi.AsgiApp:
    """Run in granian's worker process, which is to die even if granian is killed."""
    die_with_parent()
    return asgi.create_asgi_app()
