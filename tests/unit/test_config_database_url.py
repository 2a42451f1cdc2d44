"""DATABASE_URL: each documented form has one meaning, or is refused in words with the remedy."""

from pathlib import Path

import pytest
from psycopg2.extensions import parse_dsn
from sqlalchemy.engine import make_url

from core.config.database_settings import DatabaseSettings
from core.config.database_url import parse_replica_url
from core.errors import Misconfigured

LOCAL_URL = "postgresql://127.0.0.1:5432/app"


def read_url(url, **environ):
    return DatabaseSettings.from_env({"DATABASE_URL": url, **environ}).database_url


def read_parameters(url, **environ):
    """What libpq understands."""
    return parse_dsn(read_url(url, **environ))


def fault_of(url, **environ):
    with pytest.raises(Misconfigured) as raised:
        read_url(url, **environ)
    return raised.value.details["settings"]["DATABASE_URL"]


@pytest.mark.parametrize(
    "scheme",
    [
        *("postgresql", "postgres", "POSTGRESQL", "postgresql+psycopg2", "postgresql+psycopg"),
        "postgresql+asyncpg",
    ],
)
def test_every_scheme_of_postgres_has_the_same_meaning(scheme):
    assert read_url(f"{scheme}://127.0.0.1/app") == LOCAL_URL


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://u:p%40ss%231%2F%25@127.0.0.1/d",
            {"password": "p@ss#1/%", "host": "127.0.0.1"},
        ),
        ("postgresql://u:p:q@127.0.0.1/d", {"user": "u", "password": "p:q"}),
        ("postgresql://u:@127.0.0.1/d", {"user": "u", "password": None}),
        ("postgresql://u:p%C3%A4@127.0.0.1/d", {"password": "pä"}),
        ("postgresql://u%2Fx@127.0.0.1/d%2Fe", {"user": "u/x", "dbname": "d/e"}),
        ("postgresql://[::1]:6000/d", {"host": "::1", "port": "6000"}),
        ("postgresql:///d", {"host": None, "port": "5432", "dbname": "d"}),
        ("postgresql:///d?host=/run/postgresql", {"host": "/run/postgresql", "sslmode": None}),
        ("postgresql://u@%2Frun%2Fpostgresql:6000/d", {"host": "/run/postgresql", "port": "6000"}),
        (
            "postgresql:///d?host=127.0.0.1&port=6000&user=u&password=p%26",
            {"port": "6000", "password": "p&"},
        ),
        ("postgresql:///?dbname=d&host=127.0.0.1", {"dbname": "d"}),
        (
            "postgresql://127.0.0.1:1,127.0.0.2:2/d",
            {"host": "127.0.0.1,127.0.0.2", "port": "1,2", "target_session_attrs": "read-write"},
        ),
        (
            "postgresql:///d?host=127.0.0.1,::1&port=6000",
            {"host": "127.0.0.1,::1", "port": "6000,6000"},
        ),
        ("postgresql://127.0.0.1/d?application_name=mine", {"application_name": "mine"}),
        ("postgresql://127.0.0.1/d?options=endpoint%3Dep-1", {"options": "endpoint=ep-1"}),
        ("postgresql://127.0.0.1/d?connect_timeout=10", {"connect_timeout": "10"}),
        (
            "postgresql://db.example/d?sslmode=require&channel_binding=require",
            {"sslmode": "require", "channel_binding": "require", "sslrootcert": None},
        ),
    ],
)
def test_a_documented_form_means_what_libpq_says(url, expected):
    parameters = read_parameters(url)
    assert {name: parameters.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://h/d", "must begin with postgresql://"),
        ("host=h dbname=d user=u", "in the form of keywords"),
        ("dbname=d", "in the form of keywords"),
        ("jdbc:postgresql://h/d", "JDBC"),
        ('"postgresql://h/d"', "quotation marks"),
        ("psql 'postgresql://h/d'", "must begin with postgresql://"),
        ("postgresql://u:p@ss#1@h/d", "%23"),
        ("postgresql://u:p@ss@h/d", "%40"),
        ("postgresql://u:p#1@h/d", "%23"),
        ("postgresql://u:p/q@h/d", "%2F"),
        ("postgresql://u:1/q@h/d", "%2F"),
        ("postgresql://u:p?q@h/d", "%3F"),
        ("postgresql://u:12?q=1@h/d", "%3F"),
        ("postgresql://u:p%ss@h/d", "%25"),
        ("postgresql://u:p%00@h/d", "%25"),
        ("postgresql://u:p[1@h/d", None),
        ("postgresql://u:p q@h/d", "%20"),
        ("postgresql://h", "names no database"),
        ("postgresql://h/", "names no database"),
        ("postgresql://h:port/d", "port"),
        ("postgresql://h:70000/d", "port between 1 and 65535"),
        ("postgresql://::1/d", "brackets"),
        ("postgresql://h1:1,h2:2/d?port=3", "port twice"),
        ("postgresql://h1/d?host=h2", "host twice"),
        ("postgresql:///d?host=h1&host=h2", "several hosts"),
        ("postgresql:///d?host=h1:5432", "host with a colon"),
        ("postgresql:///d?host=h1,h2&port=1,2,3", "number of ports"),
        ("postgresql://h1,/d", "one of them is empty"),
        ("postgresql://h/d?dbname=e", "dbname twice"),
        ("postgresql://h/d?schema=public", "schema public"),
        ("postgresql://h/d?currentSchema=x", "schema public"),
        ("postgresql://h/d?options=-csearch_path%3Dx", "schema public"),
        ("postgresql://h/d?pgbouncer=true", "remove it"),
        ("postgresql://h/d?connection_limit=5", "remove it"),
        ("postgresql://h/d?pool_timeout=5", "remove it"),
        ("postgresql://h/d?ssl=true", "sslmode=verify-full"),
        ("postgresql://h/d?sslmode=no-verify", "it must be disable"),
        ("postgresql://h/d?sslmode", "without a value"),
        ("postgresql://h/d?hostaddr=127.0.0.1", "certificate"),
        ("postgresql://h/d?service=x", "another server"),
        ("postgresql://h/d?sslmode=verify-full&sslrootcert=/none", "no file"),
        ("postgresql://h/d?connect_timeout=soon", "must be a number"),
        ("postgresql://h/d?target_session_attrs=standby", "read-write"),
        ("postgresql://h1,h2/d?target_session_attrs=any", "read-write"),
        ("postgresql://h/d?client_encoding=latin1", "utf8"),
        ("postgresql://h/d?nonsense=1", "nonsense"),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(url, words):
    if words is None:
        assert read_parameters(url)["password"] == "p[1"
    else:
        assert words in fault_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:c4n@ry#c4n4ry@h/d",
        "postgresql://u:c4n4ry/c4n4ry@h/d",
        "postgresql://u:12?c4n4ry=c4n4ry",
        "postgresql://h/d?schema=c4n4ry",
        "host=h password=c4n4ry",
    ],
)
def test_no_refusal_quotes_a_password(url):
    assert "c4n4ry=" not in fault_of(url)
    assert "@ry" not in fault_of(url)


