"""Debian's Redis on loopback, as tests need it: with TLS, as a replica, behind Sentinel."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.ports import find_free_port
from tests.flows.brokers import BrokerServer
from tests.support.certificate_authority import ServerCertificate

REDIS_COMMAND = Path("/usr/bin/redis-server")


class RedisServers:
    """Starts servers in folders of their own, and ends them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[BrokerServer] = []

    def start(
        self,
        *,
        certificate: ServerCertificate | None = None,
        mode: str = "",
        **options: str,
    ) -> BrokerServer:
        """Start one. `options` are settings, with `_` for `-`; `mode` may be `--sentinel`."""
        port = find_free_port()
        folder = self._folder / f"redis-{secrets.token_hex(4)}"
        folder.mkdir()
        lines = {"bind": "127.0.0.1", "port": str(port), "save": '""', "dir": str(folder)}
        if certificate is not None:
            lines |= {
                "port": "0",
                "tls-port": str(port),
                "tls-cert-file": str(certificate.certificate_file),
                "tls-key-file": str(certificate.key_file),
                "tls-ca-cert-file": str(certificate.certificate_file),
                "tls-auth-clients": "no",
            }
        lines |= {name.replace("_", "-"): value for name, value in options.items()}
        if mode:
            del lines["save"]
        config = folder / "redis.conf"
        config.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        command = [str(REDIS_COMMAND), str(config), *([mode] if mode else [])]
        scheme = "rediss" if certificate else "redis"
        server = BrokerServer(command, port, f"{scheme}://127.0.0.1:{port}/0", folder)
        self._started.append(server)
        return server.start()

    def stop(self) -> None:
        for server in self._started:
            server.kill()


@pytest.fixture
def redis_servers(tmp_path: Path) -> Iterator[RedisServers]:
    if not REDIS_COMMAND.exists():
        reason = "Redis is not installed (apt-get install redis-server)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    servers = RedisServers(tmp_path)
    yield servers
    servers.stop()
