"""The database layer. Importing it declares every table, for migrations and the schema check."""

from db import records
from db.accounts.accounts import Account
from db.accounts.oauth_states import OAuthState
from db.accounts.pictures import AccountPicture
from db.base import Base
from db.comments.replies import CommentReply
from db.identity.api_keys import ApiKey
from db.identity.home_dismissals import HomeDismissal
from db.identity.login_sessions import LoginSession
from db.identity.notifications import Notification
from db.identity.sign_in_failures import SignInFailure
from db.identity.users import User
from db.insights.schedule import SamplingSchedule
from db.insights.snapshots import MetricSnapshot
from db.media.files import Media
from db.media.thumbnails import Thumbnail
from db.ops.alert_conditions import ConditionState, MonitorLease
from db.ops.alert_notices import AlertNotice, NoticeDelivery
from db.ops.alerts import Alert
from db.ops.attempts import Attempt
from db.ops.audit import AuditEntry
from db.ops.calls import Call
from db.ops.data_deletions import DataDeletion
from db.ops.heartbeats import Heartbeat
from db.outbox.deliveries import Delivery, DeliveryAttempt
from db.outbox.endpoints import Endpoint, EndpointSecret
from db.outbox.messages import OutboxMessage, OutboxSequence
from db.pauses import Pause
from db.posts.drafts import Draft
from db.posts.exchanges import PostExchange
from db.posts.parts import PostPart
from db.posts.post_days import PostDay
from db.posts.posts import Post
from db.posts.timeline import PostEvent
from db.webhooks.erased_subjects import ErasedSubject
from db.webhooks.events import Event
from db.webhooks.refusals import WebhookRefusal

__all__ = [
    "Account",
    "AccountPicture",
    "Alert",
    "AlertNotice",
    "ApiKey",
    "Attempt",
    "AuditEntry",
    "Base",
    "Call",
    "CommentReply",
    "ConditionState",
    "DataDeletion",
    "Delivery",
    "DeliveryAttempt",
    "Draft",
    "Endpoint",
    "EndpointSecret",
    "ErasedSubject",
    "Event",
    "Heartbeat",
    "HomeDismissal",
    "LoginSession",
    "Media",
    "MetricSnapshot",
    "MonitorLease",
    "NoticeDelivery",
    "Notification",
    "OAuthState",
    "OutboxMessage",
    "OutboxSequence",
    "Pause",
    "Post",
    "PostDay",
    "PostEvent",
    "PostExchange",
    "PostPart",
    "SamplingSchedule",
    "SignInFailure",
    "Thumbnail",
    "User",
    "WebhookRefusal",
    "records",
]
