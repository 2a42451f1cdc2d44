"""`Platform`: everything about a platform that is data. It exists even if the platform is off.

Core, pages, the API description and `signalpost doctor` ask it for capabilities and rules and
never for its name. The calls are made by an `Adapter` (`platforms.adapter`), which exists only
while the platform is configured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from platforms.adapter import Adapter
from platforms.app_settings import AppSettings
from platforms.base import FailureReason, PlatformApp, WebhookAdapter
from platforms.exchanges import KeptFields
from platforms.http import HttpClient
from platforms.logins import FlowRules
from platforms.media_rules import MediaRule
from platforms.post_requests import FindRefusal, ListUrls, PostRules, SeedPaths, StoreFields
from platforms.publishing import Capability, PostKind
from platforms.sampling import SamplingRules


@dataclass(frozen=True)
class BrandColours:
    """CSS values: backgrounds of the logo and of buttons, and the colour of what is on them."""

    logo: str
    button: str
    text: str = "#ffffff"


@dataclass(frozen=True)
class Brand:
    """How a platform is shown: its name, the CSS class of its colours and its home page.

    `symbol`: the sign in the logo; `mark_path`: the path of an SVG of 24 by 24 instead.
    `colours`: in the dark theme `dark_colours`, if they differ; None: those of all pages. English
    texts, translated by the pages: `requirements` say what an account needs, with the platform's
    own page about it; `scope_texts` say what each permission is for.
    """

    title: str
    css_class: str
    home_url: str
    symbol: str = ""
    mark_path: str = ""
    colours: BrandColours | None = None
    dark_colours: BrandColours | None = None
    requirements: tuple[str, ...] = ()
    requirements_url: str | None = None
    scope_texts: Mapping[str, str] = field(default_factory=dict)


class QuotaScope(StrEnum):
    """Whose posts a quota counts."""

    DESTINATION = "destination"
    LOGIN = "login"
    APPLICATION = "application"  # accounts of the whole application


class QuotaHold(StrEnum):
    """How long a post counts."""

    WHILE_PENDING = "while_pending"  # until the creator has dealt with it, at most the window
    FOR_WINDOW = "for_window"
    DISTINCT_ACCOUNTS = "distinct_accounts"  # accounts that posted in the window
    STARTS = "starts"  # every start of a post; only displayed, because a rate limit enforces it


@dataclass(frozen=True)
class QuotaRule:
    """A platform's limit on posts.

    `limit` or the setting `limit_setting` has the limit; `is_dynamic`: the platform reports the
    limit of each account (`Adapter.step_publisher`), and the setting is the fallback. `code`: our
    code of the refusal when it is used up.
    """

    name: str
    scope: QuotaScope
    hold: QuotaHold
    window: timedelta
    limit_setting: str
    code: str
    is_dynamic: bool = False
    limit: int | None = None
    off_setting: str | None = None  # the flag among the settings that switches the rule off


CircuitName = Literal["oauth", "upload", "publish", "read"]


@dataclass(frozen=True)
class CallClass:
    """A class of calls that share a rate limit and a circuit.

    `rate_setting` names the setting with the calls allowed per minute and account; None: no rate
    of ours.
    """

    name: str
    circuit: CircuitName
    rate_setting: str | None = None


class Effect(StrEnum):
    """What follows from a kind of webhook event."""

    PUBLICATION = "publication"
    GRANT_REMOVED = "grant_removed"
    COMMENT = "comment"
    MENTION = "mention"
    METRICS = "metrics"
    MEDIA_CHANGED = "media_changed"
    STORED = "stored"  # kept, without an effect


@dataclass(frozen=True)
class FieldChoice:
    value: str
    label: str


@dataclass(frozen=True)
class FormField:
    """One field of the publishing form. Labels are English texts, translated by the pages.

    `kinds`: the kinds of posts it is shown for; empty: all. `role`: it belongs to media of that
    role. `is_for_urls`: only for media that the platform fetches. `choices_from`: the adapter is
    asked for the choices of this account.
    """

    name: str
    label: str
    input: Literal["text", "choice", "flag", "names", "time", "number", "media", "people"]
    kinds: tuple[str, ...] = ()
    role: str | None = None
    help: str | None = None
    choices: tuple[FieldChoice, ...] = ()
    choices_from: str | None = None
    max_length: int | None = None
    max_items: int | None = None
    is_required: bool = False
    is_for_urls: bool = False
    default: Any = None


@dataclass(frozen=True)
class OwnPage:
    """The publishing page of a platform whose settings have a form of their own (`ComposerBlock`).

    `folder` has the templates, and in `static` what browsers load.
    """

    folder: Path


@dataclass(frozen=True)
class BlockRequest:
    """What a platform's block of the composer adds to the request for a post. `problems`: field of
    the block → English sentence, translated by the pages.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ComposerBlock:
    """The settings of a post that a platform asks for in the composer in a form of its own.

    Templates and script lie in the folders of `OwnPage`. `read_values`: what the block's fields
    hold, and whether the media are pictures → what the request says. `fill_values`: the reverse,
    for a post that is written again. `asks_choices`: whether what the account allows has to be
    asked for. `fault_texts`: field of the request → English sentence. `text_limits`: kind → the
    longest text that the platform's own editor takes.
    """

    template: str
    consent_template: str
    script: str
    read_values: Callable[[Mapping[str, str], bool], BlockRequest]
    fill_values: Callable[[str, Mapping[str, Any]], Mapping[str, str]]
    asks_choices: Callable[[Mapping[str, str]], bool]
    fault_texts: Mapping[str, str] = field(default_factory=dict)
    text_limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishForm:
    """What the publishing page of a platform asks. `kind_labels`: kind → English label.

    `phase_labels`: name of a step, or the vendor's status → English label. `quota_labels`: name in
    `Platform.quotas` → English label. `draft_label`, `draft_icon`, `draft_sentence`: the state of a
    draft that the platform has and its creator has not finished. `page`: instead of the general
    form; `block`: instead of its fields in the composer.
    """

    kind_labels: Mapping[str, str]
    fields: tuple[FormField, ...] = ()
    phase_labels: Mapping[str, str] = field(default_factory=dict)
    # public feature names
    capability_labels: Mapping[Capability, str] = field(default_factory=dict)
    quota_labels: Mapping[str, str] = field(default_factory=dict)
    draft_label: str = "Delivered as a draft"
    draft_icon: str = "mail"
    draft_sentence: str = "It is a draft. Open the app of %(platform)s to finish the post."
    page: OwnPage | None = None
    block: ComposerBlock | None = None


