"""What a browser loads to show a page for the first time: every page there is, with full lists."""

import gzip
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from sqlalchemy import text

from tests.support.row_factory import RowFactory

MAX_FIRST_LOAD = 150_000  # bytes that are transferred, headers included
MAX_OWN_BYTES = 12_000  # of all our style sheets of a page, and of all our scripts, compressed
EXEMPT_PATHS = {"/docs/try"}  # the console of another project, which says so on its page
FOREIGN_FOLDER = "/static/vendor/"
GZIP = {"Accept-Encoding": "gzip"}
STYLE_ADDRESS = re.compile(r'<link rel="stylesheet" href="([^"]+)"')
SCRIPT_ADDRESS = re.compile(r'(?:<script[^>]* src|data-script)="([^"]+)"')
OTHER_ADDRESS = re.compile(
    r'<link rel="(?:preload|icon)" href="([^"]+)"|<img[^>]* src="(/[^"]+)"|<use href="([^"#]+)'
)
STATIC_IMPORT = re.compile(r'^import .*"(\./[^"]+)";$', re.MULTILINE)
NOT_PAGES = re.compile(r"^/(?:api|static|m|media|avatars|healthz|readyz|statusz|metrics)\b|\.\w+$")
CONVERTER = re.compile(r"<(?:[^<>:]+:)?(\w+)>")
FULL_PAGE = "<!doctype html>"
LONG_TEXT = "A title of one hundred and fifty characters, as long as the inbox takes it. " * 2
FILL_LISTS = (
    """INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted,
        expires_at)
      SELECT user_id, 'instagram', 'login', 'instagram_basic', access_token_encrypted, expires_at
      FROM oauth_accounts""",
    """INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, title, state,
        group_id, publish_at, due_at, finished_at)
      SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST', '{text}',
        CASE WHEN n % 2 = 0 THEN 'FAILED' ELSE 'QUEUED' END,
        CASE WHEN n = 239 THEN gen_random_uuid() END, now() + (n - 120) * interval '3 hours',
        CASE WHEN n % 2 = 1 THEN now() + interval '9 days' END, CASE WHEN n % 2 = 0 THEN now() END
      FROM oauth_accounts, generate_series(1, 240) AS n WHERE provider = 'tiktok'""",
    """INSERT INTO notifications (user_id, kind, cause, payload)
      SELECT users.id, 'post_failed', 'cause-' || n,
        jsonb_build_object('post_id', n, 'title', '{text}', 'code', 'duration_check_failed')
      FROM users, generate_series(1, 60) AS n""",
    """INSERT INTO instagram_accounts (user_id, oauth_account_id, ig_business_id, username,
        access_level, selected)
      SELECT user_id, id, 'business', 'ada.bakes', 'FULL', true FROM oauth_accounts
      WHERE provider = 'instagram'""",
    """INSERT INTO ig_media (instagram_account_id, ig_id, media_type, caption, timestamp)
      SELECT id, 'item-' || n, 'IMAGE', '{text}', now() FROM instagram_accounts,
        generate_series(1, 40) AS n""",
    """INSERT INTO ig_comments (ig_media_id, ig_id, from_user, text, timestamp)
      SELECT id, ig_id || '-comment', 'visitor', '{text}', now() FROM ig_media""",
    """INSERT INTO webhook_events (external_id, provider, event_type, payload_json, status, dead_at,
        next_attempt_at, retry_count, error_message)
      SELECT 'event-' || n, 'tiktok', 'post.publish.failed', '{{"a": "{text}"}}', 'dead', now(),
        NULL, 15, 'unknown_publication: no post has this publish_id'
      FROM generate_series(1, 60) AS n""",
    """INSERT INTO audit_log (user_id, actor, action, subject)
      SELECT id, 'user:' || id, 'post_cancelled', 'post:' || n
      FROM users, generate_series(1, 120) AS n""",
    "INSERT INTO endpoints (user_id, url) SELECT id, 'https://hooks.example.com/' FROM users",
    """INSERT INTO drafts (user_id, draft_id, title, payload)
      SELECT id, gen_random_uuid(), '{text}', '{{"fields": []}}'
      FROM users, generate_series(1, 20)""",
)
SELECT_VALUES = {
    "post_id": "SELECT max(id) FROM posts",
    "group_id": "SELECT group_id FROM posts WHERE group_id IS NOT NULL",
    "draft_id": "SELECT draft_id FROM drafts LIMIT 1",
    "event_id": "SELECT max(id) FROM webhook_events",
    "user_id": "SELECT max(id) FROM users",
    "endpoint_id": "SELECT max(id) FROM endpoints",
    "key_id": "SELECT max(id) FROM api_keys",
    "comment_id": "SELECT max(id) FROM ig_comments",
    "account_id": "SELECT id FROM oauth_accounts WHERE provider = '{platform}'",
    "name": "SELECT 'webhooks'",
}
"""Variable part of an address → the query of its value."""


