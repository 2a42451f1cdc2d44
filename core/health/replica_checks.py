"""The checks of `signalpost doctor` that concern the replica of Postgres."""

from collections.abc import Iterator, Mapping

from core.bootstrap import Services
from core.health.database_checks import find_advice
from core.health.doctor_check import DoctorCheck
from core.replica import Replica
from db.replicas import ReplicaFault, ReplicaFaultKind, ReplicaReadFailed

REPLICA_SETTING = "DATABASE_REPLICA_URL"
STATE_ADVICE: Mapping[ReplicaFaultKind, str] = {
    ReplicaFaultKind.NO_STANDBY: (
        "name a standby in DATABASE_REPLICA_URL, or make this server one again"
    ),
    ReplicaFaultKind.OTHER_PRIMARY: (
        "name a standby of the server in DATABASE_URL, and the same database"
    ),
    ReplicaFaultKind.PAUSED: (
        "run SELECT pg_wal_replay_resume() on it, when whoever paused it has finished"
    ),
    ReplicaFaultKind.BEHIND: (
        "look into pg_stat_replication on the primary, and into the replica's log"
    ),
    ReplicaFaultKind.NOT_WATCHED: "run the command again when the primary answers",
    ReplicaFaultKind.AWAITS_WRITE: "run the command again in a minute",
}
"""What to do about each state. Of a server that cannot be read, `find_advice` knows it."""

ROLE_ADVICE = "use a role of its own that can read all tables (docs/operate/postgres.md)"


def check_replica(services: Services) -> Iterator[DoctorCheck]:
    """Whether lists can be read from the replica, and whether its role can do more than that."""
    replica = services.replica
    if replica is None:
        return
    verdict = replica.await_verdict()
    if verdict.fault is not None:
        advice = find_state_advice(verdict.fault)
        yield DoctorCheck("replica", ok=False, message=verdict.fault.words, advice=advice)
        return
    yield DoctorCheck("replica", ok=True, message=f"is at most {verdict.lag or 0:.1f} s behind")
    yield check_reading_role(replica, is_production=services.settings.is_production)


def find_state_advice(fault: ReplicaFault) -> str:
    return STATE_ADVICE.get(fault.kind) or find_advice(fault.words, setting=REPLICA_SETTING)


def check_reading_role(replica: Replica, *, is_production: bool) -> DoctorCheck:
    """A role that may write could do so once the replica is promoted: a fault in production."""
    try:
        rights = replica.read_rights()
    except ReplicaReadFailed as error:
        return DoctorCheck("replica role", ok=False, message=error.fault.words, advice=ROLE_ADVICE)
    if not rights.can_read:
        message = f"{rights.role} may not read all tables"
        return DoctorCheck("replica role", ok=False, message=message, advice=ROLE_ADVICE)
    if rights.is_superuser or rights.can_write:
        excess = "is a superuser" if rights.is_superuser else "may write"
        message = f"{rights.role} {excess}, and has only to read"
        return DoctorCheck("replica role", not is_production, message, ROLE_ADVICE)
    return DoctorCheck("replica role", ok=True, message=f"{rights.role} can only read")
