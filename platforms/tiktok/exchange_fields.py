"""What is stored of the calls that TikTok gets for a post: no token, upload URL or text."""

from platforms.exchanges import KeptFields

ERROR_FIELDS = frozenset({"error.code", "error.message"})
LOG_IDS = ("error.log_id", "x-tt-logid")
START_REQUEST = frozenset(
    {
        "source_info.source",
        "source_info.video_size",
        "source_info.chunk_size",
        "source_info.total_chunk_count",
        "source_info.photo_cover_index",
        "media_type",
        "post_mode",
        "is_aigc",
        "post_info.privacy_level",
        "post_info.video_cover_timestamp_ms",
        "post_info.disable_duet",
        "post_info.disable_comment",
        "post_info.disable_stitch",
        "post_info.brand_content_toggle",
        "post_info.brand_organic_toggle",
        "post_info.auto_add_music",
        "post_info.is_aigc",
    }
)
START = KeptFields(request=START_REQUEST, answer=ERROR_FIELDS | {"data.publish_id"}, log_id=LOG_IDS)
BYTE_COUNTS = frozenset({"data.uploaded_bytes", "data.downloaded_bytes"})
STATUS_FIELDS = frozenset(
    {
        "data.status",
        "data.fail_reason",
        "data.publicaly_available_post_id",
        "data.publicly_available_post_id",
    }
)
CREATOR_FIELDS = frozenset(
    {
        "data.privacy_level_options",
        "data.comment_disabled",
        "data.duet_disabled",
        "data.stitch_disabled",
        "data.max_video_post_duration_sec",
    }
)
EXCHANGE_FIELDS = {
    **dict.fromkeys(("inbox_init", "video_init", "content_init"), START),
    "status": KeptFields(
        request=frozenset({"publish_id"}),
        answer=ERROR_FIELDS | STATUS_FIELDS | BYTE_COUNTS,
        varying=BYTE_COUNTS,
        log_id=LOG_IDS,
    ),
    "cancel": KeptFields(request=frozenset({"publish_id"}), answer=ERROR_FIELDS, log_id=LOG_IDS),
    "creator_info": KeptFields(answer=ERROR_FIELDS | CREATOR_FIELDS, log_id=LOG_IDS),
    "video_list": KeptFields(
        request=frozenset({"fields", "max_count"}),
        answer=ERROR_FIELDS | {"data.videos.id", "data.videos.create_time", "data.has_more"},
        log_id=LOG_IDS,
    ),
    # the URL permits the upload by itself
    "upload": KeptFields(
        headers=frozenset({"content-range", "content-type"}), hides_path=True, is_summed=True
    ),
}
"""Endpoint → what is stored of its calls."""
