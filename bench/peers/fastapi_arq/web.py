"""The web part of the peer `fastapi_arq`: stores each delivery, sends its id to arq.

Imports neither Flask nor SQLAlchemy: the environment of this peer has neither.
"""

import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from arq import create_pool
from arq.connections import RedisSettings
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from bench.peers.signature import verify_envelope

INSERT_EVENT = """
INSERT INTO webhook_events (external_id, publish_id, payload) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING id
"""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    redis = await create_pool(RedisSettings.from_dsn(os.environ["BROKER_URL"]))
    async with asyncpg.create_pool(os.environ["POSTGRES_DSN"], min_size=20, max_size=20) as pool:
        app.state.pool, app.state.redis = pool, redis
        yield
    await redis.aclose()


app = FastAPI(lifespan=lifespan)


@app.post("/webhooks")
async def receive_webhook(request: Request) -> JSONResponse:
    body = await request.body()
    envelope = verify_envelope(request.headers.get("TikTok-Signature", ""), body)
    if envelope is None:
        return JSONResponse({"success": False}, 401)
    publish_id = json.loads(envelope["content"])["publish_id"]
    digest = hashlib.sha256(body).hexdigest()
    new = await request.app.state.pool.fetchval(INSERT_EVENT, digest, publish_id, body.decode())
    if new is not None:
        await request.app.state.redis.enqueue_job("apply_event", new)
    return JSONResponse({"success": True})


@app.get("/healthz")
async def health_check() -> dict[str, bool]:
    return {"success": True}
