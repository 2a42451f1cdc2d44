"""Overdue sampling of metrics is reported and does not affect readiness."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from db.insights.schedule import SamplingSchedule
from db.ops.heartbeats import Heartbeats
from tests.support.row_factory import RowFactory


@pytest.fixture
def overdue_sampling(container):
    account = RowFactory(container.database, container.services.key_ring).create_account(
        scope="video.list"
    )
    with container.database.transaction() as session:
        Heartbeats(session).record("tick")
        session.add(
            SamplingSchedule(oauth_account_id=account, due_at=func.now() - timedelta(minutes=5))
        )


def test_overdue_sampling_is_reported_and_does_not_affect_readiness(client, overdue_sampling):
    response = client.get("/readyz").json
    assert response["overdueSeconds"]["insights"] > 200
    assert [reason for reason in response["reasons"] if "insights" in reason] == []
    assert b'signalpost_oldest_due_seconds{kind="insights"} 3' in client.get("/metrics").data
