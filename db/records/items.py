"""Which tables keep the posts, comments and mentions of a platform's accounts."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from db.comments.comments import CommentStore
from db.comments.mentions import MentionStore
from db.insights.items import AccountStore, ItemReader, ItemStore
from db.insights.videos import VideoReader
from db.records.instagram import InstagramAccountRecords, InstagramItems
from db.records.instagram_comment_store import InstagramCommentStore
from db.records.instagram_item_reader import InstagramItemReader
from db.records.instagram_mentions import InstagramMentions
from db.records.tiktok_video_reader import TikTokVideoReader
from db.records.tiktok_videos import TikTokVideos

ITEM_STORES: Mapping[str, Callable[[Session], ItemStore]] = {
    "tiktok": TikTokVideos,
    "instagram": InstagramItems,
}
VIDEO_READERS: Mapping[str, Callable[[Session], VideoReader]] = {"tiktok": TikTokVideoReader}
ACCOUNT_STORES: Mapping[str, Callable[[Session], AccountStore]] = {
    "instagram": InstagramAccountRecords
}
COMMENT_STORES: Mapping[str, Callable[[Session], CommentStore]] = {
    "instagram": InstagramCommentStore
}
ITEM_READERS: Mapping[str, Callable[[Session], ItemReader]] = {"instagram": InstagramItemReader}
MENTION_STORES: Mapping[str, Callable[[Session], MentionStore]] = {"instagram": InstagramMentions}
"""Platform → its table; a platform that is missing has nothing of it."""


def get_item_store(session: Session, provider: str) -> ItemStore:
    return ITEM_STORES[provider](session)


def find_video_reader(session: Session, provider: str) -> VideoReader | None:
    reader = VIDEO_READERS.get(provider)
    return None if reader is None else reader(session)


def list_video_readers(session: Session) -> list[VideoReader]:
    return [reader(session) for reader in VIDEO_READERS.values()]


def find_account_store(session: Session, provider: str) -> AccountStore | None:
    store = ACCOUNT_STORES.get(provider)
    return None if store is None else store(session)


def find_item_reader(session: Session, provider: str) -> ItemReader | None:
    reader = ITEM_READERS.get(provider)
    return None if reader is None else reader(session)


def find_comment_store(session: Session, provider: str) -> CommentStore | None:
    store = COMMENT_STORES.get(provider)
    return None if store is None else store(session)


def find_mention_store(session: Session, provider: str) -> MentionStore | None:
    store = MENTION_STORES.get(provider)
    return None if store is None else store(session)
