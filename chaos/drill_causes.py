"""The causes of staged incidents: a stopped process, a lost server, a full disk, dead tokens …

Each makes what fails in reality, and leaves the rest to signalpost and to the operator. Where an
operator would wait for minutes or hours, `pass_…` dates back what has happened so far.
"""

import os
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from chaos.fault_tools import wait_for
from core.webhooks.process import WEBHOOK_JOB_TYPE
from tests.flows.api_user import ApiUser
from tests.support.small_disk import SmallDisk

BACKLOG_EVENTS = 120
STRANGE_POSTS = 3
CREATORS, POSTING_CREATORS = 14, 2
DISK_BYTES = 64 * 2**20
WAIT_SECONDS = 30.0
CREATOR_PREFIX = "-000drill-"
KEPT_SUFFIX = ".kept"

AGE_CANARIES = "UPDATE beats SET at = at - interval '6 minutes' WHERE name LIKE 'canary:%%'"
AGE_DUE_EVENTS = """
UPDATE webhook_events SET next_attempt_at = next_attempt_at - interval '6 minutes'
 WHERE processed_at IS NULL AND dead_at IS NULL
"""
AGE_TRIED_EVENTS = """
UPDATE webhook_events SET created_at = created_at - interval '25 hours', next_attempt_at = now(),
       retry_count = greatest(retry_count, %s)
 WHERE processed_at IS NULL AND dead_at IS NULL
"""
AGE_REFRESHES = """
UPDATE attempts SET started_at = started_at - interval '61 minutes' WHERE kind = 'accounts'
"""
EXPIRE_TOKENS = """
UPDATE oauth_accounts SET expires_at = now(), refresh_due_at = now()
 WHERE status = 'ACTIVE' AND open_id LIKE %s
"""
LIST_DEAD_LOGINS = """
SELECT open_id FROM oauth_accounts WHERE status <> 'ACTIVE' AND open_id LIKE %s ORDER BY id
"""
ADD_CONSTRAINT = (
    "ALTER TABLE webhook_events ADD CONSTRAINT added_by_hand CHECK (status <> 'done') NOT VALID"
)
FIND_PUBLISH_ID = "SELECT publish_id FROM posts WHERE id = %s"
COUNT_OPEN = "SELECT count(*) FROM webhook_events WHERE processed_at IS NULL AND dead_at IS NULL"
COUNT_UNTRIED = f"{COUNT_OPEN} AND error_message IS NULL"


def stop_worker(stack: Any) -> None:
    """Stop the worker's processes: they are there, and do nothing. Events and a post arrive."""
    user = stack.create_api_user()
    published = user.publish_file()
    user.wait_until_final(published)
    (publish_id,) = stack.query(FIND_PUBLISH_ID, published)[0]
    os.killpg(stack.find_process("worker").pid, signal.SIGSTOP)
    for number in range(BACKLOG_EVENTS):
        send_publication_event(stack, user, publish_id, number=number)
    wait_for(lambda: stack.query_value(COUNT_OPEN) >= BACKLOG_EVENTS, within=WAIT_SECONDS)
    user.publish_file()


def send_publication_event(stack: Any, user: ApiUser, publish_id: str, **content: Any) -> None:
    """Have the sandbox deliver a signed event about this publication."""
    content = {"publish_id": publish_id, "publish_type": "DIRECT_PUBLISH", **content}
    stack.sandbox.control(
        "webhooks", event="post.publish.complete", open_id=user.open_id, content=content
    )


def pass_minutes(stack: Any) -> None:
    """Six minutes pass."""
    stack.query(AGE_CANARIES)
    stack.query(AGE_DUE_EVENTS)
    stack.expire_leases()


def poison_events(stack: Any) -> None:
    """Add a constraint by hand that no applied event meets; deliver events of posts.

    Those are of a post of ours, and of posts that another program made.
    """
    user = stack.create_api_user()
    stack.query(ADD_CONSTRAINT)
    user.wait_until_final(user.publish_file())
    for number in range(STRANGE_POSTS):
        send_publication_event(stack, user, f"v_pub_file~of-another-program-{number}")


