"""Which media a caller may see, and with which permissions."""

from platforms.sandbox.instagram.access import GraphCaller, find_account
from platforms.sandbox.instagram.graph_errors import GraphError, object_missing
from platforms.sandbox.instagram.media_nodes import SandboxMedia
from platforms.sandbox.instagram.state import current_instagram
from platforms.sandbox.instagram.tokens import PAGE


def require_reading(caller: GraphCaller) -> None:
    caller.require_feature("basic")
    if not caller.is_instagram:
        caller.require("pages_read_engagement")


def find_media(caller: GraphCaller, media_id: str) -> SandboxMedia:
    """Return media of an account that the caller may see. Errors: GraphError 100/33."""
    state = current_instagram()
    check_outage(caller, media_id)
    media: SandboxMedia | None = state.media.get(media_id)
    if media is None or (media.is_over(state.now) and media_id not in state.reading.highlights):
        raise object_missing(media_id)
    try:
        find_account(caller, media.account_id)
    except GraphError:
        raise object_missing(media_id) from None
    return media


def check_outage(caller: GraphCaller, node_id: str) -> None:
    """Errors: GraphError 100/33 for a Page token while the setting imitates that outage."""
    if caller.kind == PAGE and current_instagram().settings.page_token_outage:
        raise object_missing(node_id)
