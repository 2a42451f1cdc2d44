"""What the API answers, by the names that it uses itself.

Written from the API's own description by `clients/generate_types.py`; changes are lost. Times are
texts in ISO 8601, in UTC. An object may have more fields than its type: the server may be newer.
"""

from typing import Any, NotRequired, TypedDict


class QuotaData(TypedDict):
    used: int
    limit: int
    remaining: int
    resets_at: str | None


class AccountQuotasData(TypedDict):
    account_id: int
    destination_id: int | None
    quotas: dict[str, QuotaData]


class AdminAccountData(TypedDict):
    id: int
    userId: int
    provider: str
    openId: str | None
    scope: str | None
    status: str
    statusCause: str | None
    hasAccessToken: bool
    hasRefreshToken: bool
    expiresAt: str | None
    refreshExpiresAt: str | None
    refreshDueAt: str | None
    refreshFailures: int
    lastRefreshError: str | None
    lastRefreshedAt: str | None
    disconnectedAt: str | None
    createdAt: str


class AdminUserData(TypedDict):
    id: int
    email: str | None
    claimedEmail: str | None
    isAdmin: bool
    hasPassword: bool
    disabledAt: str | None
    createdAt: str


class AuditEntryData(TypedDict):
    id: int
    at: str
    userId: int | None
    actor: str | None
    action: str
    subject: str | None
    details: dict[str, Any] | None
    ip: str | None
    correlationId: str | None


class ChangePasswordData(TypedDict):
    csrfToken: str


class CheckAlertsData(TypedDict):
    newAlerts: int
    activeAlerts: int
    timestamp: str


class SubscriptionData(TypedDict):
    subscribedAt: str | None
    checkedAt: str | None
    error: str | None


class DestinationData(TypedDict):
    id: int
    externalId: str
    name: str | None
    handle: str | None
    avatarUrl: str | None
    accountType: str | None
    accessLevel: str | None
    state: str
    cause: str | None
    userMessage: str | None
    suggestion: str | None
    selected: bool
    needsReconnect: bool
    webhooks: SubscriptionData
    details: dict[str, Any]


class UnavailableData(TypedDict):
    externalId: str | None
    name: str | None
    cause: str
    userMessage: str | None
    suggestion: str | None


class AccountData(TypedDict):
    id: int
    displayName: str | None
    avatarUrl: str | None
    scope: str
    missingScopes: list[str]
    state: str
    cause: str | None
    userMessage: str | None
    suggestion: str | None
    tokenExpiresAt: str | None
    tokenHealth: str | None
    tokenRenewedAt: str | None
    tokenRenewsAt: str | None
    tokenFault: str | None
    connectionEndsAt: str | None
    needsReconnect: bool
    canPublishDirect: bool
    needsChoice: NotRequired[bool | None]
    destinations: NotRequired[list[DestinationData] | None]
    unavailable: NotRequired[list[UnavailableData] | None]


class CheckConnectionData(TypedDict):
    platform: str
    configured: bool
    settings: dict[str, bool]
    connected: bool
    accounts: list[AccountData]
    recommendations: list[str]


class PostCheckData(TypedDict):
    platform: str | None
    account_id: int | None
    destination_id: int | None
    code: str
    level: str
    field: str | None
    message: str
    userMessage: str | None
    suggestion: str | None
    details: dict[str, Any]


class QuotaForecastData(TypedDict):
    account_id: int
    destination_id: int | None
    quota: str
    code: str
    used: int
    limit: int
    frees_at: str | None
    goes_at: str | None


class CheckPostData(TypedDict):
    checks: list[PostCheckData]
    forecast: list[QuotaForecastData]


CircuitData = TypedDict(
    "CircuitData",
    {
        "platform": str,
        "class": str,
        "state": str,
        "failures": int,
        "successes": int,
        "totalFailures": int,
        "totalSuccesses": int,
        "lastFailure": str | None,
        "lastChange": str | None,
    },
)


class CommentAuthorData(TypedDict):
    id: str | None
    username: str | None


CommentData = TypedDict(
    "CommentData",
    {
        "id": int,
        "commentId": str,
        "accountId": int,
        "accountName": str | None,
        "mediaId": str | None,
        "permalink": str | None,
        "parentId": str | None,
        "from": CommentAuthorData,
        "text": str | None,
        "timestamp": str | None,
        "hidden": bool | None,
        "likeCount": int | None,
        "isOwn": bool,
        "handledAt": str | None,
    },
)


class CommentsSwitchData(TypedDict):
    mediaId: str
    enabled: bool


