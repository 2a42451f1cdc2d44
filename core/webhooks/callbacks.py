"""Signed callbacks of platforms: a person removed our app, or wants their data erased.

Both revoke the person's logins at once. Erasing is resumed by housekeeping until it is done.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import structlog

from core.accounts import grant_lifecycle
from core.accounts.erasure import begin_erasure
from core.bootstrap import Services
from core.errors import Invalid, NotFound
from core.removal_list import RemovalKind, note_removal
from core.webhooks.receive import find_webhook_adapter
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.ops.data_deletions import DataDeletion, DataDeletions
from db.records.destinations import find_destination_store
from db.session import Database, Session
from platforms.callbacks import CallbackSubject, SignedCallbacks
from platforms.errors import BadSignature

CODE_LENGTH = 32  # hexadecimal digits
CODE_PURPOSE = "data-deletion"
REMOVED_BY_PERSON = "removed_in_app"
"""Cause of the revocation, as accounts and notifications show it."""

TIMESTAMP_PRECISION = timedelta(seconds=1)  # platforms cut their times to whole seconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DeletionReceipt:
    """The answer to a request for deletion. `callbacks` writes it in the platform's form."""

    code: str
    callbacks: SignedCallbacks

    def to_answer(self, status_url: str) -> dict[str, str]:
        return self.callbacks.build_deletion_answer(status_url=status_url, code=self.code)


def find_callbacks(services: Services, provider: str) -> SignedCallbacks:
    """Return what reads the platform's callbacks.

    Errors: NotFound for an unknown platform, and for one without callbacks;
    WebhookNotConfigured without the secret that verifies them.
    """
    callbacks = find_webhook_adapter(services, provider).callbacks
    if callbacks is None:
        raise NotFound(f"{provider} sends no such callbacks, or its app is not configured")
    return callbacks


def receive_deauthorization(
    database: Database, services: Services, provider: str, form: Mapping[str, str]
) -> int:
    """A person removed the app: clear their tokens and park their posts. Return how many logins.

    Errors: NotFound, WebhookNotConfigured; Invalid for a form that is malformed or forged.
    """
    subject = read_callback(find_callbacks(services, provider), provider, form)
    with database.transaction() as session:
        revoked = [
            account
            for account in lock_logins(session, provider, subject)
            if not is_granted_later(account, subject)
        ]
        for account in revoked:
            revoke_login(session, account)
    log.info("callback.deauthorized", provider=provider, logins=len(revoked))
    return len(revoked)


def receive_deletion_request(
    database: Database, services: Services, provider: str, form: Mapping[str, str]
) -> DeletionReceipt:
    """A person wants their data erased: store that, revoke their logins, and begin to erase.

    The same request gets the same code and has no further effect; what the person has connected
    since then stays. Errors: as `receive_deauthorization`.
    """
    callbacks = find_callbacks(services, provider)
    subject = read_callback(callbacks, provider, form)
    code = build_code(services, provider, subject)
    with database.transaction() as session:
        requests = DataDeletions(session)
        request = requests.add(code, provider=provider, person_id=subject.person_id)
        if request is None and subject.issued_at is None:  # it may as well be a later request
            request = requests.reopen(code, person_id=subject.person_id)
        if request is not None:
            note_removal(session, RemovalKind.PERSON, provider, subject.person_id)
        for account in lock_logins(session, provider, subject) if request is not None else ():
            revoke_login(session, account)
    if request is not None:
        log.info("data_deletion.received", provider=provider, request=request.id)
        begin_erasure(database, services, request.id)
    return DeletionReceipt(code, callbacks)


def find_deletion_request(database: Database, code: str) -> DataDeletion:
    """Return the request with this code. Errors: NotFound."""
    with database.transaction() as session:
        request = DataDeletions(session).get_by_code(code)
    if request is None:
        raise NotFound("there is no request with this code")
    return request


def read_callback(
    callbacks: SignedCallbacks, provider: str, form: Mapping[str, str]
) -> CallbackSubject:
    """Return whom the form is about. Errors: Invalid, whether it is malformed or forged.

    Forged forms are refused like malformed ones: senders answer both in the same way.
    """
    try:
        return callbacks.parse_callback(form)
    except (BadSignature, ValueError) as error:
        log.warning("callback.refused", provider=provider, reason=str(error))
        raise Invalid(str(error), code="invalid_payload") from error


def lock_logins(session: Session, provider: str, subject: CallbackSubject) -> list[Account]:
    """Lock the person's logins whose grant has not been revoked, in the order of their ids."""
    accounts = Accounts(session)
    found = accounts.list_by_any_id(provider, subject.person_id)
    locked = [accounts.lock(account.id) for account in found]
    return [
        account
        for account in locked
        if account is not None
        and account.disconnected_at is None
        and account.status != AccountStatus.REVOKED
    ]


def revoke_login(session: Session, account: Account) -> None:
    """Clear the tokens of a login and its destinations, park its posts, and notify its owner."""
    store = find_destination_store(session, account.provider)
    if store is not None:
        store.disconnect(account.id)
    grant_lifecycle.mark_revoked(session, account, cause=REMOVED_BY_PERSON)


def is_granted_later(account: Account, subject: CallbackSubject) -> bool:
    """Whether the person has given the present grant after the callback was issued."""
    granted_at = account.last_refreshed_at or account.created_at
    return subject.issued_at is not None and subject.issued_at + TIMESTAMP_PRECISION <= granted_at


def build_code(services: Services, provider: str, subject: CallbackSubject) -> str:
    """Return the code of this request: nobody can guess it, and a repetition has the same one.

    It is a keyed digest, so that neither the code nor a stored row tells who the person was.
    """
    issued_at = "" if subject.issued_at is None else subject.issued_at.isoformat()
    text = f"{CODE_PURPOSE}\n{provider}\n{subject.person_id}\n{issued_at}"
    key = services.settings.secret_key.reveal().encode()
    return hmac.new(key, text.encode(), sha256).hexdigest()[:CODE_LENGTH]
