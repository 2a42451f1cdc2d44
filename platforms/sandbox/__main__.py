"""`python -m platforms.sandbox`: starts the sandbox server, which imitates the platforms for tests.

It runs until SIGTERM or Ctrl-C. The first line on stdout is JSON, `{"url": …}`. The apps' keys and
secrets come from the environment, never from the command line. Without those of Meta's apps it
imitates TikTok alone.
"""

import json
import os
import signal
from queue import SimpleQueue

import click

from platforms.sandbox.app import create_app
from platforms.sandbox.instagram.default_people import add_default_people
from platforms.sandbox.instagram.settings import InstagramSandboxSettings
from platforms.sandbox.instagram.state import InstagramState, MetaApp
from platforms.sandbox.server import DEFAULT_HOST, SandboxServer
from platforms.sandbox.state import SandboxState
from platforms.sandbox.tiktok.authorize import is_registrable
from platforms.sandbox.tiktok.settings import SandboxSettings
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.urls import is_https_or_loopback

META_NAMES = ("FACEBOOK_APP_ID", "FACEBOOK_APP_SECRET", "INSTAGRAM_APP_ID", "INSTAGRAM_APP_SECRET")


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
    "--instagram-webhook-url",
    default="",
    help="URL that Meta's deliveries are sent to; without it none are sent.",
)
@click.option(
    "--instagram-callback-url",
    default="",
    help="Meta's callbacks are sent to /deauthorize and /data-deletion below this URL.",
)
@click.option(
    "--redirect-uri", multiple=True, help="A registered redirect URI; may be given several times."
)
def main(
    host: str,
    port: int,
    webhook_url: str,
    instagram_webhook_url: str,
    instagram_callback_url: str,
    redirect_uri: tuple[str, ...],
) -> None:
    """Run a server that imitates the platforms: as strict as they are, with faults on demand."""
    sandbox = SandboxState()
    tiktok = TikTokState(
        sandbox,
        client_key=require_env("TIKTOK_CLIENT_KEY"),
        client_secret=require_env("TIKTOK_CLIENT_SECRET"),
        redirect_uris=check_redirect_uris(redirect_uri),
        settings=SandboxSettings(webhook_url=check_webhook_url(webhook_url)),
    )
    instagram = build_instagram(
        sandbox,
        redirect_uri,
        webhook_url=check_webhook_url(instagram_webhook_url, "--instagram-webhook-url"),
        callback_url=check_webhook_url(instagram_callback_url, "--instagram-callback-url"),
    )
    server = SandboxServer(create_app(sandbox, tiktok, instagram), port, host=host)
    sandbox.start()
    server.start()
    click.echo(json.dumps({"url": server.url}))
    wait_for_signal()
    sandbox.stop()
    server.stop()


def build_instagram(
    sandbox: SandboxState, redirect_uris: tuple[str, ...], *, webhook_url: str, callback_url: str
) -> InstagramState | None:
    """Return Instagram's state; None unless the environment has Meta's apps.

    Errors: ClickException if it has some of their names, but not all.
    """
    if not any(os.environ.get(name) for name in META_NAMES):
        return None
    facebook_id, facebook_secret, instagram_id, instagram_secret = map(require_env, META_NAMES)
    instagram = InstagramState(
        sandbox,
        facebook_app=MetaApp(facebook_id, facebook_secret),
        instagram_app=MetaApp(instagram_id, instagram_secret),
        redirect_uris=redirect_uris,
        settings=InstagramSandboxSettings(
            webhook_url=webhook_url,
            deauthorize_url=callback_url and f"{callback_url}/deauthorize",
            data_deletion_url=callback_url and f"{callback_url}/data-deletion",
        ),
        verify_token=os.environ.get("INSTAGRAM_WEBHOOK_VERIFY_TOKEN", ""),
    )
    add_default_people(instagram)
    return instagram


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


def check_webhook_url(url: str, option: str = "--webhook-url") -> str:
    if url and not is_https_or_loopback(url):
        raise click.BadParameter(f"{url} has to be https, or http on loopback", param_hint=option)
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
