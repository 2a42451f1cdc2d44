"""Numbers that are late are seen, and take no house out of service."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from db.beats import Beats
from db.watches import Watch
from tests.tenants import Tenants


@pytest.fixture
def late(house):
    account = Tenants(house.database, house.world.keys).an_account(scope="video.list")
    with house.database.transaction() as session:
        Beats(session).touch("tick")
        session.add(Watch(oauth_account_id=account, due_at=func.now() - timedelta(minutes=5)))


def test_late_numbers_are_seen_and_no_reason_to_stay_away(client, late):
    told = client.get("/readyz").json
    assert told["overdueSeconds"]["insights"] > 200
    assert [reason for reason in told["reasons"] if "insights" in reason] == []
    assert b'signalpost_oldest_due_seconds{kind="insights"} 3' in client.get("/metrics").data