def pass_a_day(stack: Any) -> None:
    """A day passes, with all but the last of the attempts at each event."""
    wait_for(lambda: stack.query_value(COUNT_UNTRIED) == 0, within=WAIT_SECONDS)
    stack.query(AGE_TRIED_EVENTS, WEBHOOK_JOB_TYPE.retry_policy.max_attempts - 1)
    wait_for(lambda: stack.query_value(COUNT_OPEN) == 0, within=WAIT_SECONDS)


def revoke_tokens(stack: Any) -> None:
    """The platform forgets the tokens of 14 creators, and sends no event. Two of them post."""
    user = stack.create_api_user()
    creators = [connect_creator(stack, user, number) for number in range(CREATORS)]
    stack.sandbox.control("faults", endpoint="webhook", kind="lose", times=CREATORS)
    for creator in creators:
        stack.sandbox.control(f"creators/{creator.open_id}/disconnect", reason=0)
    stack.sandbox.control("faults", method="DELETE")
    for creator in creators[:POSTING_CREATORS]:
        creator.publish_file()


def connect_creator(stack: Any, user: ApiUser, number: int) -> ApiUser:
    open_id = f"{CREATOR_PREFIX}{number}"
    stack.sandbox.control("creators", open_id=open_id)
    creator = replace(user, open_id=open_id, account_id=0, files={})
    creator.connect()
    return creator


def pass_an_hour(stack: Any) -> None:
    """An hour passes: the tokens fall due, and what was refused before is an hour old."""
    stack.query(AGE_REFRESHES)
    stack.query(EXPIRE_TOKENS, f"{CREATOR_PREFIX}%")


def reconnect_creators(stack: Any) -> None:
    """The creators whose connection has ended connect again, as their notification asks them to."""
    user = stack.create_api_user()
    for (open_id,) in stack.query(LIST_DEAD_LOGINS, f"{CREATOR_PREFIX}%"):
        replace(user, open_id=open_id, account_id=0, files={}).connect()


def lose_primary(stack: Any) -> None:
    """Kill the primary while posts are on their way. It does not come back."""
    user = stack.create_api_user()
    for _ in range(2):
        user.publish_file()
    os.killpg(stack.info["primary_pid"], signal.SIGKILL)


def end_leases(stack: Any) -> None:
    """Six minutes pass: the leases end of what the workers had in hand."""
    stack.expire_leases()


def fill_media_store(stack: Any) -> None:
    """Fill the disk of the media files: a small one is mounted, and a file takes all its room.

    Without root nothing can be mounted: the right to write is taken from the folder instead.
    """
    folder = find_media_folder(stack)
    if os.geteuid() == 0:
        kept = folder.with_name(folder.name + KEPT_SUFFIX)
        shutil.copytree(folder, kept)
        options = ("-o", f"size={DISK_BYTES},mode=0700")
        subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", folder], check=True)
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        SmallDisk(folder).fill()
    else:
        for path in (folder, *(each for each in folder.iterdir() if each.is_dir())):
            path.chmod(0o500)


def return_media_disk(stack: Any) -> None:
    """Put the old disk back, with the files of the small one."""
    folder = find_media_folder(stack)
    kept = folder.with_name(folder.name + KEPT_SUFFIX)
    if not kept.exists():
        return
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    subprocess.run(["umount", "--lazy", folder], check=True)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    shutil.rmtree(kept)


def find_media_folder(stack: Any) -> Path:
    folder: Path = stack.folder / "data" / "media"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def describe_processes(stack: Any) -> list[str]:
    """Name, id and state of each process, as `docker compose ps` or `systemctl status` has them."""
    lines = []
    for name in stack.info["pids"]:
        process = stack.find_process(name)
        state = process.status() if process else "not running"
        lines.append(f"{name:9} {process.pid if process else '-':>7} {state}")
    return lines


def restart_process(stack: Any, name: str) -> None:
    """Kill the process and wait for the next one, as a supervisor restarts it."""
    before = stack.find_process(name)
    stack.kill(name)

    def is_replaced() -> bool:
        process: psutil.Process | None = stack.find_process(name)
        return process is not None and (before is None or process.pid != before.pid)

    wait_for(is_replaced, within=WAIT_SECONDS)
