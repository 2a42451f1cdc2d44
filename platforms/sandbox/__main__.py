"""`python -m platforms.sandbox`: stands in for the platforms on this machine until it is stopped.

The first line on stdout is JSON, `{"url": …}`; the app's secret comes from the environment, never
from the command line.
"""

import json
import os
import signal
from queue import SimpleQueue

import click

from platforms.sandbox.app import create_app
from platforms.sandbox.server import DEFAULT_HOST, SandboxServer
from platforms.sandbox.state import SandboxState
from platforms.sandbox.tiktok.authorize import is_registrable
from platforms.sandbox.tiktok.events import is_webhook_url
from platforms.sandbox.tiktok.settings import SandboxSettings
from platforms.sandbox.tiktok.state import TikTokState


@click.command()
@click.option(
    "--host", default=DEFAULT_HOST, show_default=True, help="0.0.0.0 only inside a container."
)
@click.option("--port", default=0, show_default="any free one")
@click.option("--webhook-url", default="", help="Where deliveries go; none are sent without it.")
@click.option("--redirect-uri", multiple=True, help="A registered callback; may be repeated.")
def main(host: str, port: int, webhook_url: str, redirect_uri: tuple[str, ...]) -> None:
    """Imitate TikTok: strictly, and with faults on demand."""
    sandbox = SandboxState()
    tiktok = TikTokState(
        sandbox,
        client_key=require_env("TIKTOK_CLIENT_KEY"),
        client_secret=require_env("TIKTOK_CLIENT_SECRET"),
        redirect_uris=check_redirect_uris(redirect_uri),
        settings=SandboxSettings(webhook_url=check_webhook_url(webhook_url)),
    )
    server = SandboxServer(create_app(sandbox, tiktok), port, host=host)
    sandbox.start()
    server.start()
    click.echo(json.dumps({"url": server.url}))
    wait_for_signal()
    sandbox.stop()
    server.stop()


def require_env(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise click.ClickException(f"{name} is not set")
    return value


def check_redirect_uris(uris: tuple[str, ...]) -> tuple[str, ...]:
    for uri in uris:
        if not is_registrable(uri):
            raise click.BadParameter(f"{uri}: https (or loopback), no query, no fragment")
    return uris


def check_webhook_url(url: str) -> str:
    if url and not is_webhook_url(url):
        raise click.BadParameter("https, or http on loopback", param_hint="--webhook-url")
    return url


def wait_for_signal() -> None:
    """By a queue, which a handler may use at any moment: an event that is told in the very moment
    in which it begins to wait waits for its own lock, and for ever.
    """
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda told_by, _: signals.put(told_by))
    signals.get()


if __name__ == "__main__":
    main()
