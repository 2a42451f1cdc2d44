"""Instagram's limits of posts and containers, and the classes of our calls.

Source: Meta, ig-user/content_publishing_limit and ig-user/media, read 2026-09-11: 400 containers in
a moving day; the number of posts is read for each account.
"""

from collections.abc import Mapping
from datetime import timedelta

from platforms.instagram.containers import ContainerState
from platforms.instagram.kinds import CONTAINER_QUOTA, POST_QUOTA
from platforms.instagram.publishing_errors import LIMIT_CODE
from platforms.platform import CallClass, QuotaHold, QuotaRule, QuotaScope

DAY = timedelta(hours=24)
CONTAINER_LIMIT_CODE = "container_limit_reached"

QUOTAS: Mapping[str, QuotaRule] = {
    rule.name: rule
    for rule in (
        QuotaRule(
            name=POST_QUOTA,
            scope=QuotaScope.DESTINATION,
            hold=QuotaHold.FOR_WINDOW,
            window=DAY,
            limit_setting="daily_post_limit",
            code=LIMIT_CODE,
            is_dynamic=True,
        ),
        QuotaRule(
            name=CONTAINER_QUOTA,
            scope=QuotaScope.DESTINATION,
            hold=QuotaHold.FOR_WINDOW,
            window=DAY,
            limit_setting="daily_container_limit",
            code=CONTAINER_LIMIT_CODE,
        ),
    )
}
CALL_CLASSES: Mapping[str, CallClass] = {
    rule.name: rule
    for rule in (
        CallClass("publish", "publish"),
        CallClass("upload", "upload"),
        CallClass("read", "read"),
        CallClass("sync", "read", "sync_per_minute"),
    )
}
READY_STATUSES = frozenset({ContainerState.FINISHED, ContainerState.PUBLISHED})
STATUS_RANKS: Mapping[str, int] = {
    ContainerState.IN_PROGRESS: 1,
    ContainerState.FINISHED: 2,
    ContainerState.PUBLISHED: 3,
    ContainerState.ERROR: 3,
    ContainerState.EXPIRED: 3,
}
