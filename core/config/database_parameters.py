"""The parameters of a DATABASE_URL: which of libpq's work, and what replaces those of other tools.

Source: https://www.postgresql.org/docs/17/libpq-connect.html#LIBPQ-PARAMKEYWORDS, read 2026-11-29.
"""

import re
from collections.abc import Mapping

PASSED_ON = frozenset(
    {
        *("host", "port", "user", "password", "dbname", "passfile", "require_auth"),
        *("channel_binding", "sslmode", "sslnegotiation", "sslrootcert", "sslcert", "sslkey"),
        *("sslcrl", "sslcrldir", "sslsni", "sslcertmode", "sslcompression"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "requirepeer", "gssencmode"),
        *("krbsrvname", "gsslib", "gssdelegation", "connect_timeout", "application_name"),
        *("fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval"),
        *("keepalives_count", "tcp_user_timeout", "target_session_attrs", "load_balance_hosts"),
        *("options", "client_encoding"),
    }
)
"""What libpq knows and signalpost can work with."""

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

ALLOWED_VALUES: Mapping[str, tuple[str, ...]] = {
    "sslmode": SSL_MODES,
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("read-write", "primary", "any"),
    "gssencmode": ("disable", "prefer", "require"),
    "sslnegotiation": ("postgres", "direct"),
    "load_balance_hosts": ("disable", "random"),
    "client_encoding": ("utf8", "UTF8", "utf-8", "UTF-8"),
}

NUMBERS = frozenset(
    {
        *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval"),
        *("keepalives_count", "tcp_user_timeout"),
    }
)

REMOVE_ADVICE = "which no client of signalpost needs: remove it"
POOL_ADVICE = "of another tool's pool: remove it, signalpost sizes its own"
TLS_ADVICE = "of another driver: write sslmode=verify-full (with sslrootcert=PATH), or require"
SCHEMA_ADVICE = "but signalpost's tables are in the schema public of their own database: remove it"
TIMEOUT_ADVICE = "of another driver: remove it, signalpost sets its own time limits"

FOREIGN_PARAMETERS: Mapping[str, str] = {
    "schema": SCHEMA_ADVICE,
    "currentSchema": SCHEMA_ADVICE,
    "search_path": SCHEMA_ADVICE,
    "searchpath": SCHEMA_ADVICE,
    "pgbouncer": "of another tool, and signalpost works behind PgBouncer without it: remove it",
    "prepareThreshold": REMOVE_ADVICE,
    "preparedStatements": REMOVE_ADVICE,
    "prepared_statements": REMOVE_ADVICE,
    "prepared_statement_cache_size": REMOVE_ADVICE,
    "prepared_statement_name_func": REMOVE_ADVICE,
    "statement_cache_size": REMOVE_ADVICE,
    "statement_cache_capacity": REMOVE_ADVICE,
    "default_query_exec_mode": REMOVE_ADVICE,
    "async_fallback": REMOVE_ADVICE,
    "binary_parameters": REMOVE_ADVICE,
    "charset": REMOVE_ADVICE,
    "encoding": REMOVE_ADVICE,
    "serverVersion": REMOVE_ADVICE,
    "timezone": REMOVE_ADVICE,
    "TimeZone": REMOVE_ADVICE,
    "connection_limit": POOL_ADVICE,
    "pool_timeout": POOL_ADVICE,
    "pool": POOL_ADVICE,
    "pool_size": POOL_ADVICE,
    "max_overflow": POOL_ADVICE,
    "pool_max_conns": POOL_ADVICE,
    "pool_min_conns": POOL_ADVICE,
    "ssl": TLS_ADVICE,
    "tls": TLS_ADVICE,
    "sslMode": TLS_ADVICE,
    "ssl_mode": TLS_ADVICE,
    "sslaccept": TLS_ADVICE,
    "sslfactory": TLS_ADVICE,
    "sslidentity": TLS_ADVICE,
    "uselibpqcompat": TLS_ADVICE,
    "ssl_ca": TLS_ADVICE,
    "sslca": TLS_ADVICE,
    "ApplicationName": "of another driver: write application_name",
    "user_name": "of another driver: write user",
    "database": "of another driver: write the database after the host",
    "statement_timeout": TIMEOUT_ADVICE,
    "lock_timeout": TIMEOUT_ADVICE,
    "idle_in_transaction_session_timeout": TIMEOUT_ADVICE,
    "socket_timeout": TIMEOUT_ADVICE,
    "socketTimeout": TIMEOUT_ADVICE,
    "loginTimeout": TIMEOUT_ADVICE,
    "connectTimeout": TIMEOUT_ADVICE,
    "command_timeout": TIMEOUT_ADVICE,
    "query_timeout": TIMEOUT_ADVICE,
    "timeout": TIMEOUT_ADVICE,
    "sslpassword": "which would show in logs: use a key without a passphrase",
    "hostaddr": "which would avoid the check of the certificate's name: write the host alone",
    "service": "whose file could name another server: write host and database into the URL",
    "servicefile": "whose file could name another server: write host and database into the URL",
    "replication": "for copies of a database, where no table can be changed: remove it",
}
"""Parameters of other tools, and of libpq where they do not fit, with the remedy."""

NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


def check_parameter(name: str, text: str) -> None:
    """Errors: ValueError that names the parameter and the remedy. Quotes no value."""
    if name in FOREIGN_PARAMETERS:
        raise ValueError(f"has the parameter {name}, {FOREIGN_PARAMETERS[name]}")
    if name not in PASSED_ON:
        subject = f"the parameter {name}" if NAME_PATTERN.fullmatch(name) else "a parameter"
        raise ValueError(
            f"has {subject}, which Postgres' client library does not know: remove it, or write ? "
            "as %3F if it belongs to the password"
        )
    if name in ALLOWED_VALUES and text not in ALLOWED_VALUES[name]:
        raise ValueError(f"has a wrong {name}: it must be {', '.join(ALLOWED_VALUES[name])}")
    if name in NUMBERS and not (text.isascii() and text.isdigit()):
        raise ValueError(f"has a wrong {name}: it must be a number")
    if name == "options" and "search_path" in text:
        raise ValueError(f"has options with search_path, {SCHEMA_ADVICE}")


def check_session_target(parameters: Mapping[str, str], *, has_several_hosts: bool) -> None:
    """Errors: ValueError if the connection could end at a server that accepts no writes."""
    if has_several_hosts and parameters.get("target_session_attrs") == "any":
        raise ValueError(
            "has several hosts and target_session_attrs=any: write read-write, which is also what "
            "is used without it"
        )
