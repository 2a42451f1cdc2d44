import pytest

from db.session import Database
from tests.db.chores import Sight


@pytest.fixture
def database(database_url):
    made = Database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def sight(database_url):
    made = Sight(database_url)
    made.prepare()
    yield made
    made.close()
