"""Instagram as data: kinds of posts, options, rules of media and quotas, statuses, events, form."""

from platforms.instagram.adapter import FAILURE_REASONS, build_adapter, build_webhooks
from platforms.instagram.brand import BRAND
from platforms.instagram.config_checks import find_config_warnings
from platforms.instagram.events import EVENT_EFFECTS
from platforms.instagram.exchange_fields import EXCHANGE_FIELDS
from platforms.instagram.form import FORM
from platforms.instagram.kinds import KINDS
from platforms.instagram.media_rules import MEDIA_RULES
from platforms.instagram.options import InstagramMediaOptions, InstagramOptions
from platforms.instagram.permissions import FLOWS
from platforms.instagram.post_rules import find_post_problems
from platforms.instagram.quotas import CALL_CLASSES, QUOTAS, READY_STATUSES, STATUS_RANKS
from platforms.instagram.sampling import SAMPLING
from platforms.instagram.seed_accounts import InstagramAccountShapes
from platforms.instagram.seed_paths import PUBLISH_PATH, SEED_PATHS
from platforms.instagram.settings import InstagramSettings
from platforms.platform import Platform
from platforms.publishing import Capability

PLATFORM = Platform(
    name="instagram",
    brand=BRAND,
    settings=InstagramSettings,
    build_adapter=build_adapter,
    build_webhooks=build_webhooks,
    capabilities=frozenset(
        {
            Capability.PUBLISH,
            Capability.COMMENTS,
            Capability.REPLY,
            Capability.MENTIONS,
            Capability.INSIGHTS,
            Capability.LOCATION,
        }
    ),
    flows=FLOWS,
    kinds=KINDS,
    options=InstagramOptions,
    media_options=InstagramMediaOptions,
    post_rules=find_post_problems,
    media_rules=MEDIA_RULES,
    quotas=QUOTAS,
    call_classes=CALL_CLASSES,
    status_ranks=STATUS_RANKS,
    ready_statuses=frozenset(map(str, READY_STATUSES)),
    failure_reasons=FAILURE_REASONS,
    exchange_fields=EXCHANGE_FIELDS,
    event_effects=EVENT_EFFECTS,
    removal_causes=("removed_in_app",),
    form=FORM,
    closing_answers=2,
    find_config_warnings=find_config_warnings,
    sampling=SAMPLING,
    seed_paths=SEED_PATHS,
    account_shapes=InstagramAccountShapes(),
    route_rates={PUBLISH_PATH: "publish_rates"},
)
