"""Our own rules about security hold in the whole tree, and each finds what is planted."""

import itertools

import pytest

from tests.architecture_rules import PACKAGES, SourceFile, load_sources
from tests.security_rules import BUILT_SQL, SECURITY_RULES, sql_is_not_formatted

PLANTED = {
    "calls_have_timeouts": [
        "requests.get(url)",
        "requests.request('GET', url, headers=headers)",
        "urlopen(url)",
        "socket.create_connection((host, port))",
        "http.client.HTTPSConnection(host, 443)",
    ],
    "logs_hold_no_query_strings": [
        "log.info('request', path=request.full_path)",
        "log.warning('platform.call', url=address)",
        "self._log.info('delivery', at=request.query_string.decode())",
        "logger.error('refused', headers=dict(request.headers))",
    ],
    "logs_reveal_no_secrets": ["log.info('login', token=token.reveal())"],
    "sql_is_not_formatted": [
        "session.execute(text(f\"SELECT id FROM posts WHERE title = '{title}'\"))",
        'text("DROP TABLE %s" % name)',
        'text("SELECT 1 FROM " + table)',
        'op.execute("ALTER TABLE {} ADD x".format(table))',
        'connection.exec_driver_sql(f"SET ROLE {role}")',
    ],
}
HARMLESS = [
    "requests.post(url, json=body, timeout=POST_TIMEOUT)",
    "socket.create_connection((host, port), PROBE_TIMEOUT)",
    "requests.get(url, **options)",
    "settings.get(name)",
    "log.info('request', method=request.method, path=request.path)",
    "catalog.info('book', url=address)",
    "token.reveal()",
    'session.execute(text(f"SET LOCAL lock_timeout = {AWAIT_TIMEOUT_MS}"))',
    "session.execute(text('SELECT 1 WHERE id = :id'), {'id': row_id})",
    "session.execute(select(Post).where(Post.id == post_id))",
    'print(f"SELECT {name}")',
]


@pytest.mark.parametrize("rule", SECURITY_RULES, ids=lambda rule: rule.__name__)
def test_the_whole_tree_keeps(rule):
    faults = [f"{each.path}: {fault}" for each in load_sources(*PACKAGES) for fault in rule(each)]
    assert faults == []


@pytest.mark.parametrize("rule", SECURITY_RULES, ids=lambda rule: rule.__name__)
def test_what_is_planted_is_found(rule):
    missed = [
        text
        for text in PLANTED[rule.__name__]
        if not list(rule(SourceFile("core/planted.py", text)))
    ]
    assert missed == []


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_resembles_it_is_let_through(text):
    source = SourceFile("core/planted.py", text)
    assert [fault for rule in SECURITY_RULES for fault in rule(source)] == []


def test_each_exception_is_still_needed(monkeypatch):
    for place in [*BUILT_SQL]:
        excepted = [each for each in load_sources(*PACKAGES) if each.is_within(place)]
        assert [*itertools.chain(*map(sql_is_not_formatted, excepted))] == []
        monkeypatch.delitem(BUILT_SQL, place)
        assert [*itertools.chain(*map(sql_is_not_formatted, excepted))], place
