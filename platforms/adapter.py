"""`Adapter`: the calls of one configured platform."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from platforms.base import FailureReason, PostingOptionsReader, WebhookAdapter
from platforms.comments import Comments
from platforms.insights_base import DetailedInsights, Insights
from platforms.logins import LoginFlow, WebhookSubscriber
from platforms.places import PlaceSearch
from platforms.publishing import StepPublisher


@dataclass(frozen=True)
class Adapter:
    """The adapters of one configured platform. A part that is None is not offered by it.

    `step_publisher` publishes; `posting_options` reads what an account may choose before it posts.
    """

    name: str
    webhooks: WebhookAdapter
    posting_options: PostingOptionsReader | None = None
    # by fail reason or error code
    failure_reasons: Mapping[str, FailureReason] = field(default_factory=dict)
    config_warnings: tuple[str, ...] = ()  # sentences for the operator about the registration
    insights: Insights | None = None  # None if the platform offers no metrics
    detailed_insights: DetailedInsights | None = None  # None: listings tell all metrics
    flow: LoginFlow | None = None
    step_publisher: StepPublisher | None = None
    comments: Comments | None = None
    subscriber: WebhookSubscriber | None = None
    places: PlaceSearch | None = None
