"""Fixtures of an app that samples insights, with an account of Alice's that grants the scopes."""

import pytest

from tests.support.insights_harness import INSIGHTS_SCOPES, InsightsHarness

SAMPLED_VIDEO_ID = 7_602_997_517_160_123_666


@pytest.fixture
def extra_settings():
    return {"ENABLE_TIKTOK_INSIGHTS": "on"}


@pytest.fixture
def sampler(publisher):
    return InsightsHarness(publisher)


@pytest.fixture
def account_id(sampler, alice):
    return sampler.create_account(user_id=alice.id, scope=f"{INSIGHTS_SCOPES},video.upload")


@pytest.fixture
def sampled_account(sampler, account_id):
    """The same account with one video, sampled once."""
    sampler.add_video(
        SAMPLED_VIDEO_ID, title="A video", duration=12, share_url="https://t/7", share_count=...
    )
    sampler.enrol_accounts()
    sampler.run_workers(4)
    return account_id