class CurrentUserData(TypedDict):
    id: int
    email: str | None
    isAdmin: bool
    locale: str
    auth: str
    scopes: list[str]


class DeletedCommentData(TypedDict):
    id: int
    commentId: str
    deleted: bool


class TryData(TypedDict):
    number: int
    at: str
    milliseconds: int | None
    status: int | None
    error: str | None
    answer: str | None


class DeliveryData(TypedDict):
    id: int
    webhookId: str
    type: str
    subject: str | None
    sequence: int | None
    state: str
    nextTryAt: str | None
    deliveredAt: str | None
    createdAt: str
    body: Any
    tries: list[TryData]


class DeliveryDiscardData(TypedDict):
    count: int
    dryRun: bool
    discardedAt: str | None


class DeliveryRestoreData(TypedDict):
    count: int


class PostErrorData(TypedDict):
    item: NotRequired[int | None]
    code: str
    message: str | None
    userMessage: str | None
    suggestion: str | None
    who: str | None
    retryable: bool


class PostProgressData(TypedDict):
    step: str | None
    bytes_sent: int | None
    bytes_total: int | None


class PostItemData(TypedDict):
    position: int
    role: str | None
    media_id: int | None
    url: str | None
    alt_text: str | None
    status: str | None
    bytes_sent: int | None


TimelineEventData = TypedDict(
    "TimelineEventData",
    {
        "id": int,
        "at": str,
        "kind": str,
        "from": str | None,
        "to": str | None,
        "note": str | None,
    },
)


class PostStepData(TypedDict):
    name: str
    state: str
    at: str


class DetailedPostData(TypedDict):
    id: int
    platform: str
    state: str
    status: str
    kind: str | None
    source: str | None
    title: str | None
    account_id: int | None
    publish_at: str | None
    due_at: str | None
    attempts: int
    hold_reason: str | None
    publish_id: str | None
    container_id: str | None
    platform_post_id: str | None
    permalink: str | None
    error: PostErrorData | None
    progress: PostProgressData
    retry_of: int | None
    created_at: str
    updated_at: str
    finished_at: str | None
    destination_id: NotRequired[int | None]
    group_id: NotRequired[str | None]
    items: NotRequired[list[PostItemData] | None]
    events: list[TimelineEventData]
    steps: NotRequired[list[PostStepData] | None]


class DisableUserData(TypedDict):
    user: AdminUserData


class DiscardCountData(TypedDict):
    matches: NotRequired[int | None]
    capped: NotRequired[bool | None]
    oldest: NotRequired[str | None]
    newest: NotRequired[str | None]
    discarded: NotRequired[int | None]
    ids: NotRequired[list[int] | None]
    discardedAt: NotRequired[str | None]


class DiscardEventData(TypedDict):
    discarded: int
    ids: list[int]
    discardedAt: str


class DisconnectAccountData(TypedDict):
    revoked: bool
    heldPosts: int
    cancelledPosts: int


class DraftData(TypedDict):
    id: str
    title: str
    version: int
    created_at: str
    updated_at: str


class EnableUserData(TypedDict):
    user: AdminUserData


class EndedSessionsData(TypedDict):
    ended: int


class EndpointData(TypedDict):
    id: int
    url: str
    description: str | None
    events: list[str] | None
    enabled: bool
    disabledAt: str | None
    disabledCause: str | None
    failures: int
    failingSince: str | None
    lastDeliveredAt: str | None
    createdAt: str


class ExchangeData(TypedDict):
    id: int
    attempt: int | None
    endpoint: str
    method: str
    host: str
    path: str
    status: int | None
    error: str | None
    milliseconds: int | None
    times: int
    first_at: str
    last_at: str
    log_id: str | None
    request: Any
    answer: Any


class FullDraftData(TypedDict):
    id: str
    title: str
    version: int
    created_at: str
    updated_at: str
    payload: dict[str, Any]


class FullWebhookEventData(TypedDict):
    id: int
    provider: str
    eventType: str
    vendorEvent: str | None
    externalId: str | None
    publishId: str | None
    status: str
    late: bool | None
    verdict: str | None
    secretNo: int | None
    signedAt: str | None
    retryCount: int
    errorMessage: str | None
    correlationId: str | None
    createdAt: str
    nextAttemptAt: str | None
    processedAt: str | None
    deadAt: str | None
    replayedAt: str | None
    replayedBy: int | None
    payload: Any


class LatestValueData(TypedDict):
    value: float | None
    at: str


class HistoryData(TypedDict):
    kind: str
    account_id: int | None
    post_id: int | None
    latest: dict[str, LatestValueData | None]
    step: str
    points: list[dict[str, Any]]


