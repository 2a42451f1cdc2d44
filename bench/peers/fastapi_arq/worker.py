"""One arq job per notice. arq is in maintenance mode: it gets fixes and no features any more.

Tuned as its documentation lets: it looks for jobs each 20 ms, not each 500, and keeps no results.
"""

import os
from typing import Any, ClassVar

import asyncpg
from arq.connections import RedisSettings

QUIET = {"version": 1}
"""For `logging`: arq would write two lines per job, and they would be its largest cost."""

SELECT_EVENT = "SELECT publish_id, status FROM webhook_events WHERE id = $1 FOR UPDATE"
MARK_PUBLISHED = "UPDATE posts SET state = 'PUBLISHED' WHERE publish_id = $1"
MARK_DONE = """
UPDATE webhook_events SET status = 'done', processed_at = clock_timestamp() WHERE id = $1
"""


async def apply_event(context: dict[str, Any], event_id: int) -> None:
    """The publication moves on, and the notice is done."""
    async with context["pool"].acquire() as connection, connection.transaction():
        row = await connection.fetchrow(SELECT_EVENT, event_id)
        if row["status"] != "done":
            await connection.execute(MARK_PUBLISHED, row["publish_id"])
            await connection.execute(MARK_DONE, event_id)


async def startup(context: dict[str, Any]) -> None:
    context["pool"] = await asyncpg.create_pool(os.environ["POSTGRES_DSN"], min_size=10)
    print("ready", flush=True)


async def shutdown(context: dict[str, Any]) -> None:
    await context["pool"].close()


class Worker:
    """arq's settings are the attributes of a class."""

    functions: ClassVar = [apply_event]
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = RedisSettings.from_dsn(os.environ["BROKER_URL"])
    max_jobs = 10  # as many as connections
    poll_delay = 0.02
    keep_result = 0
