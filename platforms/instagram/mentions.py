"""Reads where an account was mentioned: in comments and captions of others.

They can be read through the account alone, and only with Facebook Login; mentions in stories not
at all. Source: Meta, IG User mentioned_comment and mentioned_media, read 2026-11-22.
"""

from collections.abc import Mapping
from typing import Any

from platforms.comments import PlatformComment
from platforms.errors import NotReadable
from platforms.insights_base import PublicItem
from platforms.instagram.comment_values import parse_comment
from platforms.instagram.graph import GraphClient
from platforms.instagram.media import parse_item
from platforms.instagram.node_reads import check_node_id, node_path, read_node, try_fields
from platforms.secret import Secret
from platforms.vendor_values import read_object

COMMENT_FIELDS = "id,text,timestamp,like_count,media{id}"
PLAIN_MEDIA_FIELDS = "id,caption,media_type,media_url,timestamp,username,like_count,comments_count"
MEDIA_FIELDS = (f"{PLAIN_MEDIA_FIELDS},permalink", PLAIN_MEDIA_FIELDS)
"""What we want, then what the page lists for media of others."""


def fetch_mentioned_comment(
    client: GraphClient,
    comment_id: str,
    token: Secret,
    fallback_token: Secret | None,
    *,
    account_id: str,
) -> PlatformComment | None:
    """Return a comment that mentions the account; None if it cannot be read."""
    if not comment_id.isalnum():  # it stands among the names of fields
        return None
    fields = f"mentioned_comment.comment_id({comment_id}){{{COMMENT_FIELDS}}}"
    node = read_mention(client, fields, token, fallback_token, account_id=account_id)
    if node is None:
        return None
    check_node_id(node, comment_id)
    return parse_comment(node)


def fetch_mentioned_media(
    client: GraphClient,
    media_id: str,
    token: Secret,
    fallback_token: Secret | None,
    *,
    account_id: str,
) -> PublicItem | None:
    """Return media whose caption mentions the account; None if they cannot be read."""
    if not media_id.isalnum():
        return None

    def read(media_fields: str) -> Mapping[str, Any] | None:
        fields = f"mentioned_media.media_id({media_id}){{{media_fields}}}"
        return read_mention(client, fields, token, fallback_token, account_id=account_id)

    node = try_fields(MEDIA_FIELDS, read)
    if node is None:
        return None
    check_node_id(node, media_id)
    return parse_item(node)


def read_mention(
    client: GraphClient,
    fields: str,
    token: Secret,
    fallback_token: Secret | None,
    *,
    account_id: str,
) -> Mapping[str, Any] | None:
    try:
        body = read_node(
            client,
            node_path(account_id),
            token,
            fallback_token,
            endpoint="ig_user_node",
            params={"fields": fields},
        )
    except NotReadable:
        return None
    return read_object(body.get(fields.partition(".")[0]))
