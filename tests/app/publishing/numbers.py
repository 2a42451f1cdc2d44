"""A house that samples numbers, and Alice's account, which allows them to be seen."""

import pytest

from tests.counting import SCOPES, Shop

VIDEO = 7_602_997_517_160_123_666


@pytest.fixture
def switches():
    return {"ENABLE_TIKTOK_INSIGHTS": "on"}


@pytest.fixture
def shop(desk):
    return Shop(desk)


@pytest.fixture
def account(shop, alice):
    return shop.account(user_id=alice.id, scope=f"{SCOPES},video.upload")


@pytest.fixture
def counted(shop, account):
    """The same with one video, counted once."""
    shop.shows(VIDEO, title="A film", duration=12, share_url="https://t/7", share_count=...)
    shop.enrols()
    shop.works(4)
    return account
