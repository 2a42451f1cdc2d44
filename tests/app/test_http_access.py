"""Every route of the URL map: nothing of another user is seen or changed, no form of another site
is accepted.
"""

import re
from itertools import product

import pytest
from sqlalchemy import func, select, text

from app.http.csrf import UNSAFE_METHODS
from core.identity import api_keys
from db.media.files import Media
from tests.app.callback_people import people
from tests.app.test_accounts_erasure import NAMES, fill_tables
from tests.support.row_factory import HOUR

__all__ = ["people"]  # a fixture

ARGUMENT = re.compile(r"<(?:(?P<converter>\w+)(?:\((?P<choices>[^)]*)\))?:)?(?P<name>\w+)>")
SIGNED_PREFIXES = ("/api/webhooks/", "/static/", "/m/")
"""What these paths accept is decided by a signature, or is the same for everybody."""

WORKERS_PREFIX = "/api/workers/"
OPERATORS_PREFIXES = (WORKERS_PREFIX, "/api/admin/", "/api/monitoring/", "/api/validation/")
ID_PARAMETERS = ("account_id", "destination_id", "accountId", "destinationId", "mediaId", "postId")


UNLIMITED = "100000/1m"  # these tests send more requests than any person


@pytest.fixture
def meta_app(app_factory, tmp_path):
    names = ("USER", "ANONYMOUS", "LOGIN", "OAUTH", "PAGES", "INSTAGRAM_PUBLISH")
    return app_factory.create_app(
        MEDIA_URL=f"file://{tmp_path}", **{f"RATE_LIMIT_{name}": UNLIMITED for name in names}
    )


@pytest.fixture
def app(meta_app):
    return meta_app


def build_paths(rule, values):
    """The paths of a rule with these values of its arguments; each of several choices."""
    parts, choices, end = [], [], 0
    for match in ARGUMENT.finditer(rule):
        parts.append(rule[end : match.start()])
        end = match.end()
        listed = [word.strip() for word in (match["choices"] or "").split(",") if word.strip()]
        choices.append(listed or [str(values.get(match["name"], "1"))])
    for chosen in product(*choices):
        yield "".join(part + word for part, word in zip(parts, chosen, strict=True)) + rule[end:]


def list_requests(app, values, *, methods, without=()):
    """Method and path of every route."""
    return [
        (method, path)
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith((*SIGNED_PREFIXES, *without))
        for method in sorted(rule.methods & methods)
        for path in build_paths(rule.rule, values)
    ]


@pytest.fixture
def victim(people):
    """A user with everything that has an id; returns the ids by the names of arguments."""
    login, destination, _ = fill_tables(people)
    owner_id = people.account(login).user_id
    with people.database.transaction() as session:
        session.execute(
            text("UPDATE users SET email = 'alice2@example.org' WHERE id = :id"), {"id": owner_id}
        )
        session.execute(
            text("UPDATE posts SET publish_id = 'v_pub~canary' WHERE user_id = :id"),
            {"id": owner_id},
        )
        key, _ = api_keys.create_api_key(session, owner_id, name="canarykey", scopes=["posts:read"])
        file = Media(
            user_id=owner_id,
            filename="canaryupload.mp4",
            content_type="video/mp4",
            size=4,
            path=people.services.media.create_file(),
            expires_at=func.now() + 99 * HOUR,
        )
        session.add(file)
        session.execute(
            text(
                "INSERT INTO sessions (user_id, hash, seen_at, expires_at, user_agent)"
                " VALUES (:id, 'h', now(), now() + interval '1 h', 'canarybrowser')"
            ),
            {"id": owner_id},
        )
        session.flush()
        ids = session.execute(text(IDS_SQL), {"owner": owner_id}).mappings().one()
    return {**ids, "account_id": login, "destination_id": destination.id, "key_id": key.id}


IDS_SQL = """
SELECT (SELECT min(id) FROM posts WHERE user_id = :owner) AS post_id,
       (SELECT max(id) FROM media WHERE user_id = :owner) AS media_id,
       (SELECT min(id) FROM notifications WHERE user_id = :owner) AS notification_id,
       (SELECT min(id) FROM sessions WHERE user_id = :owner) AS session_id,
       (SELECT min(id) FROM endpoints WHERE user_id = :owner) AS endpoint_id,
       (SELECT min(id) FROM deliveries) AS delivery_id,
       (SELECT min(id) FROM ig_comments) AS comment_id,
       (SELECT min(publish_id) FROM posts WHERE user_id = :owner) AS publish_id
"""
CANARIES = (*NAMES, "canaryfile", "canaryupload", "canarykey", "canarybrowser", "alice2@")
WATCHED_TABLES = (
    *("oauth_accounts", "instagram_accounts", "posts", "post_parts", "media", "notifications"),
    *("api_keys", "sessions", "endpoints", "endpoint_secrets", "comment_replies", "ig_media"),
    *("ig_comments", "outbox", "deliveries"),
)


def watched_rows(people, mallory_id):
    """The rows of all users but Mallory."""
    rows = {}
    with people.database.transaction() as session:
        for table in WATCHED_TABLES:
            columns = session.scalars(
                text("SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:table)"),
                {"table": table},
            ).all()
            own = f" WHERE user_id <> {mallory_id}" if "user_id" in columns else ""
            rows[table] = sorted(map(str, session.execute(text(f'SELECT * FROM "{table}"{own}'))))
    return rows