@pytest.fixture
def operator(sign_in, make_user, make_api_key, container, run_sql):
    """A browser of the only user, who is an administrator and whose lists are full."""
    user = make_user(is_admin=True)
    make_api_key(user)
    RowFactory(container.database, container.services.key_ring).create_account(user.id)
    for statement in FILL_LISTS:
        run_sql(statement.format(text=LONG_TEXT[:150]))
    return sign_in(user)


@pytest.fixture
def page_paths(app, container, operator):
    """The addresses of all pages and parts of pages, of single operations of the API too."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods]
    paths = []
    with container.database.transaction() as session:
        for rule in rules:
            if NOT_PAGES.search(rule.rule) or "operation_id" in rule.rule:
                continue
            names = ("tiktok", "instagram") if "<any" in rule.rule else ("tiktok",)
            paths.extend(fill_address(rule.rule, name, session) for name in names)
    index = operator.get("/docs").text
    operations = re.findall(r'href="(/docs/\w+/\w+)"', index)
    groups = {path.rpartition("/")[0] for path in operations}
    return [path for path in paths if path] + sorted({*operations, *groups})


def fill_address(rule, platform, session):
    """An address with values of rows; None for those that are listed otherwise."""
    if "<tag_name>" in rule or "<code>" in rule:
        return None
    address = re.sub(r"<any\([^)]*\):platform>", platform, rule)
    for name in CONVERTER.findall(address):
        value = session.scalar(text(SELECT_VALUES[name].format(platform=platform)))
        address = CONVERTER.sub(str(value), address, count=1)
    return address


class FirstLoad:
    """The files that a page names, each loaded once, as by a browser with an empty cache."""

    def __init__(self, client, loaded):
        self.client, self.loaded = client, loaded

    def measure(self, page):
        """Bytes of the page with everything, of our style sheets, and of our scripts."""
        styles = STYLE_ADDRESS.findall(page.text)
        scripts = self.find_scripts(SCRIPT_ADDRESS.findall(page.text))
        others = {next(filter(None, found)) for found in OTHER_ADDRESS.findall(page.text)}
        files = {*styles, *scripts, *others}
        return (
            transfer_size(page) + sum(transfer_size(self.load(path)) for path in files),
            sum(len(self.load(path).data) for path in {*styles}),
            sum(len(self.load(path).data) for path in scripts if FOREIGN_FOLDER not in path),
        )

    def find_scripts(self, addresses):
        """Scripts with those that they load at once; what they import later is not among them."""
        found, waiting = set(), [*addresses]
        while waiting:
            address = waiting.pop()
            if address not in found:
                found.add(address)
                imports = STATIC_IMPORT.findall(gzip.decompress(self.load(address).data).decode())
                waiting += [urljoin(address, imported) for imported in imports]
        return found

    def load(self, address):
        path = urlsplit(address).path
        if path not in self.loaded:
            self.loaded[path] = self.client.get(address, headers=GZIP, buffered=True)
        return self.loaded[path]


def transfer_size(response):
    return len(response.data) + len(str(response.headers))


@pytest.mark.statement(40)
def test_the_first_load_of_every_page_is_within_its_budget(operator, page_paths):
    """So are our own style sheets and scripts of a page, those of all pages included."""
    first_load, heavy_pages, seen = FirstLoad(operator, {}), {}, set()
    for path in page_paths:
        page = operator.get(path)
        if FULL_PAGE not in page.text or path in EXEMPT_PATHS:
            continue
        seen.add(path)
        total, style, script = first_load.measure(page)
        if total > MAX_FIRST_LOAD or max(style, script) > MAX_OWN_BYTES:
            heavy_pages[path] = (total, style, script)
    assert heavy_pages == {}
    assert len(seen) > 100
    assert {"/", "/compose", "/calendar", "/posts", "/insights", "/admin/events"} < seen
    assert [path for path, file in first_load.loaded.items() if file.status_code != 200] == []


def test_a_page_that_loads_too_much_is_found(operator):
    total, _, script = FirstLoad(operator, {}).measure(operator.get("/docs/try"))
    assert total > MAX_FIRST_LOAD
    assert 0 < script < MAX_OWN_BYTES


def test_what_a_module_imports_at_once_is_counted(operator):
    loaded = {}
    FirstLoad(operator, loaded).measure(operator.get("/compose"))
    assert {"main.js", "files.js", "composer_block.js"} <= {Path(path).name for path in loaded}
    assert "upload.js" not in {Path(path).name for path in loaded}
