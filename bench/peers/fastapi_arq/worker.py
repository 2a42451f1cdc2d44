"""The job of the peer `fastapi_arq`: one per event.

arq is in maintenance mode: it gets fixes and no new features. Tuned as its documentation allows:
it polls for jobs each 20 ms instead of 500, and keeps no results.
"""

import os
from typing import Any, ClassVar

import asyncpg
from arq.connections import RedisSettings

QUIET_LOGGING = {"version": 1}
"""A logging configuration without output: two lines per job would be arq's largest cost."""

SELECT_EVENT = "SELECT publish_id, status FROM webhook_events WHERE id = $1 FOR UPDATE"
MARK_PUBLISHED = "UPDATE posts SET state = 'PUBLISHED' WHERE publish_id = $1"
MARK_DONE = """
UPDATE webhook_events SET status = 'done', processed_at = clock_timestamp() WHERE id = $1
"""


async def apply_event(context: dict[str, Any], event_id: int) -> None:
    """Mark the post as published and the event as done, unless it is done already."""
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


class ArqSettings:
    """arq reads its settings from the attributes of a class."""

    functions: ClassVar = [apply_event]
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = RedisSettings.from_dsn(os.environ["BROKER_URL"])
    max_jobs = 10  # as many as database connections
    poll_delay = 0.02
    keep_result = 0
