"""The checks of `signalpost doctor` that concern Postgres."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from core.bootstrap import Services
from core.health.doctor_check import DoctorCheck
from db.accounts.grants import Grants
from db.ops.diagnosis import DatabaseFacts, read_database_facts
from db.session import Database, DatabaseUnavailable
from db.tls_probe import find_certificate_fault

MAX_CLOCK_SKEW = timedelta(seconds=5)  # between our clock and the database's
DEFAULT_ADVICE = "check DATABASE_URL and that Postgres runs"
ADVICE = (
    ("CONNECTION LIMIT", "raise its CONNECTION LIMIT, or run fewer processes"),
    ("is closed", "open it: ALTER DATABASE … ALLOW_CONNECTIONS true"),
    ("server has no connection left", "raise max_connections, use a pooler, or end what is idle"),
    ("password", "compare user and password in DATABASE_URL with the role of the server"),
    ("user", "compare the user in DATABASE_URL with the roles of the server"),
    ("database does not exist", "create the database, or correct its name in DATABASE_URL"),
    ("exist already", "name an empty database, or restore the table alembic_version with its row"),
    ("encoding", "create the database with ENCODING 'UTF8', and move the rows to it"),
    ("lock", "look for the transaction in pg_stat_activity, and end it"),
    ("too long", "look into pg_stat_activity for what keeps the server busy"),
    ("other version", "run `signalpost migrate status`, and this release's `migrate up`"),
    ("does not know", "compare `signalpost migrate status` with the release that runs"),
    ("tables", "run `signalpost migrate up`"),
    (
        "may not",
        "grant what docs/operate/postgres.md lists, or run `signalpost migrate up` as the owner",
    ),
    ("pg_hba", "add a line for this host, user and database to pg_hba.conf"),
    ("pooler", "compare DATABASE_URL with the pooler's configuration"),
    ("read-only", "wait for the switch-over, or name the primary server in DATABASE_URL"),
    ("disk", "make room on the server"),
    ("another name", "write the name that the certificate has into DATABASE_URL"),
    ("expired", "renew the server's certificate"),
    ("certificate", "set sslrootcert in DATABASE_URL to the file of the server's authority"),
    ("sslrootcert", "set sslrootcert in DATABASE_URL to a file that exists"),
    ("no TLS", "switch TLS on at the server, or write sslmode=disable on a private network"),
)
"""Words of a reason, and what to do about it."""

UNVERIFIED_MODES = {"require": "is encrypted, but the server's certificate is not checked"}


def check_database(database: Database, services: Services) -> Iterator[DoctorCheck]:
    """Whether Postgres stores events, for whom, how safely, and by which clock."""
    try:
        facts = read_database_facts(database)
    except DatabaseUnavailable as error:
        reason = str(error)
        if "certificate" in reason:
            reason = find_certificate_fault(services.settings.database_url) or reason
        yield DoctorCheck("database", ok=False, message=reason, advice=find_advice(reason))
        yield DoctorCheck("clock", ok=False, message="unknown without the database")
        return
    yield DoctorCheck("database", ok=True, message=f"PostgreSQL {facts.version} accepts writes")
    yield from check_database_encoding(facts)
    yield from check_role(facts, services)
    yield from check_durability(facts, services)
    yield from check_transaction_settings(facts)
    yield from check_encryption_of_transport(services)
    yield check_clock(database, services)


def find_advice(reason: str, *, setting: str = "DATABASE_URL") -> str:
    """What to do about it. `setting`: which one names the database."""
    advice = next((advice for word, advice in ADVICE if word in reason), DEFAULT_ADVICE)
    return advice.replace("DATABASE_URL", setting)


def check_database_encoding(facts: DatabaseFacts) -> Iterator[DoctorCheck]:
    """Other encodings have no place for most texts, or count bytes as characters."""
    if facts.encoding != "UTF8":
        message = f"the encoding of the database is {facts.encoding}: it must be UTF8"
        yield DoctorCheck("database encoding", False, message, find_advice(message))


def check_role(facts: DatabaseFacts, services: Services) -> Iterator[DoctorCheck]:
    """Whether our role may do more than it needs: a fault in production only."""
    rights = ["is a superuser"] if facts.is_superuser else []
    if facts.can_change_audit_log:
        rights.append("may change the audit log")
    yield DoctorCheck(
        "database role",
        not rights or not services.settings.is_production,
        f"{facts.role} {' and '.join(rights) or 'has no more rights than it needs'}",
        "use a role of its own, and the tables' owner in MIGRATION_DATABASE_URL "
        "(docs/operate/postgres.md)",
    )


def check_durability(facts: DatabaseFacts, services: Services) -> Iterator[DoctorCheck]:
    """Whether a crash of the server could lose what was acknowledged."""
    faults = {
        f"synchronous_commit is {facts.synchronous_commit}": facts.has_unsafe_commits,
        "fsync is off": not facts.is_durable and services.settings.is_production,
    }
    for message, is_present in faults.items():
        if is_present:
            advice = "switch it on: a crash of the server would lose acknowledged webhooks"
            yield DoctorCheck("database durability", ok=False, message=message, advice=advice)


def check_transaction_settings(facts: DatabaseFacts) -> Iterator[DoctorCheck]:
    if facts.wrong_settings:
        yield DoctorCheck(
            "database settings",
            ok=False,
            message=f"a transaction cannot set {', '.join(facts.wrong_settings)}",
            advice="let the pooler run in transaction or session mode, not in statement mode",
        )


def check_encryption_of_transport(services: Services) -> Iterator[DoctorCheck]:
    query = parse_qs(urlsplit(services.settings.database_url).query)
    mode = query.get("sslmode", [""])[0]
    if mode in UNVERIFIED_MODES:
        yield DoctorCheck("database TLS", ok=True, message=UNVERIFIED_MODES[mode])


def check_clock(database: Database, services: Services) -> DoctorCheck:
    try:
        with database.transaction() as session:
            database_time = session.scalar(Grants.now())
    except DatabaseUnavailable as error:
        return DoctorCheck("clock", ok=False, message=f"unknown: {error}")
    skew = abs(database_time - services.now())
    return DoctorCheck(
        "clock",
        skew < MAX_CLOCK_SKEW,
        f"differs by {skew} from the database's",
        "synchronize both with NTP",
    )
