"""The development user and API key that `signalpost up --sandbox` creates and prints."""

from core.identity import api_keys, passwords, users
from core.scopes import SCOPES
from db.identity.users import Users
from db.session import Database
from local.developer import Developer
from platforms.secret import Secret

DEVELOPER_EMAIL = "dev@signalpost.localhost"
API_KEY_NAME = "signalpost up"


def create_developer(database: Database, password: str) -> Developer:
    """Create the user or set their password, and replace their API key by one with every scope."""
    with database.transaction() as session:
        existing = Users(session).get_by_email(DEVELOPER_EMAIL)
        user = existing or users.create_user(
            session, DEVELOPER_EMAIL, password=Secret(password), is_admin=True
        )
        if existing and not passwords.verify_password(Secret(password), user.password_hash):
            # Only then: another hash, even of the same password, would end sessions and keys.
            Users(session).set_password(user.id, passwords.hash_password(Secret(password)))
        for api_key in api_keys.list_api_keys(session, user.id):
            if api_key.name == API_KEY_NAME and api_key.revoked_at is None:
                api_keys.revoke_api_key(session, api_key.id, user_id=user.id)
        _, key = api_keys.create_api_key(session, user.id, name=API_KEY_NAME, scopes=SCOPES)
    return Developer(DEVELOPER_EMAIL, password, key.reveal())
