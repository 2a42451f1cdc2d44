"""One whole stack for a campaign: `signalpost up --sandbox`, with Redis behind a TCP proxy."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import valkey
from local.ports import find_free_port
from tests.flows.brokers import BrokerServer
from tests.flows.skewed_stack import OFFSET_VARIABLE, SKEWED_COMMAND, write_offset
from tests.flows.stacks import run_stack
from tests.flows.tcp_forwarder import TcpForwarder, run_forwarder
from tests.flows.webhook_burst import SETUP_SQL, WEBHOOK_SECRET
from tests.support.small_disk import SmallDisk, mount_small_disk

MEDIA_DISK_BYTES = 200 * 2**20

AUDIT_SQL = """
CREATE TABLE token_changes (account_id bigint, version_before bigint, version_after bigint);
CREATE FUNCTION note_token_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO token_changes VALUES (NEW.id, OLD.token_version, NEW.token_version);
  RETURN NULL; END $$;
CREATE TRIGGER note_token_change AFTER UPDATE OF refresh_token_encrypted ON oauth_accounts
  FOR EACH ROW WHEN (NEW.refresh_token_encrypted IS DISTINCT FROM OLD.refresh_token_encrypted)
  EXECUTE FUNCTION note_token_change();
CREATE TABLE connection_losses (account_id bigint, cause text);
CREATE FUNCTION note_connection_loss() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO connection_losses VALUES (NEW.id, NEW.status_cause); RETURN NULL; END $$;
CREATE TRIGGER note_connection_loss AFTER UPDATE OF status_cause ON oauth_accounts FOR EACH ROW
  WHEN (NEW.status_cause IS NOT NULL AND NEW.status_cause IS DISTINCT FROM OLD.status_cause)
  EXECUTE FUNCTION note_connection_loss();
CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE EXCEPTION 'an event of the campaign that cannot be applied'; END $$;
CREATE TRIGGER refuse_poison BEFORE UPDATE OF status ON webhook_events FOR EACH ROW
  WHEN (NEW.status = 'done' AND NEW.publish_id LIKE 'poison-%%') EXECUTE FUNCTION refuse_poison();
"""
"""Triggers keep each change of a refresh token and why connections ended; one makes events fail."""


@dataclass
class CampaignStack:
    """The stack with what surrounds it. `running` is the `RunningStack` of the tests."""

    running: Any
    redis: BrokerServer
    redis_proxy: TcpForwarder
    offset_path: Path
    media_disk: SmallDisk | None

    @property
    def sandbox(self) -> Any:
        return self.running.sandbox

    def query(self, statement: str, *parameters: Any) -> Any:
        """Run a statement and return its rows, or the row count; waits while Postgres is down."""
        return self.running.query(statement, *parameters)

    def query_value(self, statement: str, *parameters: Any) -> Any:
        return self.running.query_value(statement, *parameters)

    def move_clock(self, seconds: float) -> None:
        """Move the clock of web, workers and beat this far from the machine's."""
        write_offset(self.offset_path, seconds)


@contextmanager
def run_campaign_stack(folder: Path) -> Iterator[CampaignStack]:
    """Start the stack with triggers that keep what is checked in the end, and stop it."""
    with ExitStack() as exits:
        redis = start_redis(folder / "redis")
        exits.callback(redis.kill)
        proxy = exits.enter_context(run_forwarder(redis.port))
        disk = mount_media_disk(folder / "media", exits)
        offset_path = folder / "clock-offset"
        write_offset(offset_path, 0)
        settings = {
            OFFSET_VARIABLE: str(offset_path),
            "BROKER_URL": f"redis://127.0.0.1:{proxy.port}/0",
            "TIKTOK_CLIENT_SECRET": WEBHOOK_SECRET,  # also signs the deliveries of the sandbox
        }
        if disk is not None:
            settings["MEDIA_URL"] = f"file://{disk.folder}"
        stack_folder = folder / "stack"
        stack_folder.mkdir()
        running = exits.enter_context(run_stack(stack_folder, command=SKEWED_COMMAND, **settings))
        running.query(SETUP_SQL)
        running.query(AUDIT_SQL)
        yield CampaignStack(running, redis, proxy, offset_path, disk)


def start_redis(folder: Path) -> BrokerServer:
    folder.mkdir()
    port = find_free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    command = [str(valkey.find_server_binary()), *options]
    return BrokerServer(command, port, f"redis://127.0.0.1:{port}/0", folder).start()


def mount_media_disk(folder: Path, exits: ExitStack) -> SmallDisk | None:
    """Return a disk for media that can be filled; None if this user cannot mount one."""
    try:
        disk: SmallDisk = exits.enter_context(mount_small_disk(folder, size=MEDIA_DISK_BYTES))
    except pytest.skip.Exception:
        return None
    return disk
