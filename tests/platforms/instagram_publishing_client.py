"""An Instagram sandbox in this process, and calls on it with the tokens of one account."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from platforms.sandbox.app import create_app
from platforms.sandbox.instagram.people import ALL_TASKS, IgAccount, Page, Person
from platforms.sandbox.instagram.settings import InstagramSandboxSettings
from platforms.sandbox.instagram.state import InstagramState, MetaApp
from platforms.sandbox.instagram.tokens import FACEBOOK, INSTAGRAM, INSTAGRAM_USER, USER, MetaGrant
from platforms.sandbox.server import SandboxServer
from platforms.sandbox.state import SandboxState
from platforms.sandbox.tiktok.state import TikTokState
from tests.platforms.raw_sandbox_client import RawResponse, RawSandboxClient, wait_for

FAST_SETTINGS = InstagramSandboxSettings(image_seconds=0.0, video_seconds=0.0, strict_media=False)
FACEBOOK_SCOPES = (
    *("instagram_basic", "instagram_content_publish", "pages_read_engagement"),
    *("instagram_manage_comments", "instagram_manage_contents"),
)
INSTAGRAM_SCOPES = (
    *("instagram_business_basic", "instagram_business_content_publish"),
    "instagram_business_manage_comments",
)
GRAPH_HOSTS = {"page": "meta-graph", "user": "meta-graph", "instagram": "instagram-graph"}
FAKE_MP4 = b"\0\0\0\x18ftypisom" + bytes(988)


@dataclass
class GraphAnswer(RawResponse):
    @property
    def error(self):
        error = self.json["error"]
        return self.status, error["code"], error.get("error_subcode")

    @property
    def message(self):
        return self.json["error"]["message"]

    @property
    def id(self):
        assert self.status == 200, self.json
        return self.json["id"]


@dataclass
class PublishingClient:
    """`tokens`: of the Page, of the person and of an Instagram Login, by these names."""

    raw: RawSandboxClient
    state: InstagramState
    account: IgAccount
    tokens: dict

    def change_settings(self, **changes):
        self.state.settings = replace(self.state.settings, **changes)

    def call(self, method, path, login="page", headers=None, **params):
        """Call the Graph host of a login; parameters go into the query or into a form."""
        path = f"/{GRAPH_HOSTS[login]}/v26.0{path}"
        query = urlencode(
            {
                name: value if isinstance(value, str | int) else json.dumps(value)
                for name, value in params.items()
            }
        )
        body, form = None, {}
        if method == "POST":
            body, form = query, {"Content-Type": "application/x-www-form-urlencoded"}
        elif query:
            path = f"{path}?{query}"
        answer = self.raw.send(method, path, body, form | (headers or {}), self.tokens[login])
        return GraphAnswer(answer.status, answer.headers, answer.body)

    def create(self, login="page", **params):
        return self.call("POST", f"/{self.account.id}/media", login, **params)

    def publish(self, container_id, login="page"):
        return self.call(
            "POST", f"/{self.account.id}/media_publish", login, creation_id=container_id
        )

    def read(self, node_id, fields="id", login="page"):
        return self.call("GET", f"/{node_id}", login, fields=fields)

    def read_status(self, container_id):
        answer = self.read(container_id, "status_code,status")
        assert answer.status == 200, answer.json
        return answer.json

    def wait_until_processed(self, container_id):
        """Return the status of a container that is no longer in progress."""

        def find_processed():
            status = self.read_status(container_id)
            return None if status["status_code"] == "IN_PROGRESS" else status

        return wait_for(find_processed, seconds=60.0)

    def create_finished(self, **params):
        container_id = self.create(**params).id
        assert self.wait_until_processed(container_id)["status_code"] == "FINISHED"
        return container_id

    def publish_new(self, **params):
        return self.publish(self.create_finished(**params)).id

    def advance_clock(self, seconds):
        self.state.sandbox.advance(seconds)

    def inject_fault(self, endpoint, kind, **fields):
        return self.raw.control("faults", endpoint=endpoint, kind=kind, **fields)

    def grant_scopes(self, *scopes, login="user"):
        """Replace what was granted; tokens follow their grant."""
        key = "facebook" if login in {"page", "user"} else "instagram"
        grant = self.state.tokens.grants[f"{key}:{self.account.id}"]
        grant.scopes = scopes


def add_account(raw, state, **traits):
    """Add an account with a Page, its person, and the tokens of both logins."""
    account = IgAccount(
        state.new_id("17841"), state.new_id("177"), f"shop{time.monotonic_ns():x}", **traits
    )
    person = Person(state.new_id("1"), "Ann")
    page = Page(state.new_id("1055"), "Shop", {person.id: ALL_TASKS}, account.id)
    account.page_id, person.page_ids = page.id, [page.id]
    state.accounts[account.id] = account
    state.pages[page.id], state.people[person.id] = page, person
    facebook_grant = MetaGrant(
        f"facebook:{account.id}",
        FACEBOOK,
        FACEBOOK_SCOPES,
        person_id=person.id,
        page_ids=(page.id,),
        account_ids=(account.id,),
    )
    instagram_grant = MetaGrant(
        f"instagram:{account.id}", INSTAGRAM, INSTAGRAM_SCOPES, account_id=account.id
    )
    for grant in (facebook_grant, instagram_grant):
        state.tokens.save_grant(grant)
    user_token = state.tokens.issue_token(USER, facebook_grant, now=state.now, seconds=None)
    tokens = {
        "user": user_token.value,
        "page": state.tokens.page_token(user_token, page.id, now=state.now).value,
        "instagram": state.tokens.issue_token(
            INSTAGRAM_USER, instagram_grant, now=state.now, seconds=5_183_944.0
        ).value,
    }
    return PublishingClient(raw, state, account, tokens)


@contextmanager
def run_instagram_server():
    """Serve a sandbox and yield its raw client and its state."""
    sandbox = SandboxState()
    tiktok = TikTokState(sandbox, client_key="key", client_secret="secret", redirect_uris=())
    facebook_app, instagram_app = MetaApp("1021", "facebook secret"), MetaApp("2021", "secret")
    state = InstagramState(sandbox, facebook_app, instagram_app, (), FAST_SETTINGS)
    server = SandboxServer(create_app(sandbox, tiktok, state), 0)
    sandbox.start()
    server.start()
    try:
        yield RawSandboxClient(server.url, None), state
    finally:
        sandbox.stop()
        server.stop()
