"""Real proxies in front of a stack: nginx and Caddy, each with its usual configuration."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.ports import LOOPBACK_HOST, find_free_port, is_port_in_use
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process

PREFIX = "/signalpost"
NGINX = """{user}daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream signalpost {{ server {web}; keepalive 8; }}
  server {{
    listen {address};
    {options}
    location {prefix}/ {{
      proxy_pass http://signalpost{target};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""
CADDY = """{{
  admin off
  auto_https off
}}
http://{address} {{
  handle_path {prefix}/* {{
    reverse_proxy {web}
  }}
}}
"""


@dataclass(frozen=True)
class ProxyKind:
    """A proxy and how it is set up. `target` is the path that replaces the prefix, if any does."""

    command: str
    template: str
    options: str = ""
    target: str = ""


PROXY_KINDS = {
    "nginx, prefix passed on, bodies buffered": ProxyKind(
        "nginx", NGINX, options="client_max_body_size 16m;"
    ),
    "nginx, prefix stripped, bodies streamed": ProxyKind(
        "nginx",
        NGINX,
        options="client_max_body_size 0; proxy_request_buffering off;",
        target="/",
    ),
    "Caddy, prefix stripped": ProxyKind("caddy", CADDY),
}
NGINX_WITH_ITS_BODY_LIMIT = ProxyKind("nginx", NGINX)


@contextmanager
def run_proxy(kind: ProxyKind, folder: Path, web: str, *, port: int | None = None) -> Iterator[str]:
    """Start a proxy on a port of its own, yield the URL of the prefix, and stop it.

    Shapes: `web` is the host and port of the web process.
    """
    command = shutil.which(kind.command, path=f"{os.environ['PATH']}:/usr/sbin")
    if command is None:
        reason = f"{kind.command} is not installed (apt-get install {kind.command})"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    port = port or find_free_port()
    target = PREFIX + "/" if kind.template is NGINX and not kind.target else kind.target
    config = folder / "config"
    config.write_text(
        kind.template.format(
            folder=folder,
            user="user root;\n" if os.geteuid() == 0 else "",  # the folder is this user's
            web=web,
            address=f"{LOOPBACK_HOST}:{port}",
            prefix=PREFIX,
            target=target,
            options=kind.options,
        )
    )
    arguments = {
        "nginx": (command, "-p", folder, "-c", config),
        "caddy": (command, "run", "--adapter", "caddyfile", "--config", config),
    }[kind.command]
    with (folder / "output").open("wb") as output:
        environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        process = start_process(
            arguments,
            stdout=output,
            stderr=output,
            env=environment,
            parent_death_signal=signal.SIGTERM,
        )
    try:
        wait_until(lambda: is_port_in_use(port), what=f"{kind.command} to listen")
        yield f"http://{LOOPBACK_HOST}:{port}{PREFIX}"
    finally:
        process.terminate()
        process.wait(10)
