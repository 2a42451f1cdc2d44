"""The comments of tables and columns are plain technical English. Data and types stay as they are.

COMMENT ON changes only the catalogue, whatever the size of the table. Its lock, SHARE UPDATE
EXCLUSIVE, lets other statements read and write; it conflicts with vacuum and with changes of the
schema. The locks are held until the migration commits, and `lock_timeout` in `migrations/env.py`
limits the wait for each.
"""

from alembic import op

revision = "0012"
down_revision = "0011"

TABLE_COMMENTS = {
    "alerts": (
        "Alerts of operators; at most one open per name",
        "Alerts for operators; at most one open alert per name",
    ),
    "api_keys": (
        "Keys of programs that act for a user",
        "API keys of programs that act for a user",
    ),
    "attempts": ("Every try of every due row", "Log of job attempts, with times and outcomes"),
    "audit_log": (
        "Who did what, when and from where",
        "Audit log: who did what, when and from where",
    ),
    "beats": (
        "When each of our parts was last heard of",
        "Last heartbeat of the scheduler, of each queue and of each worker",
    ),
    "calls": (
        "Counted calls to platforms",
        "Calls to platforms as older versions counted them; not written any more",
    ),
    "data_deletion_requests": ("Data deletion requests", "Requests to erase a person's data"),
    "deliveries": ("One message for one endpoint", "Deliveries: one message for one endpoint"),
    "delivery_tries": ("Every try to deliver a message", "Log of delivery attempts"),
    "endpoint_secrets": (
        "What signs notices; a replaced one signs beside its successor for a while",
        "Secrets that sign app events; a replaced one stays in use for a while",
    ),
    "endpoints": (
        "Addresses of host applications that are told what happens",
        "URLs of host applications that receive app events",
    ),
    "ig_comments": (
        "Comments under our accounts' media",
        "Comments on media of connected Instagram accounts",
    ),
    "ig_containers": (
        "Containers made on the way to a publication",
        "Media containers created to publish a post",
    ),
    "ig_media": (
        "Media as the platform knows them",
        "Instagram media as the platform reports them",
    ),
    "instagram_accounts": (
        "Professional Instagram accounts reached through a connected account",
        "Professional Instagram accounts, reached through a connected account",
    ),
    "media": (
        "Files given to us; deleted some days after their last use",
        "Uploaded media files; deleted some days after their last use",
    ),
    "metric_snapshots": (
        "Metrics as they were at a time",
        "Metric values with the time they were taken at",
    ),
    "notifications": ("Notices for users", "Notifications for users"),
    "oauth_accounts": (
        "Connected accounts; tokens are sealed and bound to their row",
        "Connected accounts; tokens are encrypted and bound to their row",
    ),
    "oauth_states": (
        "Started sign-ins at a platform; deleted when used",
        "States of started OAuth authorizations; deleted when used",
    ),
    "outbox": ("What host applications are told", "App events for host applications"),
    "outbox_sequences": (
        "How much was told of each subject; outlives the messages",
        "Latest sequence of each subject; kept when its messages are deleted",
    ),
    "post_events": ("What happened to a post, in order", "Timeline of each post, in order"),
    "posts": (
        "The publish ledger: one row per intended publication",
        "One row per intended publication, and how far it got",
    ),
    "sessions": ("Signed-in browsers", "Login sessions of browsers"),
    "tiktok_posts": (
        "Publications as TikTok knows them",
        "Publications at TikTok and their status as TikTok reports it",
    ),
    "tiktok_videos": (
        "Public videos of accounts and their latest numbers",
        "Public videos of accounts and their latest metrics",
    ),
    "upload_sessions": ("One per file upload to TikTok", "One row per file upload to TikTok"),
    "users": (
        "People with a login; every other row belongs to one of them",
        "Users: people with a login, or subjects of a host application",
    ),
    "watches": (
        "Accounts whose numbers are sampled, and what is due of them",
        "Sampling schedules: accounts whose metrics are sampled, and what is due",
    ),
    "webhook_events": (
        "Webhook notices as received; the inbox of the system",
        "Webhook events of the platforms, stored as received",
    ),
}
"""Table → comment before and after this migration."""

