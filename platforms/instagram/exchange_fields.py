"""What is stored of the calls that Instagram gets for a post: no token, file address or text."""

from platforms.exchanges import KeptFields

LOG_IDS = ("error.fbtrace_id", "x-fb-trace-id")
ERROR_FIELDS = frozenset(
    {
        "error.code",
        "error.error_subcode",
        "error.error_user_msg",
        "error.error_user_title",
        "error.is_transient",
        "error.message",
        "error.type",
    }
)
CONTAINER_REQUEST = frozenset(
    {
        "children",
        "is_ai_generated",
        "is_carousel_item",
        "location_id",
        "media_type",
        "share_to_feed",
        "thumb_offset",
        "upload_type",
    }
)
MEDIA_NAMES = ("id", "media_type", "media_product_type", "permalink", "shortcode", "timestamp")
RECEIVED_BYTES = frozenset(
    {
        "video_status.uploading_phase.bytes_transferred",
        "video_status.uploading_phase.bytes_transfered",
    }
)
LIST_FIELDS = KeptFields(
    request=frozenset({"fields", "limit"}),
    answer=ERROR_FIELDS | {f"data.{name}" for name in MEDIA_NAMES},
    log_id=LOG_IDS,
)
EXCHANGE_FIELDS = {
    "container_create": KeptFields(
        request=CONTAINER_REQUEST, answer=ERROR_FIELDS | {"id"}, log_id=LOG_IDS
    ),
    "container_status": KeptFields(
        request=frozenset({"fields"}),
        answer=ERROR_FIELDS
        | RECEIVED_BYTES
        | {"id", "status", "status_code", "video_status.uploading_phase.status"}
        | {"video_status.processing_phase.status"},
        varying=RECEIVED_BYTES,
        log_id=LOG_IDS,
    ),
    "media_publish": KeptFields(
        request=frozenset({"creation_id"}), answer=ERROR_FIELDS | {"id"}, log_id=LOG_IDS
    ),
    "media_node": KeptFields(
        request=frozenset({"fields"}),
        answer=ERROR_FIELDS | frozenset(MEDIA_NAMES),
        log_id=LOG_IDS,
    ),
    "media_list": LIST_FIELDS,
    "stories_list": LIST_FIELDS,
    "publishing_limit": KeptFields(
        request=frozenset({"fields"}),
        answer=ERROR_FIELDS
        | {"data.quota_usage", "data.config.quota_total", "data.config.quota_duration"},
        varying=frozenset({"data.quota_usage"}),
        log_id=LOG_IDS,
    ),
    "rupload": KeptFields(
        headers=frozenset({"offset", "file_size"}),
        answer=frozenset(
            {"success", "message", "debug_info.retriable", "debug_info.type", "debug_info.message"}
        ),
        log_id=("x-fb-trace-id",),
        hides_path=True,
        is_summed=True,
    ),
}
"""Endpoint → what is stored of its calls."""
