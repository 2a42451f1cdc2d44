"""Postcards as data and as an adapter: a card is written and then posted.

This folder is what a third platform has to bring. `test_new_platform.py` copies it into
`platforms/` of a copy of the tree; it is never imported from here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from platforms.adapter import Adapter
from platforms.app_settings import AppSettings
from platforms.base import Actor, FailureReason, Phase, PlatformApp, Verdict
from platforms.errors import Rejected, Revoked, TokenExpired, UnreadableResponse
from platforms.http import NO_RETRY, SAFE_RETRY, TOKEN_RETRY, HttpClient
from platforms.logins import (
    FlowRules,
    FoundDestinations,
    LoginGrant,
    LoginIdentity,
    RenewalKind,
    RenewalRule,
)
from platforms.platform import Brand, CallClass, Platform, PublishForm
from platforms.publishing import (
    NO_STEP,
    RECONCILE_STEP,
    AbsenceReported,
    Capability,
    EndsAs,
    MediaSlot,
    PartCreated,
    PostKind,
    PostVisible,
    Safety,
    StepRule,
    TextRule,
    WaitFor,
)
from platforms.secret import Secret
from platforms.setting_types import RedirectUrl, SecretText, WebUrl, Word, names_without_value
from platforms.vendor_values import read_id, read_text

WRITE, POST = "write", "post"
CARD_LIFETIME = timedelta(hours=24)
MAX_URL_LENGTH = 2048
FLOW_RULES = FlowRules(
    name="postcards",
    scopes={Capability.PUBLISH: frozenset({"cards"})},
    required_scopes=frozenset({"cards"}),
    renewal=RenewalRule(RenewalKind.EXCHANGE, due_before_end=timedelta(days=1)),
    default_scopes=("cards",),
)
REASONS = {
    "card_refused": FailureReason("The post office refused the card.", Actor.CREATOR),
    "access_token_invalid": FailureReason("Connect the account again.", Actor.CREATOR),
}


class PostcardSettings(AppSettings):
    app_key: Word | None = Field(default=None, validation_alias="POSTCARDS_APP_KEY")
    app_secret: SecretText | None = Field(default=None, validation_alias="POSTCARDS_APP_SECRET")
    redirect_uri: RedirectUrl | None = Field(
        default=None, validation_alias="POSTCARDS_REDIRECT_URI"
    )
    base_url: WebUrl = Field(
        default="https://postcards.example", validation_alias="POSTCARDS_BASE_URL"
    )

    def missing_names(self) -> tuple[str, ...]:
        return names_without_value(
            {
                "POSTCARDS_APP_KEY": self.app_key,
                "POSTCARDS_APP_SECRET": self.app_secret,
                "POSTCARDS_REDIRECT_URI": self.redirect_uri,
            }
        )

    def build_app(self) -> PlatformApp | None:
        if self.missing_names():
            return None
        return PlatformApp(
            client_key=str(self.app_key),
            client_secret=self.app_secret or Secret(""),
            redirect_uri=str(self.redirect_uri),
            scopes=("cards",),
            webhook_secrets=(),
            base_urls={"api": self.base_url},
        )


@dataclass(frozen=True)
class PostOffice:
    """Calls the platform's server and turns its refusals into our errors."""

    app: PlatformApp
    http: HttpClient

    def call(self, method, path, *, token=None, retry=NO_RETRY, form=None):
        headers = {} if token is None else {"Authorization": f"Bearer {token.reveal()}"}
        response = self.http.call(
            method,
            self.app.base_urls["api"] + path,
            endpoint=path.strip("/").split("/")[-1],
            retry=retry,
            headers=headers,
            form=form,
        )
        if response.status == 401:
            raise TokenExpired
        if response.status == 404:
            raise Rejected("there is no such card", code="card_refused")
        if error := response.status_error():
            raise error
        return response.json()