class KeyData(TypedDict):
    id: int
    name: str
    prefix: str
    scopes: list[str]
    expiresAt: str | None
    lastUsedAt: str | None
    revokedAt: str | None
    createdAt: str


class AlertData(TypedDict):
    id: int
    name: str
    severity: str
    details: dict[str, Any] | None
    openedAt: str
    resolvedAt: str | None
    resolvedBy: Any


class ListAlertsData(TypedDict):
    alerts: list[AlertData]
    activeCount: int
    timestamp: str


class ListEndpointsData(TypedDict):
    data: list[EndpointData]
    events: dict[str, str]


class NotificationData(TypedDict):
    id: int
    kind: str
    userMessage: str | None
    suggestion: str | None
    payload: dict[str, Any]
    readAt: str | None
    createdAt: str


class ListNotificationsData(TypedDict):
    data: list[NotificationData]
    nextCursor: str | None
    unread: int


class ListPostEventsData(TypedDict):
    events: list[TimelineEventData]


class QueueData(TypedDict):
    name: str
    state: str
    due: int | None
    held: int | None
    oldestDueAt: str | None
    canaryAgeSeconds: float | None


class WorkerHoldData(TypedDict):
    queue: str
    rows: int
    oldestDueAt: str | None
    leasedUntil: str | None
    runningSince: str | None
    shared: bool


class WorkerData(TypedDict):
    name: str
    seenAt: str | None
    silent: bool
    queues: list[str]
    holds: list[WorkerHoldData]


class ListQueuesData(TypedDict):
    queues: list[QueueData]
    workers: list[WorkerData]
    timestamp: str


class MarkAllNotificationsReadData(TypedDict):
    read: int


class MediaData(TypedDict):
    id: int
    filename: str | None
    content_type: str | None
    size: int
    offset: int
    complete: bool
    expires_at: str | None
    probe: dict[str, Any] | None
    url: str | None


class MediaHistoryData(TypedDict):
    kind: str
    accountId: int | None
    latest: dict[str, LatestValueData | None]
    step: str
    points: list[dict[str, Any]]


class MediaItemData(TypedDict):
    id: int
    mediaId: str
    accountId: int
    username: str | None
    postId: int | None
    mediaType: str | None
    product: str | None
    caption: str | None
    permalink: str | None
    thumbnailUrl: str | None
    shortcode: str | None
    timestamp: str | None
    metrics: dict[str, Any]
    metricsAt: str | None
    deletedAt: str | None


class NewEndpointData(TypedDict):
    id: int
    url: str
    description: str | None
    events: list[str] | None
    enabled: bool
    disabledAt: str | None
    disabledCause: str | None
    failures: int
    failingSince: str | None
    lastDeliveredAt: str | None
    createdAt: str
    secret: str


class NewKeyData(TypedDict):
    id: int
    name: str
    prefix: str
    scopes: list[str]
    expiresAt: str | None
    lastUsedAt: str | None
    revokedAt: str | None
    createdAt: str
    key: str


class PlaceData(TypedDict):
    id: str
    name: str | None
    city: str | None
    country: str | None
    latitude: float | None
    longitude: float | None


class PlatformData(TypedDict):
    platform: str
    configured: bool
    missing: list[str]
    features: dict[str, bool]
    connected: bool
    health: str
    accounts: list[AccountData]


class PostData(TypedDict):
    id: int
    platform: str
    state: str
    status: str
    kind: str | None
    source: str | None
    title: str | None
    account_id: int | None
    publish_at: str | None
    due_at: str | None
    attempts: int
    hold_reason: str | None
    publish_id: str | None
    container_id: str | None
    platform_post_id: str | None
    permalink: str | None
    error: PostErrorData | None
    progress: PostProgressData
    retry_of: int | None
    created_at: str
    updated_at: str
    finished_at: str | None
    destination_id: NotRequired[int | None]
    group_id: NotRequired[str | None]
    items: NotRequired[list[PostItemData] | None]


class ProcessWebhooksData(TypedDict):
    message: str
    processed: int


RateLimitData = TypedDict(
    "RateLimitData",
    {
        "platform": str,
        "class": str,
        "limit": int,
        "windowSeconds": float,
        "used": int,
        "accountId": int | None,
        "freesAt": str | None,
        "blockedUntil": str | None,
        "complete": bool,
    },
)


class RedeliveryData(TypedDict):
    count: int
    dryRun: bool


class RefreshFaultData(TypedDict):
    accountId: int
    provider: str
    error: str


class RefreshResultData(TypedDict):
    total: int
    refreshed: int
    failed: int
    skipped: int
    errors: list[RefreshFaultData]


