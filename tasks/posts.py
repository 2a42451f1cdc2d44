"""Wakes the publishing of posts, and hears other services ask for one. Decides nothing."""

import time
from typing import Any

from celery.exceptions import Reject

from core import posts
from db.session import StoreAway
from tasks.bell import ring
from tasks.celery import app
from tasks.context import do, house
from tasks.queues import WAKES

STINT = 5.0  # seconds: a film's last chunk needs a claim of its own, and no turn of the broker
PAUSE = 1.0  # seconds before a request we could not store goes back to the queue


@app.task(name=WAKES["posts"])
def advance() -> None:
    """Take each post that is due one step further; some then wait for their bytes to be sent."""
    if do(posts.WORK).soon:
        ring("uploads")


@app.task(name=WAKES["uploads"])
def send_upload() -> None:
    """Move chunks of one film; its offset is kept, so that anybody may go on from there."""
    if do(posts.UPLOADS, stint=STINT).recorded:
        ring("uploads")  # the next chunk at once: beat's second would make a long film of it


@app.task(name="signalpost.enqueue_post")
def enqueue_post(**payload: Any) -> None:
    """Store another service's request as a row: the fields of the HTTP request and `user_id`.

    The one message that is more than a bell, so it must not be spent before it is stored:
    while Postgres is away it goes back to the queue. What is wrong with it is stored with it.
    """
    try:
        posts.enqueue(house().database, house().world, payload)
    except StoreAway as away:
        time.sleep(PAUSE)  # nobody here has work without Postgres; going round faster helps no one
        raise Reject(str(away), requeue=True) from away
