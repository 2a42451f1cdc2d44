"""Every promised path exists, is described, and is for those that it was promised to."""

import pytest
from werkzeug.exceptions import NotFound

from app.http.errors import ERROR_KINDS
from tests.app.promised_paths import (
    PROMISED_OPEN_PAGES,
    PROMISED_OPERATOR_PAGES,
    PROMISED_PAGES,
    PROMISED_PATHS,
    Access,
)

UNLIMITED = "100000/1m"
ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ANONYMOUS_ANSWERS = {
    Access.USER: {401},
    Access.SESSION: {401},
    Access.ADMIN: {401},
    Access.WORKER: {401},
    Access.CONSENT: {302},
}
"""Status for a call without any login; other paths decide by signature, or answer everybody."""

INSTAGRAM = {
    "INSTAGRAM_LOGIN": "facebook",
    "FACEBOOK_APP_ID": "1234567890",
    "FACEBOOK_APP_SECRET": "0123456789abcdef0123456789abcdef",
    "INSTAGRAM_REDIRECT_URI": "http://127.0.0.1/api/auth/instagram/callback",
    "INSTAGRAM_WEBHOOK_VERIFY_TOKEN": "a-verify-token-of-the-tests-01234",
}


@pytest.fixture
def app(app_factory):
    names = ("USER", "ANONYMOUS", "LOGIN", "OAUTH", "PAGES", "INSTAGRAM_PUBLISH")
    return app_factory.create_app(
        **INSTAGRAM, **{f"RATE_LIMIT_{name}": UNLIMITED for name in names}
    )


def list_calls(*kinds):
    """Method and path of the promised paths that are for these callers; without any, of all."""
    return [
        (method, promised.path)
        for promised in PROMISED_PATHS
        for method in promised.methods.split()
        if not kinds or promised.access in kinds
    ]


def find_rule(app, path, method):
    """The rule that serves a call; None if there is none."""
    try:
        rule, _ = app.url_map.bind("127.0.0.1").match(path, method, return_rule=True)
    except NotFound:
        return None
    return rule


def test_every_promised_path_has_a_route_with_its_methods(app):
    paths = [*list_calls(), *(("GET", page) for page in PROMISED_PAGES)]
    paths += [("GET", page) for page in (*PROMISED_OPERATOR_PAGES, *PROMISED_OPEN_PAGES)]
    missing = [call for call in paths if find_rule(app, call[1], call[0]) is None]
    assert missing == []


def test_a_path_that_is_not_promised_is_found_missing(app):
    """The control: the map has no route that takes everything."""
    assert find_rule(app, "/api/monitoring/metric", "GET") is None


def test_every_promised_path_is_in_the_description_of_the_api(app, client):
    described = client.get("/openapi.json").json["paths"]
    undescribed = []
    for method, path in list_calls():
        rule = find_rule(app, path, method)
        templates = [each for each in described if app_path(each) == app_path(rule.rule)]
        methods = {name.upper() for template in templates for name in described[template]}
        if method != "HEAD" and method not in methods:
            undescribed.append((method, path))
    assert undescribed == []


def app_path(template):
    """A path without the names of its parameters."""
    parts = template.replace("{", "<").split("/")
    return ["*" if part.startswith("<") else part for part in parts]


def test_anonymous_callers_are_refused_what_is_not_open(client):
    wrong = {}
    for promised in PROMISED_PATHS:
        expected = ANONYMOUS_ANSWERS.get(promised.access)
        for method in promised.methods.split():
            response = client.open(promised.path, method=method)
            if (expected and response.status_code not in expected) or (
                not expected and response.status_code == 401 and promised.access is Access.OPEN
            ):
                wrong[method, promised.path] = response.status_code
    assert wrong == {}


def test_users_are_refused_what_is_for_operators_and_keys_what_is_for_browsers(
    make_user, make_api_client
):
    client = make_api_client(make_user())
    calls = list_calls(Access.ADMIN, Access.SESSION)
    answers = {call: client.open(call[1], method=call[0]).status_code for call in calls}
    assert {call: status for call, status in answers.items() if status != 403} == {}


def test_other_methods_are_refused_with_those_that_are_allowed(client):
    methods_by_path = {}
    for method, path in list_calls():
        methods_by_path.setdefault(path, set()).add(method)
    wrong = {}
    for path, methods in methods_by_path.items():
        other = next(method for method in reversed(ALL_METHODS) if method not in methods)
        response = client.open(path, method=other)
        allowed = set(response.headers.get("Allow", "").replace(" ", "").split(","))
        if response.status_code != ERROR_KINDS["METHOD_NOT_ALLOWED"].status or not (
            methods - {"HEAD", "OPTIONS"} <= allowed
        ):
            wrong[path] = (other, response.status_code, response.headers.get("Allow"))
    assert wrong == {}


def test_pages_lead_anonymous_browsers_to_the_sign_in_and_open_ones_do_not(client):
    for page in (*PROMISED_PAGES, *PROMISED_OPERATOR_PAGES):
        response = client.get(page)
        assert (page, response.status_code) == (page, 302)
        assert response.headers["Location"].startswith("/login?next=")
    assert client.get("/login").status_code == 200
    assert client.get("/data-deletion/code").status_code == 404


def test_pages_of_operators_are_not_for_users(signed_in_client):
    statuses = {page: signed_in_client.get(page).status_code for page in PROMISED_OPERATOR_PAGES}
    assert set(statuses.values()) == {403}, statuses
