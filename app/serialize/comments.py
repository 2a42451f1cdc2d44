"""Comments and places as the API shows them: null where the platform gave no value."""

from typing import Any

from db.comments.comments import StoredComment
from platforms.places import Place


def serialize_comment(comment: StoredComment) -> dict[str, Any]:
    """One comment; `parentId` is the platform's id of the comment that it replies to."""
    return {
        "id": comment.id,
        "commentId": comment.comment_id,
        "accountId": comment.destination_id,
        "accountName": comment.account_name,
        "mediaId": comment.item_id,
        "permalink": comment.item_url,
        "parentId": comment.parent_id,
        "from": {"id": comment.author_id, "username": comment.author_name},
        "text": comment.text,
        "timestamp": comment.written_at,
        "hidden": comment.is_hidden,
        "likeCount": comment.like_count,
        "isOwn": comment.is_own,
        "handledAt": comment.handled_at,
    }


def serialize_place(place: Place) -> dict[str, Any]:
    return {
        "id": place.id,
        "name": place.name,
        "city": place.city,
        "country": place.country,
        "latitude": place.latitude,
        "longitude": place.longitude,
    }
