"""The commands of docs/operate/commands.md, run line by line with the rows that they name."""

import shlex

from tests.documents import list_command_blocks
from tests.support.row_factory import RowFactory

PAGE = "docs/operate/commands.md"
LINES = [
    line
    for block in list_command_blocks()
    if block.path == PAGE
    for line in block.text.splitlines()
]
ENDS_WITH_ONE = ("signalpost doctor", "signalpost events restore")
"""`doctor` finds that no beat runs here; nothing was discarded at the time of the example."""
DEAD_EVENTS = (
    "INSERT INTO webhook_events (id, provider, event_type, external_id, payload_json, status,"
    " dead_at, error_message) OVERRIDING SYSTEM VALUE SELECT id, 'tiktok', 'x',"
    " gen_random_uuid()::text, '{}', 'dead', now(), 'unknown_publication: x'"
    " FROM unnest(ARRAY[17, 18]) AS id ON CONFLICT (id) DO UPDATE SET status = 'dead',"
    " dead_at = now(), processed_at = NULL"
)


def test_every_command_for_the_night_runs(run_cli, container, make_user, run_sql):
    factory = RowFactory(container.database, container.services.key_ring)
    eve = make_user("eve@example.org")
    for table, last_id in (("oauth_accounts", 3), ("posts", 16)):
        run_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last_id})")
    account = factory.create_account(eve.id)
    assert (account, *(factory.create_post(account) for _ in range(2))) == (4, 17, 18)
    assert len(LINES) > 15
    for line in LINES:
        if "events replay" in line or "events discard" in line:
            run_sql(DEAD_EVENTS)
        words = shlex.split(line, comments=True)[1:]
        result = run_cli(*words)
        if "NOT_CONFIRMED" in result.stderr:  # it asks at a terminal
            result = run_cli(*words, "--yes")
        expected = {0, 1} if line.startswith(ENDS_WITH_ONE) else {0}
        assert result.returncode in expected, (line, result.stdout + result.stderr)
