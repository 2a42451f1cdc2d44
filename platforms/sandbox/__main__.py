"""`python -m platforms.sandbox`: starts the sandbox server, which imitates TikTok for tests.

It runs until SIGTERM or Ctrl-C. The first line on stdout is JSON, `{"url": …}`. The app's key and
secret come from the environment, never from the command line.
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
from platforms.sandbox.tiktok.settings import SandboxSettings
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.urls import is_https_or_loopback


@click.command()
@click.option(
    "--host",
    default=DEFAULT_HOST,
    show_default=True,
    help="Address to listen on; use 0.0.0.0 only inside a container.",
)
@click.option("--port", default=0, show_default="any free port", help="Port to listen on.")
@click.option(
    "--webhook-url", default="", help="URL that deliveries are sent to; without it none are sent."
)
@click.option(
    "--redirect-uri", multiple=True, help="A registered redirect URI; may be given several times."
)
def main(host: str, port: int, webhook_url: str, redirect_uri: tuple[str, ...]) -> None:
    """Run a server that imitates TikTok: as strict as TikTok, with faults on demand."""
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
        raise click.ClickException(f"the environment variable {name} is not set")
    return value


def check_redirect_uris(uris: tuple[str, ...]) -> tuple[str, ...]:
    for uri in uris:
        if not is_registrable(uri):
            raise click.BadParameter(
                f"{uri} has to be https, or http on loopback, without query and fragment",
                param_hint="--redirect-uri",
            )
    return uris


def check_webhook_url(url: str) -> str:
    if url and not is_https_or_loopback(url):
        raise click.BadParameter(
            f"{url} has to be https, or http on loopback", param_hint="--webhook-url"
        )
    return url


def wait_for_signal() -> None:
    """Block until SIGTERM or SIGINT.

    A signal handler may use a SimpleQueue at any moment. A threading.Event would deadlock if the
    handler sets it while the main thread enters `wait` and holds its lock.
    """
    signals: SimpleQueue[int] = SimpleQueue()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda received, _frame: signals.put(received))
    signals.get()


if __name__ == "__main__":
    main()