def test_no_route_shows_or_changes_what_belongs_to_another_user(
    app, people, victim, sign_in, make_user, make_api_client
):
    mallory = make_user("mallory@example.org")
    clients = {"browser": sign_in(mallory), "program": make_api_client(mallory)}
    assert None not in victim.values()
    before = watched_rows(people, mallory.id)
    requests = [
        request
        for external in ({}, {"media_id": "18009999000000001", "comment_id": "17909999000000001"})
        for request in list_requests(
            app,
            victim | external,
            methods=UNSAFE_METHODS | {"GET"},
            without=(*OPERATORS_PREFIXES, "/logout", "/login", "/api/auth/log"),
        )
    ]
    query = {name: victim.get(re.sub("Id$", "_id", name), 1) for name in ID_PARAMETERS}
    leaks, served = [], 0
    for (method, path), (name, client), with_ids in product(
        dict.fromkeys(requests), clients.items(), (False, True)
    ):
        options = {"query_string": query} if with_ids else {}
        if method != "GET":
            options["json"] = query if with_ids else {}
        response = client.open(path, method=method, **options)
        assert response.status_code != 429, path
        served += response.status_code < 400
        leaks += [(method, path, name, word) for word in CANARIES if word in response.text]
        if (
            not path.startswith(("/docs", "/openapi.json"))
            and "went wrong on our side" in response.text
        ):
            leaks.append((method, path, name, response.status_code))
    assert leaks == []
    assert served > 40  # the requests are not all malformed: lists and forms of Mallory's own
    assert watched_rows(people, mallory.id) == before


def test_the_search_for_leaks_finds_what_the_owner_sees(app, people, victim, container):
    """The negative control: with the rights of the owner the same routes do show these words."""
    with container.database.transaction() as session:
        owner_id = session.scalar(text("SELECT user_id FROM posts LIMIT 1"))
        _, key = api_keys.create_api_key(session, owner_id, name="x", scopes=["posts:read"])
    headers = {"Authorization": f"Bearer {key.reveal()}"}
    client = app.test_client()
    page = client.get(f"/api/posts/{victim['post_id']}", headers=headers)
    assert any(word in page.text for word in CANARIES)


def test_an_administrator_has_no_way_to_a_users_posts_and_files(
    victim, make_user, make_api_client, people
):
    admin = make_api_client(make_user("root@example.org", is_admin=True), "admin", "posts:read")
    for path in ("posts/{post_id}", "media/{media_id}", "endpoints/{endpoint_id}"):
        assert admin.get("/api/" + path.format(**victim)).status_code in {403, 404}
    assert people.all(select(Media))


def test_routes_of_operators_refuse_everybody_else(app, sign_in, make_user, make_api_client):
    mallory = make_user("mallory@example.org")
    clients = [sign_in(mallory), make_api_client(mallory), app.test_client()]
    requests = [
        (method, path)
        for method, path in list_requests(app, {}, methods=UNSAFE_METHODS | {"GET"})
        if path.startswith(OPERATORS_PREFIXES)
        and not (method == "GET" and path.startswith(WORKERS_PREFIX))  # says how to start it
    ]
    assert len(requests) > 10
    open_to_all = [
        (method, path)
        for (method, path), client in product(requests, clients)
        if client.open(path, method=method, json={} if method != "GET" else None).status_code
        not in {401, 403}
    ]
    assert open_to_all == []


ENCODINGS = {
    "json": {"json": {}},
    "form": {"data": {"a": "b"}},
    "multipart": {"data": {"a": "b"}, "content_type": "multipart/form-data"},
    "text": {"data": "{}", "content_type": "text/plain"},
    "nothing": {},
}


def test_no_unsafe_route_accepts_a_session_without_its_csrf_token(
    app, sign_in, make_user, people, victim
):
    mallory = sign_in(make_user("mallory@example.org"))
    browser = sign_in(make_user("carol@example.org")).without_csrf_token()
    before = watched_rows(people, 0)
    tokens = {
        "none": {},
        "invented": {"X-CSRF-Token": "x"},
        "of another session": {"X-CSRF-Token": mallory.csrf_token},
    }
    requests = list_requests(app, victim, methods=UNSAFE_METHODS)
    assert len(requests) > 70
    accepted = []
    for (method, path), (encoding, body), (token, headers) in product(
        requests, ENCODINGS.items(), tokens.items()
    ):
        if token != "none" and encoding != "json":
            continue  # 70 requests each are enough
        response = browser.open(path, method=method, headers=headers, **body)
        is_refused = response.status_code == 403 or (
            encoding == "multipart" and response.status_code == 415
        )
        if not is_refused:
            accepted.append((method, path, encoding, token, response.status_code))
    assert accepted == []
    assert browser.get("/api/auth/me").status_code == 200  # nor is it signed out
    assert watched_rows(people, 0) == before


def test_no_answer_lets_a_page_of_another_site_read_it(app, signed_in_client):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for path in ("/api/auth/me", "/api/keys", "/api/posts", "/login"):
        for method in ("GET", "OPTIONS"):
            answer = signed_in_client.open(path, method=method, headers=headers)
            assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]