def test_a_line_break_at_the_end_of_a_file_does_not_count(tmp_path):
    file = tmp_path / "url"
    file.write_text("postgresql://127.0.0.1/app\n")
    settings = DatabaseSettings.from_env({"DATABASE_URL_FILE": str(file)})
    assert settings.database_url == LOCAL_URL


@pytest.mark.parametrize(
    ("url", "environ", "sslmode"),
    [
        ("postgresql://db.example/app", {}, "verify-full"),
        ("postgresql://db.example/app", {"PGSSLMODE": "require"}, "require"),
        ("postgresql://db.example/app?sslmode=disable", {"PGSSLMODE": "require"}, "disable"),
        ("postgresql:///app?host=/run/postgresql", {}, None),
        ("postgresql:///app?host=db.example", {}, "verify-full"),
        ("postgresql:///app", {"PGHOST": "db.example"}, "verify-full"),
        ("postgresql:///app", {"PGHOST": "127.0.0.1,db.example"}, "verify-full"),
        ("postgresql://127.0.0.1,db.example/app", {}, "verify-full"),
        ("postgresql://127.0.0.1:1,127.0.0.2:2/app", {}, None),
        ("postgresql://localhost/app", {}, None),
        ("postgresql://localhost.example/app", {}, "verify-full"),
        ("postgresql://127.0.0.1.example/app", {}, "verify-full"),
        ("postgresql://10.0.0.1/app", {}, "verify-full"),
        ("postgresql://[::1]/app", {}, None),
        ("postgresql://[fd00::1]/app", {}, "verify-full"),
    ],
)
def test_only_servers_of_this_machine_need_no_certificate(url, environ, sslmode):
    assert read_parameters(url, **environ).get("sslmode") == sslmode


