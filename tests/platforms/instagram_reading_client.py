"""Calls on the reading half of the Instagram sandbox, and what visitors do there."""

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.platforms.instagram_publishing_client import (
    FAST_SETTINGS,
    PublishingClient,
    add_account,
    run_instagram_server,
)
from tests.platforms.sandbox_client import record_deliveries

FACEBOOK_READING = (
    *("instagram_basic", "instagram_manage_comments", "instagram_manage_insights"),
    *("pages_read_engagement", "pages_show_list"),
)
INSTAGRAM_READING = (
    *("instagram_business_basic", "instagram_business_manage_comments"),
    "instagram_business_manage_insights",
)
HOUR = 3_600.0
DAY = 24 * HOUR


@dataclass
class ReadingClient(PublishingClient):
    deliveries: object = None

    def control(self, path, method="POST", **body):
        return self.raw.control(f"instagram/{path}", method, **body)

    def post_in_app(self, age=HOUR, **traits):
        """Return the id of media that the account posted in the app, so many seconds ago."""
        timestamp = self.state.now - age
        post = self.control("app-posts", account_id=self.account.id, timestamp=timestamp, **traits)
        return post["id"]

    def post_reel(self, age=HOUR):
        return self.post_in_app(age, media_product_type="REELS", media_type="VIDEO")

    def post_story(self, age=HOUR):
        return self.post_in_app(age, media_product_type="STORY")

    def comment(self, media_id, text="wow", **traits):
        return self.control("comments", media_id=media_id, text=text, **traits)["id"]

    def list_comments(self, media_id, login="page", **params):
        return self.call("GET", f"/{media_id}/comments", login, **params)

    def read_insights(self, node_id, metric, login="page", **params):
        return self.call("GET", f"/{node_id}/insights", login, metric=metric, **params)

    def subscribe(self):
        """Subscribe the account and its Page, as both calls of a Facebook Login do."""
        self.account.subscribed_fields = {"facebook": ("comments",), "instagram": ("comments",)}
        self.state.pages[self.account.page_id].subscribed_fields = ("feed",)

    def wait_for_change(self, field=None):
        """Return the next change of this account's field that was delivered, and its headers."""
        while True:
            headers, body = self.deliveries.get(timeout=10)
            for entry in json.loads(body)["entry"]:
                for change in entry.get("changes", []):
                    if entry["id"] == self.account.id and field in {None, change["field"]}:
                        return change, headers

    def stored_comments(self, media_id):
        return self.control(f"comments?media_id={media_id}", "GET")["comments"]


@contextmanager
def run_reading_server():
    with (
        record_deliveries() as (webhook_url, deliveries),
        run_instagram_server() as (raw, state),
    ):
        raw.deliveries = deliveries
        yield raw, state, replace(FAST_SETTINGS, webhook_url=webhook_url)


def add_reader(server, **traits):
    """Reset the settings and add an account whose logins may read everything."""
    raw, state, settings = server
    state.settings = settings
    client = add_account(raw, state, **traits)
    reader = ReadingClient(raw, state, client.account, client.tokens, raw.deliveries)
    reader.grant_scopes(*FACEBOOK_READING)
    reader.grant_scopes(*INSTAGRAM_READING, login="instagram")
    return reader