class RefreshDueTokensData(TypedDict):
    message: str
    result: RefreshResultData


class ReplayCountData(TypedDict):
    matches: NotRequired[int | None]
    capped: NotRequired[bool | None]
    oldest: NotRequired[str | None]
    newest: NotRequired[str | None]
    replayed: NotRequired[int | None]
    ids: NotRequired[list[int] | None]


class ReplayEventData(TypedDict):
    replayed: int
    ids: list[int]


class ReplyData(TypedDict):
    replyId: str | None
    commentId: str
    message: str
    isRepeat: bool


class UploadTargetData(TypedDict):
    url: str
    chunk_size: int
    chunk_count: int
    expires_at: str | None


class RequestedPostData(TypedDict):
    id: int
    platform: str
    state: str
    status: str
    kind: str | None
    source: str | None
    title: str | None
    account_id: int | None
    publish_at: str | None
    due_at: str | None
    attempts: int
    hold_reason: str | None
    publish_id: str | None
    container_id: str | None
    platform_post_id: str | None
    permalink: str | None
    error: PostErrorData | None
    progress: PostProgressData
    retry_of: int | None
    created_at: str
    updated_at: str
    finished_at: str | None
    destination_id: NotRequired[int | None]
    group_id: NotRequired[str | None]
    items: NotRequired[list[PostItemData] | None]
    quota: dict[str, QuotaData]
    upload: NotRequired[UploadTargetData | None]


class ResolveAlertData(TypedDict):
    alert: AlertData


class RestoreEventsData(TypedDict):
    restored: int
    ids: list[int]


class SampleFaultData(TypedDict):
    accountId: int
    error: str


class SampleResultData(TypedDict):
    total: int
    answered: int
    failed: int
    skipped: int
    errors: list[SampleFaultData]


class SampleDueInsightsData(TypedDict):
    message: str
    timestamp: str
    result: SampleResultData


class SessionData(TypedDict):
    id: int
    isCurrent: bool
    ip: str | None
    userAgent: str | None
    createdAt: str
    seenAt: str | None
    expiresAt: str


class ShowPlatformStatusData(TypedDict):
    connected: bool
    accounts: list[AccountData]


class UserData(TypedDict):
    id: int
    email: str | None
    isAdmin: bool
    locale: str


class SignInUserData(TypedDict):
    data: UserData
    csrfToken: str


class SeriesData(TypedDict):
    name: str
    kind: str
    labels: dict[str, str]
    value: float


class OutcomeCountsData(TypedDict):
    failure: int
    rate: float | None


class OutcomesData(TypedDict):
    failure: int
    rate: float | None
    platforms: dict[str, OutcomeCountsData]


class EventCountsData(TypedDict):
    received: int
    processed: int
    avgLatency: float | None


class EventsData(TypedDict):
    received: int
    processed: int
    avgLatency: float | None
    platforms: dict[str, EventCountsData]


class ActivityData(TypedDict):
    since: str
    oauth: OutcomesData
    upload: OutcomesData
    webhook: EventsData
    tokenRefresh: OutcomesData


class SummarizeMetricsData(TypedDict):
    metrics: list[SeriesData]
    capped: bool
    summary: ActivityData
    timestamp: str


class StoreHealthData(TypedDict):
    status: str
    fault: str | None


class AccountCountsData(TypedDict):
    total: int
    active: int
    expired: int
    expiringWithinHour: int
    needsReconnect: int


class RefreshCountsData(TypedDict):
    failure: int
    lastSuccessAt: str | None


class CredentialProbeData(TypedDict):
    accepted: bool | None
    code: str | None
    probedAt: str


class PlatformHealthData(TypedDict):
    status: str
    configured: bool
    missingSettings: list[str]
    accounts: AccountCountsData
    refreshes: RefreshCountsData
    probe: CredentialProbeData | None


class ValidateInstallationData(TypedDict):
    status: str
    database: StoreHealthData
    redis: StoreHealthData
    broker: StoreHealthData
    platforms: dict[str, PlatformHealthData]
    timestamp: str


class WebhookEventData(TypedDict):
    id: int
    provider: str
    eventType: str
    vendorEvent: str | None
    externalId: str | None
    publishId: str | None
    status: str
    late: bool | None
    verdict: str | None
    secretNo: int | None
    signedAt: str | None
    retryCount: int
    errorMessage: str | None
    correlationId: str | None
    createdAt: str
    nextAttemptAt: str | None
    processedAt: str | None
    deadAt: str | None
    replayedAt: str | None
    replayedBy: int | None
