"""Joins posts with the records that their platforms have of them, and asks both."""

from typing import Any

from sqlalchemy import ColumnElement, and_

from db.posts.posts import Post
from db.records.post_records import RECORD_TABLES


def join_records(query: Any) -> Any:
    """Add the tables of records to a query of posts; a post has a row in one of them at most."""
    for table in RECORD_TABLES.values():
        query = query.outerjoin(table.model, table.model.post_id == Post.id)
    return query


def is_without_record() -> ColumnElement[bool]:
    """Condition: not known to the platform, or to one that has no records."""
    return and_(*(table.model.id.is_(None) for table in RECORD_TABLES.values()))
