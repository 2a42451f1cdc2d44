"""Runs the sandbox as a process with Meta's apps, and connects accounts through the adapter."""

from contextlib import contextmanager
from dataclasses import dataclass

from platforms.base import PlatformApp
from platforms.http import HttpClient
from platforms.registry import PLATFORMS
from platforms.secret import Secret
from tests.platforms.contract_accounts import ContractAccount
from tests.platforms.instagram_login_client import PREFIXES
from tests.platforms.instagram_profiles import FACEBOOK_PROFILE, INSTAGRAM_PROFILE
from tests.platforms.raw_instagram_client import (
    FACEBOOK_APP,
    FACEBOOK_SECRET,
    INSTAGRAM_APP,
    INSTAGRAM_SECRET,
    VERIFY_TOKEN,
    run_instagram_process,
)
from tests.platforms.sandbox_client import REDIRECT_URI, SandboxClient, record_deliveries

APPS = {
    "facebook": (FACEBOOK_APP, FACEBOOK_SECRET, FACEBOOK_PROFILE),
    "instagram": (INSTAGRAM_APP, INSTAGRAM_SECRET, INSTAGRAM_PROFILE),
}
FAST_SETTINGS = {"image_seconds": 0.0, "video_seconds": 0.0, "redelivery_seconds": 0.2}


@dataclass
class InstagramSandboxClient(SandboxClient):
    """`flavour` is the login in use: facebook or instagram."""

    flavour: str = "facebook"

    @property
    def publisher(self):
        return self.adapter.step_publisher

    def give_consent(self, person):
        """Grant everything that is asked for; return the grant."""
        return self.adapter.flow.exchange_code(self.grant_consent(person)["code"])

    def grant_consent(self, person):
        """Return the parameters of the callback. The pages themselves have tests of their own."""
        url = self.adapter.flow.authorize_url(state="s" * 64, scopes=self.profile.scopes)
        return self.control("instagram/consent", url=url, login=person)

    def create_person(self):
        """Return the id under which a person with one account signs in."""
        if self.flavour == "facebook":
            page = {"account": {"followers_count": 5_000}}
            return self.control("instagram/people", pages=[page])["person_id"]
        accounts = [{"followers_count": 5_000}]
        ids = self.control("instagram/people", pages=[], accounts=accounts)
        return ids["account_ids"][0]

    def connect_account(self):
        person = self.create_person()
        grant = self.give_consent(person)
        identity = self.adapter.flow.identify(grant)
        (destination,) = self.adapter.flow.find_destinations(grant).destinations
        return ContractAccount(
            self,
            grant,
            destination.external_id,
            person,
            destination.token or grant.access_token,
            identity.scopes,
            destination,
            grant.access_token if destination.token else None,
        )

    def media_link(self, item):
        return f"https://cdn.example/ours-{item.media_id}.jpg"

    def list_posts(self, account):
        media = self.control("instagram/media")["media"]
        return [post for post in media if post["account_id"] == account.id]

    def list_named_handles(self, _account):
        return ()


@contextmanager
def run_instagram_contract_sandbox(flavour):
    app_id, app_secret, profile = APPS[flavour]
    with (
        record_deliveries() as (webhook_url, deliveries),
        run_instagram_process(webhook_url) as url,
    ):
        sandbox = InstagramSandboxClient(url, deliveries, profile, flavour=flavour)
        sandbox.app = PlatformApp(
            client_key=app_id,
            client_secret=Secret(app_secret),
            redirect_uri=REDIRECT_URI,
            scopes=(),
            webhook_secrets=(Secret(app_secret),),
            base_urls={name: url + prefix for name, prefix in PREFIXES.items()},
            extra={
                "login": flavour,
                "graph_version": "v26.0",
                "verify_token": Secret(VERIFY_TOKEN),
                "business_management": True,
            },
        )
        sandbox.http = HttpClient(timeout=(1.0, 1.5), sleep=lambda _: None)
        sandbox.adapter = PLATFORMS["instagram"].build_adapter(sandbox.app, sandbox.http)
        sandbox.control("instagram/settings", **FAST_SETTINGS)
        yield sandbox
        sandbox.http.close()
