"""What tests of this folder share: Flask applications, and statements that were compiled."""

from sqlalchemy import event, select

from app.http.context import CONTAINER_KEY
from db.identity.users import User
from tests.app.conftest import AppFactory


def build_later_factory(app_factory):
    """The factory of a test that comes after this one."""
    app_factory.close()
    return AppFactory(app_factory.environ)


def test_the_next_test_gets_the_routes_and_another_container(app_factory):
    app = app_factory.create_app()
    container = app.extensions[CONTAINER_KEY]
    later_factory = build_later_factory(app_factory)
    later_app = later_factory.create_app()
    assert later_app is app
    assert later_app.extensions[CONTAINER_KEY].database is not container.database
    assert later_app.extensions[CONTAINER_KEY].services is not container.services
    later_factory.close()


def test_two_applications_of_one_test_are_two(app_factory):
    assert app_factory.create_app() is not app_factory.create_app()


def test_an_application_with_other_settings_is_another_one(app_factory):
    app = app_factory.create_app()
    later_factory = build_later_factory(app_factory)
    assert later_factory.create_app(TRUSTED_PROXY_COUNT="1") is not app
    assert later_factory.create_app(MEDIA_URL="file:///another/folder") is app
    later_factory.close()


def test_a_statement_is_compiled_for_the_first_of_several_engines(app_factory):
    statement, hits = select(User.id, User.email, User.locale), []
    for _ in range(2):
        database = app_factory.create_app().extensions[CONTAINER_KEY].database
        with database.transaction() as session:
            event.listen(
                session.connection(),
                "before_cursor_execute",
                lambda *args: hits.append(args[4].cache_hit.name),
            )
            session.execute(statement)
    assert hits == ["CACHE_MISS", "CACHE_HIT"]