@pytest.mark.parametrize("mode", ["allow", "prefer"])
def test_plain_text_to_another_machine_needs_the_explicit_word(mode):
    assert "unencrypted" in fault_of(f"postgresql://db.example/app?sslmode={mode}")
    assert "unencrypted" in fault_of("postgresql://db.example/app", PGSSLMODE=mode)
    assert read_parameters(f"postgresql://127.0.0.1/app?sslmode={mode}")["sslmode"] == mode


def test_the_certificates_of_the_machine_are_a_file_that_exists(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    url = "postgresql://db.example/app?sslmode=verify-full&sslrootcert=system"
    certificates = Path(read_parameters(url)["sslrootcert"])
    assert "BEGIN CERTIFICATE" in certificates.read_text()
    (tmp_path / ".postgresql").mkdir()
    own_file = tmp_path / ".postgresql/root.crt"
    own_file.write_text("-")
    assert read_parameters("postgresql://db.example/app")["sslrootcert"] == str(own_file)


@pytest.mark.parametrize("name", ["PGHOSTADDR", "PGSERVICE"])
def test_a_variable_that_leads_elsewhere_is_refused(name):
    with pytest.raises(Misconfigured, match=f"{name} is not supported"):
        read_url("postgresql://127.0.0.1/app", **{name: "x"})


def test_variables_of_libpq_fill_in_what_the_url_leaves_out():
    environ = {
        "PGHOST": "::1",
        "PGPORT": "6000",
        "PGUSER": "u",
        "PGPASSWORD": "p@",
        "PGDATABASE": "d",
    }
    assert read_url("postgresql://", **environ) == "postgresql://u:p%40@[::1]:6000/d"
    assert read_url(LOCAL_URL, PGHOST="x", PGPORT="1", PGDATABASE="y") == LOCAL_URL


def test_other_readers_of_urls_find_the_same_parts():
    url = make_url(read_url("postgresql://u:p%40%2F@127.0.0.1/d"))
    assert (url.username, url.password, url.host, url.database) == ("u", "p@/", "127.0.0.1", "d")


def test_migrations_may_have_a_url_of_their_own():
    environ = {"DATABASE_URL": LOCAL_URL}
    assert DatabaseSettings.from_env(environ).migration_url == LOCAL_URL
    environ["MIGRATION_DATABASE_URL"] = "postgres://owner@127.0.0.1/app"
    assert (
        DatabaseSettings.from_env(environ).migration_url == "postgresql://owner@127.0.0.1:5432/app"
    )


def test_of_several_replicas_the_standbys_are_used():
    url = parse_replica_url("postgresql://127.0.0.1:1,127.0.0.2:2/d")
    assert parse_dsn(url)["target_session_attrs"] == "standby"
    assert "target_session_attrs" not in parse_dsn(parse_replica_url("postgresql://127.0.0.1/d"))


def test_a_replica_on_another_machine_needs_a_valid_certificate_too():
    assert parse_dsn(parse_replica_url("postgresql://h/d"))["sslmode"] == "verify-full"


@pytest.mark.parametrize("url", ["postgresql://h/d?target_session_attrs=any", "postgresql://h"])
def test_a_replica_without_a_database_or_with_a_target_of_its_own_is_refused(url):
    with pytest.raises(ValueError):
        parse_replica_url(url)