@dataclass(frozen=True)
class OlderArgument:
    """An argument of `signalpost upload` from before `--kind` and `--option`, still accepted.

    It gives the value of an `option`, or by a pattern the kind: `{}_VIDEO`.
    """

    name: str
    option: str | None = None
    kind_pattern: str = "{}"


@dataclass(frozen=True)
class PostingChoices:
    """What an account may choose when it posts differs from account to account, and is asked for.

    `call_class`: name in `Platform.call_classes`. `build`: the adapter's `posting_options` and the
    platform's settings → what the platform's page and routes show; pure.
    """

    call_class: str
    build: Callable[[Mapping[str, Any], Any], Any]


class AccountShapes(Protocol):
    """The platform's own field names in answers about accounts, beside the generic ones. Pure."""

    def to_account_fields(self, account: Mapping[str, Any]) -> dict[str, Any]: ...
    def to_status_fields(
        self, login: Mapping[str, Any] | None, account: Mapping[str, Any] | None
    ) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Platform:
    """One platform as data. A table that is empty means that the platform has nothing of it.

    `build_webhooks` needs only some of the settings, so that deliveries can be received while the
    platform is off. `find_config_warnings` returns sentences for the operator about the settings;
    it is given the time and our public URL.
    """

    name: str  # column `provider`
    brand: Brand
    settings: type[AppSettings]  # what it reads from the environment
    build_adapter: Callable[[PlatformApp, HttpClient], Adapter]
    build_webhooks: Callable[[Any], WebhookAdapter | None]
    capabilities: frozenset[Capability]
    flows: Mapping[str, FlowRules] = field(default_factory=dict)
    kinds: Mapping[str, PostKind] = field(default_factory=dict)
    default_kind: str | None = None  # of a request whose media do not say which kind is meant
    options: type[BaseModel] | None = None  # the platform's own fields of a post request
    media_options: type[BaseModel] | None = None  # and of one media file of it
    post_rules: PostRules | None = None
    find_refusal: FindRefusal | None = None
    build_stored_fields: StoreFields | None = None  # None: the options are stored as they are
    list_stored_urls: ListUrls | None = None  # the URLs among these stored fields
    starts_inline: bool = False  # a request waits for the first step, not for workers
    media_rules: Mapping[str, MediaRule] = field(default_factory=dict)
    quotas: Mapping[str, QuotaRule] = field(default_factory=dict)
    call_classes: Mapping[str, CallClass] = field(default_factory=dict)
    status_ranks: Mapping[str, int] = field(default_factory=dict)  # vendor's statuses, in order
    ready_statuses: frozenset[str] = frozenset()  # vendor's statuses of a part that is finished
    failure_reasons: Mapping[str, FailureReason] = field(default_factory=dict)
    # code of an error → the HTTP status of our answer, and whether the request may succeed later
    error_statuses: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    event_effects: Mapping[str, Effect] = field(default_factory=dict)  # our kind of event → effect
    removal_causes: tuple[str, ...] = ()  # why a grant ends, as the platform's reports say
    form: PublishForm | None = None
    posting_choices: PostingChoices | None = None
    delivered_notification: str = "post_delivered"  # kind of the notification about a draft
    closing_answers: int = 1  # answers that close a half-open circuit
    # endpoint → what is stored of its calls for a post; of another endpoint nothing is
    exchange_fields: Mapping[str, KeptFields] = field(default_factory=dict)
    find_config_warnings: Callable[[Any, datetime, str], tuple[str, ...]] | None = None
    seed_paths: SeedPaths | None = None
    # the flag among the settings with which bodies declared as plain text are read as JSON
    plain_text_setting: str | None = None
    account_shapes: AccountShapes | None = None
    sampling: SamplingRules | None = None  # None: nothing is read in the background
    route_rates: Mapping[str, str] = field(default_factory=dict)  # path → setting with its rates
    older_arguments: tuple[OlderArgument, ...] = ()
