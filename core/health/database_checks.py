"""The checks of `signalpost doctor` that concern Postgres."""

from collections.abc import Iterator
from datetime import timedelta

from core.bootstrap import Services
from core.health.doctor_check import DoctorCheck
from core.health.readiness import ReadinessReport
from db.accounts.grants import Grants
from db.session import Database, DatabaseUnavailable

MAX_CLOCK_SKEW = timedelta(seconds=5)  # between our clock and the database's


def check_database(
    database: Database, report: ReadinessReport, services: Services
) -> Iterator[DoctorCheck]:
    """Whether Postgres can be used, and whether its clock agrees with ours."""
    advice = "" if report.database else "check DATABASE_URL and that Postgres runs"
    message = "answers" if report.database else "does not answer"
    yield DoctorCheck("database", report.database, message, advice)
    yield check_clock(database, services)


def check_clock(database: Database, services: Services) -> DoctorCheck:
    try:
        with database.transaction() as session:
            database_time = session.scalar(Grants.now())
    except DatabaseUnavailable:
        return DoctorCheck("clock", ok=False, message="unknown without the database")
    skew = abs(database_time - services.now())
    return DoctorCheck(
        "clock",
        skew < MAX_CLOCK_SKEW,
        f"differs by {skew} from the database's",
        "synchronize both with NTP",
    )
