"""Migration 0017: what a host application claimed is taken off the names of people."""

from sqlalchemy import text

from core.identity.host_jwt import invent_email
from db import migrations
from tests.servers import owner_url

ISSUER = "https://host.example.org"
INSERT_USERS = """
INSERT INTO users (email, password_hash, is_admin, jwt_issuer, jwt_subject)
VALUES ('person@example.org', 'hash', false, NULL, NULL),
       ('linked@example.org', 'hash', false, :issuer, 'linked'),
       ('claimed@example.org', NULL, false, :issuer, '4711'),
       ('ab12@host.invalid', NULL, false, :issuer, 'without')
"""
READ_USERS = "SELECT jwt_subject, email, claimed_email FROM users ORDER BY id"


def test_claimed_emails_are_moved_and_come_back(database, database_url):
    url = owner_url(database_url)
    migrations.downgrade_schema(url, "0016")
    with database.transaction() as session:
        session.execute(text(INSERT_USERS), {"issuer": ISSUER})
    migrations.upgrade_schema(url)
    with database.transaction() as session:
        rows = session.execute(text(READ_USERS)).all()
    assert rows == [
        (None, "person@example.org", None),
        ("linked", "linked@example.org", None),
        ("4711", invent_email(ISSUER, "4711"), "claimed@example.org"),
        ("without", "ab12@host.invalid", None),
    ]
    with database.transaction() as session:  # the name is free for its owner
        session.execute(text("INSERT INTO users (email) VALUES ('Claimed@example.org')"))
        session.execute(
            text("UPDATE users SET claimed_email = 'free@x.org' WHERE email LIKE 'ab%'")
        )
    migrations.downgrade_schema(url, "0016")
    with database.transaction() as session:
        emails = session.scalars(text("SELECT email FROM users ORDER BY id")).all()
    assert emails == [
        "person@example.org",
        "linked@example.org",
        invent_email(ISSUER, "4711"),
        "free@x.org",
        "Claimed@example.org",
    ]
    migrations.upgrade_schema(url)
