"""Logins at the Instagram sandbox, connected as a browser would connect them."""

from dataclasses import dataclass, field

from sqlalchemy import select, update

from core import accounts
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.jobs.runner import run_jobs
from db.accounts.accounts import Account
from db.records.instagram_tables import InstagramAccount
from tests.platforms.instagram_login_client import APP_SECRETS, PREFIXES, REDIRECT_URI
from tests.support.row_factory import RowFactory, make_services

ADA, GRACE, LINUS = "10150000000000001", "10150000000000002", "10150000000000003"
BAKERY, STUDIO = "17841400000000001", "17841400000000002"
BAKERY_PAGE, STUDIO_PAGE = "61550000000000001", "61550000000000002"
GARDEN = "17841400000000003"
URL_SETTINGS = {
    "meta_auth": "META_AUTH_BASE_URL",
    "meta_graph": "META_GRAPH_BASE_URL",
    "meta_upload": "META_UPLOAD_BASE_URL",
    "instagram_auth": "INSTAGRAM_AUTH_BASE_URL",
    "instagram_api": "INSTAGRAM_API_BASE_URL",
    "instagram_graph": "INSTAGRAM_GRAPH_BASE_URL",
}


def instagram_environ(sandbox_url, login="facebook", **environ):
    """The settings of an app whose Instagram is the sandbox at this URL."""
    (facebook_id, facebook_secret), (instagram_id, instagram_secret) = APP_SECRETS.values()
    return {
        "INSTAGRAM_LOGIN": login,
        "FACEBOOK_APP_ID": facebook_id,
        "FACEBOOK_APP_SECRET": facebook_secret,
        "INSTAGRAM_APP_ID": instagram_id,
        "INSTAGRAM_APP_SECRET": instagram_secret,
        "INSTAGRAM_REDIRECT_URI": REDIRECT_URI,
        "INSTAGRAM_WEBHOOK_VERIFY_TOKEN": "verify-canary",
        **{name: sandbox_url + PREFIXES[key] for key, name in URL_SETTINGS.items()},
        **environ,
    }


@dataclass
class InstagramAccounts:
    """Connects people of the sandbox and reads back what was stored."""

    database: object
    database_url: str
    redis_url: str
    sandbox: object
    services_by_login: dict = field(default_factory=dict)

    def services(self, login="facebook", **environ):
        key = (login, *sorted(environ.items()))
        if key not in self.services_by_login:
            first = next(iter(self.services_by_login.values()), None)
            keys = dict(first.settings.encryption_keys) if first else {}
            shared = {"TOKEN_ENCRYPTION_KEY": keys["1"].reveal()} if keys else {}
            self.services_by_login[key] = make_services(
                self.database_url,
                "http://127.0.0.1:9",
                REDIS_URL=self.redis_url,
                **shared,
                **instagram_environ(self.sandbox.raw.url, login, **environ),
            )
        return self.services_by_login[key]

    @property
    def factory(self):
        return RowFactory(self.database, self.services().key_ring)

    def connect(self, who, user_id=None, login="facebook", *, environ=None, **choice):
        """Consent as this person and complete the connection for the user, or for a new one."""
        services = self.services(login, **(environ or {}))
        user_id = user_id or self.factory.create_user()
        with self.database.transaction() as session:
            consent = accounts.start_connection(
                session, services, user_id=user_id, provider="instagram"
            )
        callback = self.sandbox.raw.control(
            "instagram/consent", url=consent.url, login=who, **choice
        )
        return accounts.complete_connection(
            self.database,
            services,
            user_id=user_id,
            provider="instagram",
            code=callback["code"],
            state=consent.state,
        )

    def choose(self, user_id, *external_ids, login="facebook"):
        ids = [row.id for row in self.destinations() if row.ig_business_id in external_ids]
        accounts.select_destinations(
            self.database,
            self.services(login),
            user_id=user_id,
            provider="instagram",
            destination_ids=ids,
        )

    def connect_and_choose(self, who, *external_ids, **choice):
        """Connect a person for a new user and choose accounts; return login row and user."""
        user_id = self.factory.create_user()
        connection = self.connect(who, user_id, **choice)
        self.choose(user_id, *external_ids)
        return connection.account_id, user_id

    def login(self, account_id):
        return self.factory.account(account_id)

    def logins(self):
        with self.database.transaction() as session:
            return list(session.scalars(select(Account).order_by(Account.id)))

    def destinations(self):
        with self.database.transaction() as session:
            return list(session.scalars(select(InstagramAccount).order_by(InstagramAccount.id)))

    def destination(self, external_id):
        (row,) = [row for row in self.destinations() if row.ig_business_id == external_id]
        return row

    def update_destination(self, external_id, **columns):
        with self.database.transaction() as session:
            condition = InstagramAccount.ig_business_id == external_id
            session.execute(update(InstagramAccount).where(condition).values(**columns))

    def create_post(self, account_id, external_id, **columns):
        destination_id = self.destination(external_id).id
        return self.factory.create_post(
            account_id,
            provider="instagram",
            kind="IMAGE",
            source="PULL_FROM_URL",
            destination_id=destination_id,
            **columns,
        )

    def posting_token(self, post_id):
        with self.database.transaction() as session:
            return accounts.get_posting_token(session, self.factory.post(post_id))

    def run_refresh(self, account_id):
        """Make the login due and run one attempt of the refresh job for it."""
        self.factory.make_account_due(account_id)
        return run_jobs(REFRESH_JOB_TYPE, self.database, self.services(), row_id=account_id)

    def subscribed_fields(self, external_id):
        """The fields that the sandbox sends events about to our app."""
        return self.sandbox.state.accounts[external_id].subscribed_fields.get("facebook", ())

    def fail_next(self, endpoint, code, subcode=None, times=1):
        """Answer the next calls of this endpoint with an error of Meta."""
        fields = {"code": code} | ({} if subcode is None else {"subcode": subcode})
        self.sandbox.inject_fault(endpoint, "graph_error", times=times, fields=fields)

    def log(self, endpoint):
        return self.sandbox.calls(endpoint)
