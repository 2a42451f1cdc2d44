"""Pictures of accounts: fetched when one is connected and once a day, kept when they are gone."""

from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import func, select, update

from core.accounts.pictures import PICTURE_JOB_TYPE
from core.jobs.runner import run_jobs
from db.accounts.accounts import Account, AccountStatus
from db.accounts.pictures import AccountPicture, AccountPictures
from tests.platforms.hostile_server import (
    closed_port_url,
    hostile_server,
    http_response,
    set_responses,
)
from tests.support.media_samples import encode_picture
from tests.support.row_factory import RowFactory, make_services

PATH = "/face.png"


class PictureHarness:
    def __init__(self, database, services, server):
        self.database, self.services, self.server = database, services, server
        self.rows = RowFactory(database, services.key_ring)
        self.account = self.rows.account(self.rows.create_account())

    def serve(self, body, status=200):
        set_responses(self.server, http_response(status, body, Content_Type="image/png"))

    def request(self, url=None):
        with self.database.transaction() as session:
            AccountPictures(session).request(self.account.id, None, url or self.server.url + PATH)

    def fetch(self):
        return run_jobs(PICTURE_JOB_TYPE, self.database, self.services)

    def load(self):
        with self.database.transaction() as session:
            return session.scalar(select(AccountPicture))

    def find(self, user_id):
        with self.database.transaction() as session:
            return AccountPictures(session).find_for_user(self.account.id, None, user_id=user_id)

    def make_due(self):
        with self.database.transaction() as session:
            session.execute(update(AccountPicture).values(due_at=func.now()))


@pytest.fixture
def pictures(database, database_url):
    with hostile_server() as server:
        services = make_services(database_url, server.url, ENDPOINT_PRIVATE_HOSTS="on")
        yield PictureHarness(database, services, server)


def test_a_picture_is_stored_small_and_square_and_fetched_again_after_a_day(pictures):
    pictures.serve(encode_picture("PNG", size=(600, 400)))
    pictures.request()

    pictures.fetch()

    row = pictures.load()
    with Image.open(BytesIO(row.image)) as image:
        assert (image.format, image.size) == ("JPEG", (128, 128))
    assert timedelta(hours=18) < row.due_at - row.fetched_at < timedelta(hours=30)
    assert pictures.find(pictures.account.user_id).digest == row.digest


def test_nobody_else_gets_the_picture(pictures):
    pictures.serve(encode_picture("PNG"))
    pictures.request()
    pictures.fetch()

    assert pictures.find(pictures.rows.create_user()) is None


@pytest.mark.parametrize("body", [b"<html>", b"", b"\x89PNG\r\n\x1a\n but damaged"])
def test_what_is_no_picture_is_not_stored(pictures, body):
    pictures.serve(body)
    pictures.request()

    pictures.fetch()

    row = pictures.load()
    assert (row.image, row.problem) == (None, "not_a_picture")
    assert row.due_at is not None


def test_a_picture_that_is_gone_keeps_its_last_copy(pictures):
    pictures.serve(encode_picture("PNG"))
    pictures.request()
    pictures.fetch()
    first_digest = pictures.load().digest
    pictures.serve(b"", status=403)
    pictures.make_due()

    pictures.fetch()

    row = pictures.load()
    assert (row.digest, row.problem) == (first_digest, "http_403")


def test_a_host_that_does_not_answer_is_called_again_the_next_day(pictures):
    pictures.request(closed_port_url() + PATH)

    assert pictures.fetch().recorded == 1

    assert pictures.load().problem == "NETWORK_ERROR"


def test_an_address_of_this_machine_is_not_called(database, database_url):
    with hostile_server() as server:
        pictures = PictureHarness(database, make_services(database_url, server.url), server)
        pictures.request(server.url.replace("http:", "https:") + PATH)

        pictures.fetch()

        assert pictures.load().problem == "PRIVATE_HOST"
        assert server.requests == []


def test_a_disconnected_account_is_not_called_any_more(pictures):
    pictures.request()
    with pictures.database.transaction() as session:
        values = {"disconnected_at": func.now(), "status": AccountStatus.DISCONNECTED}
        session.execute(update(Account).values(values))

    pictures.fetch()

    assert pictures.load().due_at is None
    assert pictures.server.requests == []
