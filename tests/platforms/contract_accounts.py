"""An account of a sandbox that is connected through an adapter, and posts of it step by step."""

import secrets
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from platforms.logins import Destination, LoginGrant
from platforms.publishing import Publication, StepTools
from platforms.registry import PLATFORMS
from platforms.secret import Secret
from tests.platforms.contract_videos import encode_video
from tests.platforms.platform_profiles import OUR_FILE_ID
from tests.platforms.post_driver import PostDriver

load_video = cache(encode_video)


@dataclass
class ContractAccount:
    """`id` is the platform's id of the account that is posted to, `person` who gave consent.

    `token` is the account's own or the login's, `grant` that of the login.
    """

    sandbox: Any
    grant: LoginGrant
    id: str
    person: str
    token: Secret
    scopes: tuple[str, ...]
    destination: Destination | None = None
    fallback_token: Secret | None = None
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def adapter(self):
        return self.sandbox.adapter

    @property
    def platform(self):
        return PLATFORMS[self.sandbox.profile.platform]

    @property
    def posts(self):
        return self.sandbox.list_posts(self)

    def start_post(self, name, *, text=None, **changes):
        """Return the driver of a post of the profile; nothing is sent yet."""
        post = self.sandbox.profile.posts[name]
        media = [self.with_size(item) for item in post.media]
        now = self.sandbox.now
        publication = Publication(
            kind=self.platform.kinds[post.kind],
            text=secrets.token_hex(8) if text is None else text,
            destination_id=self.id,
            now=now,
            created_at=now,
            options=post.options,
            media=tuple(media),
            **changes,
        )
        tools = StepTools(
            self.token, read_video, self.sandbox.media_link, fallback_token=self.fallback_token
        )
        return ContractDriver(
            self.sandbox, self.sandbox.publisher, tools, publication, account=self
        )

    def publish(self, name):
        """Publish a post to its end and return its driver."""
        return self.start_post(name).run()

    def with_size(self, item):
        return replace(item, size=len(load_video())) if item.media_id == OUR_FILE_ID else item


def read_video(_item, first, last):
    return load_video()[first : last + 1]


@dataclass
class ContractDriver(PostDriver):
    """A post of a sandbox that is a process of its own."""

    account: ContractAccount = None

    @property
    def now(self):
        return self.client.now

    @property
    def posts(self):
        return self.account.posts

    def run_step(self, step=None):
        """Reconciling sees the publications that deliveries have named."""
        if self.publication.is_unconfirmed:
            handles = self.client.list_named_handles(self.account)
            self.change(evidence=replace(self.publication.evidence, named_handles=handles))
        return super().run_step(step)