@dataclass(frozen=True)
class PostcardLogin:
    office: PostOffice

    @property
    def rules(self) -> FlowRules:
        return FLOW_RULES

    def authorize_url(self, *, state, scopes=(), force_consent=False, code_verifier=None) -> str:
        del force_consent, code_verifier
        app = self.office.app
        query = {"client_id": app.client_key, "redirect_uri": app.redirect_uri, "state": state}
        scope = ",".join(tuple(scopes) or FLOW_RULES.default_scopes)
        return f"{app.base_urls['api']}/authorize?{urlencode({**query, 'scope': scope})}"

    def exchange_code(self, code, *, code_verifier=None) -> LoginGrant:
        del code_verifier
        return self._request_token({"code": code})

    def identify(self, grant) -> LoginIdentity:
        body = self.office.call("GET", "/me", token=grant.access_token, retry=SAFE_RETRY)
        name = read_text(body.get("name"), 100)
        return LoginIdentity(read_id(body.get("id")), display_name=name, scopes=("cards",))

    def find_destinations(self, grant) -> FoundDestinations:
        del grant  # the login itself is posted to
        return FoundDestinations(())

    def renew(self, *, access_token, refresh_token) -> LoginGrant:
        del refresh_token
        try:
            return self._request_token({"token": access_token.reveal()})
        except TokenExpired as error:
            raise Revoked from error

    def inspect_token(self, token) -> None:
        del token

    def fetch_destination(self, external_id, token) -> None:
        del external_id, token

    def revoke(self, token) -> None:
        self.office.call("POST", "/revoke", token=token)

    def _request_token(self, form) -> LoginGrant:
        app = self.office.app
        secret = app.client_secret.reveal()
        form = {"client_id": app.client_key, "client_secret": secret, **form}
        body = self.office.call("POST", "/token", form=form, retry=TOKEN_RETRY)
        token, owner = read_text(body.get("token"), 500), read_id(body.get("id"))
        if token is None:
            raise UnreadableResponse
        return LoginGrant(Secret(token), timedelta(days=30), scopes=("cards",), login_id=owner)


@dataclass(frozen=True)
class PostcardPublisher:
    """Writes a card, which nobody sees and which may be written again, and posts it."""

    office: PostOffice

    @property
    def steps(self) -> Mapping[str, StepRule]:
        rules = (
            StepRule(WRITE, "cards"),
            StepRule(POST, "cards"),
            StepRule(RECONCILE_STEP, "cards"),
        )
        return {rule.name: rule for rule in rules}

    def next_step(self, publication) -> str:
        if publication.phase in {Phase.PUBLISHED, Phase.FAILED, Phase.CANCELLED}:
            return NO_STEP
        card = publication.get_part(0)
        return WRITE if card is None or card.handle is None else POST

    def step_safety(self, step, publication) -> Safety:
        del publication
        return {WRITE: Safety.REPLACEABLE, POST: Safety.UNSAFE}.get(step, Safety.SAFE)

    def check_before(self, publication, tools) -> None:
        del publication, tools

    def run_step(self, step, publication, tools) -> Sequence[Any]:
        runners = {WRITE: self.write_card, POST: self.post_card, RECONCILE_STEP: self.find_card}
        return runners[step](publication, tools)

    def write_card(self, publication, tools):
        (picture,) = publication.media
        form = {"text": publication.text, "picture": picture.url or tools.media_link(picture)}
        body = self.office.call("POST", "/cards", token=tools.token, form=form)
        return [PartCreated(0, picture.role, body["id"], lifetime=CARD_LIFETIME)]

    def post_card(self, publication, tools):
        path = f"/cards/{publication.get_part(0).handle}/post"
        return [self.read_posted(self.office.call("POST", path, token=tools.token))]

    def find_card(self, publication, tools):
        path = f"/cards/{publication.get_part(0).handle}"
        body = self.office.call("GET", path, token=tools.token, retry=SAFE_RETRY)
        if body["posted"] is None:
            return [AbsenceReported(), WaitFor()]
        return [self.read_posted(body)]

    def read_posted(self, body) -> PostVisible:
        if body.get("posted") is None:
            raise UnreadableResponse
        return PostVisible(body["posted"], read_text(body.get("url"), MAX_URL_LENGTH))

    def cancel_post(self, publication, token) -> None:
        del publication, token


@dataclass(frozen=True)
class PostcardWebhooks:
    """The platform sends none."""

    can_verify = False
    has_handshake = False
    callbacks = None

    def verify(self, headers, body, *, now) -> Verdict:
        del headers, body, now
        return Verdict(False, "no_secret")

    def handshake(self, query) -> None:
        del query

    def parse(self, body):
        del body
        return []

    def parse_stored(self, payload):
        del payload
        raise ValueError("there are no events")


def build_adapter(app: PlatformApp, http: HttpClient) -> Adapter:
    office = PostOffice(app, http)
    return Adapter(
        name="postcards",
        webhooks=PostcardWebhooks(),
        failure_reasons=REASONS,
        flow=PostcardLogin(office),
        step_publisher=PostcardPublisher(office),
    )


PLATFORM = Platform(
    name="postcards",
    brand=Brand("Postcards", "postcards", "https://postcards.example"),
    settings=PostcardSettings,
    build_adapter=build_adapter,
    build_webhooks=lambda _settings: None,
    capabilities=frozenset({Capability.PUBLISH}),
    flows={"postcards": FLOW_RULES},
    kinds={
        "CARD": PostKind(
            "CARD",
            (MediaSlot("picture", 1, 1, ()),),
            EndsAs.PUBLIC,
            Capability.PUBLISH,
            TextRule(max_length=300),
        )
    },
    default_kind="CARD",
    call_classes={"cards": CallClass("cards", "publish")},
    failure_reasons=REASONS,
    form=PublishForm(kind_labels={"CARD": "Card"}),
)
