"""Joins posts with the records that their platforms have of them, and asks both."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_

from db.posts.posts import Post
from db.records.post_records import RECORD_TABLES
from db.records.record_table import RecordTable


def join_records(query: Any) -> Any:
    """Add the tables of records to a query of posts; a post has a row in one of them at most."""
    for table in RECORD_TABLES.values():
        query = query.outerjoin(table.model, table.model.post_id == Post.id)
    return query


def is_without_record() -> ColumnElement[bool]:
    """Condition: not known to the platform, or to one that has no records."""
    return and_(*(table.model.id.is_(None) for table in RECORD_TABLES.values()))


def has_record(
    condition: Callable[[RecordTable], ColumnElement[bool]],
) -> ColumnElement[bool]:
    """Condition: the post has a record that meets the condition of its table."""
    return or_(*(condition(table) for table in RECORD_TABLES.values()))


def known_since() -> Any:
    """When the platform began to know the post, or when the post was requested."""
    created_at = (table.model.created_at for table in RECORD_TABLES.values())
    return func.coalesce(*created_at, Post.created_at)
