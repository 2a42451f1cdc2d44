"""Network hosts on one machine: each has an address of its own, and its link can be taken down.

A host is a network namespace behind a virtual link. What listens on 127.0.0.1 of this machine is
reached from there through forwarders on the machine's end of the link. Needs root, `ip` and `nft`.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.flows.tcp_forwarder import TcpForwarder

ADDRESS_FORMAT = "10.99.{number}.{end}"


@dataclass
class NetworkHost:
    """A host with a link. `gateway` is the address by which it reaches this machine."""

    name: str
    gateway: str
    address: str
    forwarders: Mapping[int, TcpForwarder]

    @property
    def command_prefix(self) -> tuple[str, ...]:
        """What a command begins with that is to run on this host."""
        return ("ip", "netns", "exec", self.name)

    def translate(self, text: str) -> str:
        """Replace addresses of this machine by those that lead to it from the host."""
        for port, forwarder in self.forwarders.items():
            text = text.replace(f"127.0.0.1:{port}", f"{self.gateway}:{forwarder.port}")
        return text

    def take_link_down(self) -> None:
        run("ip", "link", "set", link_name(self.name), "down")

    def bring_link_up(self) -> None:
        run("ip", "link", "set", link_name(self.name), "up")

    def lose_packets(self, percent: int) -> None:
        """Drop so many of a hundred packets that the host sends."""
        chain = f"inet {self.name} lossy"
        lost = f"numgen random mod 100 < {percent} counter drop"
        run("nft", f"add table inet {self.name}")
        run("nft", f"add chain {chain} {{ type filter hook input priority 0; }}")
        run("nft", f"add rule {chain} ip saddr {self.address} {lost}")

    def count_lost_packets(self) -> int:
        words = run("nft", "list", "table", "inet", self.name).split()
        return sum(int(words[at + 1]) for at, word in enumerate(words) if word == "packets")


@contextmanager
def run_hosts(count: int, ports: list[int]) -> Iterator[list[NetworkHost]]:
    """Hosts that reach these ports of this machine. They are removed at the end."""
    missing = [name for name in ("ip", "nft") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip("needs root, and the packages iproute2 and nftables")
    with ExitStack() as stack:
        yield [stack.enter_context(run_host(number, ports)) for number in range(count)]


@contextmanager
def run_host(number: int, ports: list[int]) -> Iterator[NetworkHost]:
    name = f"sp{os.getpid()}h{number}"
    gateway, address = (ADDRESS_FORMAT.format(number=number, end=end) for end in (1, 2))
    inside = ("ip", "-n", name)
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", link_name(name), "type", "veth", "peer", "eth0", "netns", name)
        run("ip", "address", "add", f"{gateway}/24", "dev", link_name(name))
        run("ip", "link", "set", link_name(name), "up")
        run(*inside, "address", "add", f"{address}/24", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "link", "set", "lo", "up")
        forwarders = {port: TcpForwarder(port, host=gateway) for port in ports}
        yield NetworkHost(name, gateway, address, forwarders)
        for forwarder in forwarders.values():
            forwarder.close()
    finally:
        subprocess.run(["nft", "delete", "table", "inet", name], check=False, capture_output=True)
        run("ip", "netns", "delete", name)


def link_name(host: str) -> str:
    """The machine's end. Names of network devices have fifteen characters at most."""
    return f"v{host}"[:15]


def run(*words: str) -> str:
    """Run a command and return its output. Errors: CalledProcessError."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
