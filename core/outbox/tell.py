"""What has happened is written down for those who listen: with the change, or not at all.

Part of the caller's transaction; nobody is spoken to here, and no bell is rung.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.outbox.events import News, body
from db.deliveries import Deliveries
from db.endpoints import Endpoint, Endpoints
from db.outbox import Outbox, Subject
from db.session import Session, now

Heard = tuple[News, Sequence[Endpoint]]


def tell(session: Session, news: Sequence[News]) -> None:
    """One question if nobody listens, and then four statements, however much there is to tell."""
    if not news:
        return
    ears = Endpoints(session).listening({each.user_id for each in news})
    heard = [(each, [ear for ear in ears if hears(ear, each)]) for each in news]
    written(session, [(each, who) for each, who in heard if who])


def hears(ear: Endpoint, news: News) -> bool:
    return ear.user_id == news.user_id and (not ear.events or news.type in ear.events)


def written(session: Session, heard: Sequence[Heard], *, asked: bool = False) -> list[int]:
    """The ids of the deliveries; `asked`: a person waits for them."""
    if not heard:
        return []
    at = now(session)
    numbers = Outbox(session).numbers([Subject(each.user_id, each.subject) for each, _ in heard])
    messages = Outbox(session).add(
        [row(each, number, at) for (each, _), number in zip(heard, numbers, strict=True)]
    )
    pairs = [
        (message, ear.id)
        for message, (_, ears) in zip(messages, heard, strict=True)
        for ear in ears
    ]
    return Deliveries(session).add(pairs, asked=asked)


def row(news: News, number: int, at: datetime) -> dict[str, Any]:
    return {
        "user_id": news.user_id,
        "name": f"msg_{secrets.token_hex(16)}",
        "type": news.type,
        "subject": news.subject,
        "sequence": number,
        "body": body(news, sequence=number, at=at),
    }