COLUMN_COMMENTS = {
    "api_keys": {
        "prefix": ("what a person may see of the key", "visible part of the key, to recognise it"),
    },
    "attempts": {
        "ended_at": ("NULL: no answer was recorded", "NULL: no result was recorded"),
        "log_id": ("the platform's id of the call", "the platform's log id of the call"),
    },
    "beats": {
        "name": ("tick, canary:…, alive:…", "tick, canary:<queue> or alive:<worker>"),
    },
    "data_deletion_requests": {
        "code": (
            "what the person can ask with",
            "code with which a person can query the status of the request",
        ),
    },
    "deliveries": {
        "asked": (
            "a person waits: an endpoint's rest is not kept",
            "requested by a person: sent even during the endpoint's cooldown",
        ),
        "delivered_at": ("answered with 2xx", "when the endpoint answered with 2xx"),
        "dead_at": ("out of patience since then", "when it became a dead letter"),
        "lease_token": (
            "the fence",
            "raised by each claim; results with an older token are dropped",
        ),
    },
    "delivery_tries": {
        "milliseconds": (
            "NULL: no end was recorded",
            "duration of the attempt; NULL: no end was recorded",
        ),
        "status": ("NULL: no answer came", "HTTP status; NULL: no response"),
        "answer": ("its first bytes", "start of the response body"),
    },
    "endpoint_secrets": {
        "expires_at": (
            "NULL: the current one",
            "when a replaced secret expires; NULL: the current secret",
        ),
    },
    "endpoints": {
        "events": ("which ones it hears; none named: all", "subscribed event types; empty: all"),
        "disabled_at": ("it hears nothing since then", "when it was disabled; NULL: enabled"),
        "disabled_cause": (
            "by its owner, gone or failing",
            "why it was disabled: by its owner, gone or failing",
        ),
        "failures": ("tries in vain in a row", "failed attempts since the last success"),
        "failing_since": ("the first of them", "first failed attempt since the last success"),
        "failed_at": (
            "the last one",
            "last failed attempt, or start of the last probe in a cooldown",
        ),
        "delivered_at": ("last try that was heard", "last successful delivery"),
    },
    "instagram_accounts": {
        "page_id": ("NULL: no Page behind it", "NULL: the account has no Facebook Page"),
    },
    "media": {
        "size": ("bytes announced", "announced size in bytes"),
        "received": ("bytes stored", "bytes stored so far"),
        "sha256": ("set when complete", "SHA-256 of the file; set when the upload is complete"),
        "path": ("in the media store", "path in the media store"),
    },
    "metric_snapshots": {
        "subject_type": (
            "account, video, post or media",
            "kind of the subject: account, video, post or media",
        ),
    },
    "notifications": {
        "cause": (
            "what makes it one notice and not two",
            "deduplication key: one notification per user, kind and cause",
        ),
    },
    "oauth_accounts": {
        "open_id": ("the platform's id of its user", "the platform's id of the user"),
        "scope": ("what was granted, comma-separated", "granted scopes, comma-separated"),
        "access_token_encrypted": ("AES-256-GCM; NULL: wiped", "AES-256-GCM; NULL: cleared"),
        "refresh_token_encrypted": (
            "AES-256-GCM",
            "AES-256-GCM; NULL: cleared, lost or never issued",
        ),
        "expires_at": (
            "of the access token, as answered",
            "when the access token expires, according to the platform",
        ),
        "refresh_expires_at": ("of the refresh token", "when the refresh token expires"),
        "status_cause": (
            "why it is no longer active",
            "why the grant ended or cannot be refreshed",
        ),
        "last_used_at": ("last call made with the token", "last use of the access token"),
        "refresh_started_at": (
            "a refresh was sent then and no definite answer came yet",
            "when a refresh was sent that has no definite answer yet; NULL: none",
        ),
        "lease_token": (
            "the fence",
            "raised by each claim; results with an older token are dropped",
        ),
    },
    "oauth_states": {
        "redirect_after": (
            "local path, never a host",
            "local path to continue at; never another host",
        ),
        "verifier": (
            "PKCE, for desktop apps",
            "PKCE code verifier; NULL: the app does not use PKCE",
        ),
    },
    "outbox": {
        "name": (
            "webhook-id: the same at every try, to whomever",
            "value of the header webhook-id: the same for every endpoint and attempt",
        ),
        "type": ("as in post.published", "event type, for example post.published"),
        "subject": ("as in post:7", "what the event is about, for example post:7"),
        "sequence": (
            "counts what its subject has had",
            "number of the event among those of its subject",
        ),
        "body": ("JSON, byte for byte as it is signed", "JSON, exactly as it is signed and sent"),
    },
    "outbox_sequences": {
        "last": ("number of its last message", "sequence of the latest message"),
    },
    "posts": {
        "sent_by": (
            "who moves the bytes",
            "who transfers the bytes: CALLER, SIGNALPOST or PLATFORM",
        ),
        "payload_json": (
            "video_url and settings as wished",
            "video_url and settings of the upload request",
        ),
        "step": (
            "last phase the platform told us of",
            "last known phase of the publication at the platform",
        ),
        "memo": (
            "ours, never queried",
            "internal state of the publishing steps; never used in queries",
        ),
        "url_expires_at": ("of the upload address", "when the upload URL expires"),
        "request_hash": (
            "SHA-256 of the request as wished",
            "SHA-256 of the request; compared if its idempotency key comes again",
        ),
        "hold_reason": (
            "why it waits for a person",
            "why the post is parked until a person acts; NULL: not parked",
        ),
        "started_at": (
            "the platform was first told then",
            "when the latest start call to the platform was prepared",
        ),
        "has_slot": (
            "holds a place in the account's quota until it has ended",
            "whether a quota slot of the account was reserved for the post",
        ),
        "due_at": ("NULL: nothing to do", "when the row can be claimed next; NULL: nothing to do"),
        "lease_token": (
            "the fence",
            "raised by each claim; results with an older token are dropped",
        ),
    },
    "tiktok_posts": {
        "publicly_available": ("NULL: not said yet", "NULL: not reported yet"),
    },
    "tiktok_videos": {
        "video_id": ("TikTok's, as text", "TikTok's id of the video, as text"),
        "posted_at": (
            "as told; if it was not, when it was first seen",
            "time given by TikTok; if it gave none, when the video was first seen",
        ),
        "counted_at": ("last answer that showed it", "when TikTok last returned the video"),
        "missing_since": (
            "it is not shown any more: deleted, or no longer public",
            "since when TikTok does not return it: deleted, or no longer public",
        ),
        "due_at": (
            "next numbers; its watch is the work",
            "when its metrics are due; the job is its account's row in watches",
        ),
    },
    "upload_sessions": {
        "upload_url_encrypted": (
            "AES-256-GCM; NULL: used up",
            "AES-256-GCM; NULL: the URL is no longer usable",
        ),
        "size": ("bytes of the whole file", "size of the file in bytes"),
        "sha256": (
            "of the file as it was at the start",
            "SHA-256 of the file when the upload started",
        ),
        "next_offset": ("a lower bound", "bytes known to be received; the platform may have more"),
    },
    "users": {
        "password_hash": (
            "argon2id; NULL: no password login",
            "argon2id hash; NULL: no password login",
        ),
    },
    "watches": {
        "totals_due_at": (
            "numbers of the account as a whole",
            "when the metrics of the account as a whole are due",
        ),
        "list_due_at": ("a look for new videos", "when the listing of new videos is due"),
        "list_cursor": (
            "where older videos begin, in the platform's own unit; NULL: with the newest",
            "the platform's cursor of the next page; NULL: start with the newest videos",
        ),
        "is_whole": (
            "the list was read to its end once",
            "whether the list of videos was read to its end once",
        ),
        "listed_at": ("last look at the newest videos", "when the newest videos were last listed"),
        "problem": (
            "what is refused, and the platform's code",
            "why sampling fails or is parked, mostly the platform's error code",
        ),
        "due_at": ("NULL: nothing to do", "when the row can be claimed next; NULL: nothing to do"),
        "lease_token": (
            "the fence",
            "raised by each claim; results with an older token are dropped",
        ),
    },
    "webhook_events": {
        "event_type": ("normal form", "our event type; the vendor's name if the event is ignored"),
        "vendor_event": ("the vendor's name", "the vendor's name of the event type"),
        "external_id": (
            "the same at every redelivery",
            "deduplication key: the same for every redelivery",
        ),
        "account": ("the platform's user it is of", "the platform's id of the user concerned"),
        "publish_id": ("the publication it is of", "id of the publication concerned"),
        "parsed": (
            "progress, time and reason; NULL: parse payload_json",
            "parsed progress, time and reason; NULL: parse payload_json",
        ),
        "late": ("outside the time window", "signed correctly, but outside the time window"),
        "dead_at": ("out of patience since then", "when it became a dead letter"),
        "lease_token": (
            "the fence",
            "raised by each claim; results with an older token are dropped",
        ),
    },
}
"""Table → column → comment before and after this migration."""


def upgrade() -> None:
    for table, (before, after) in TABLE_COMMENTS.items():
        op.create_table_comment(table, after, existing_comment=before)
    for table, columns in COLUMN_COMMENTS.items():
        for column, (before, after) in columns.items():
            op.alter_column(table, column, comment=after, existing_comment=before)


def downgrade() -> None:
    for table, (before, after) in TABLE_COMMENTS.items():
        op.create_table_comment(table, before, existing_comment=after)
    for table, columns in COLUMN_COMMENTS.items():
        for column, (before, after) in columns.items():
            op.alter_column(table, column, comment=before, existing_comment=after)
