"""Which tables keep what webhook events tell about the posts of a platform's accounts."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from db.comments.item_records import ItemRecords
from db.records.instagram_events import InstagramEventRecords

EVENT_RECORDS: Mapping[str, Callable[[Session], ItemRecords]] = {
    "instagram": InstagramEventRecords,
}
"""Platform → its tables. A platform that is missing here has no such events."""


def find_event_records(session: Session, provider: str) -> ItemRecords | None:
    records = EVENT_RECORDS.get(provider)
    return None if records is None else records(session)
