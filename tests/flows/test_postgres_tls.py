"""TLS to Postgres with an authority made by the test: the chain and the name are verified."""

import pytest

from core.health.database_checks import check_database
from db import migrations
from db.session import Database, DatabaseUnavailable
from tests.flows.postgres_servers import (
    PASSWORD,
    find_debian_programs,
    hand_over,
    run_tls_postgres,
    server_account,
    temporary_folder,
)
from tests.support.certificate_authority import CertificateAuthority
from tests.support.row_factory import make_services


@pytest.fixture(scope="module")
def authority():
    with temporary_folder() as folder:
        yield CertificateAuthority(folder)


@pytest.fixture(scope="module")
def other_authority(authority):
    return CertificateAuthority(authority.ca_file.parent, "other")


@pytest.fixture(scope="module")
def folder():
    find_debian_programs()
    with temporary_folder() as folder:
        yield folder


def issue(authority, name, **options):
    certificate = authority.issue(name, owner=server_account(), **options)
    hand_over(certificate.certificate_file)
    return certificate


def url_of(server, **parameters):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"postgresql://app:{PASSWORD}@{server.url}/postgres?{query}"


def reason_of(url):
    database = Database(url)
    with pytest.raises(DatabaseUnavailable) as raised:
        database.ping()
    database.dispose()
    return str(raised.value)


def test_a_server_with_a_valid_certificate_is_used_by_every_client(authority, folder):
    with run_tls_postgres(folder, issue(authority, "127.0.0.1")) as server:
        url = url_of(server, sslmode="verify-full", sslrootcert=authority.ca_file)
        migrations.upgrade_schema(url)
        services = make_services(url, "http://127.0.0.1:9")
        database = Database(services.settings.database_url)
        checks = list(check_database(database, services))
        assert [check for check in checks if not check.ok] == []
        database.dispose()


def test_an_unknown_authority_a_wrong_password_and_a_missing_database_are_named(
    authority, other_authority, folder
):
    with run_tls_postgres(folder, issue(other_authority, "127.0.0.1")) as server:
        trusted = {"sslmode": "verify-full", "sslrootcert": other_authority.ca_file}
        url = url_of(server, **trusted)
        Database(url).ping()
        assert "signed by nobody whom we trust" in reason_of(
            url_of(server, sslmode="verify-full", sslrootcert=authority.ca_file)
        )
        assert "user or password are wrong" in reason_of(url.replace(PASSWORD, "wrong"))
        assert "the database does not exist" in reason_of(url.replace("/postgres?", "/other?"))
        assert "user or password are wrong" in reason_of(url.replace("//app:", "//nobody:"))


def test_a_certificate_of_ours_takes_the_place_of_a_password(authority, other_authority, folder):
    rules = folder / "certificates_only.conf"
    rules.write_text("hostssl all all 127.0.0.1/32 cert\n")
    hand_over(rules)
    hand_over(authority.ca_file)
    settings = {"ssl_ca_file": authority.ca_file, "hba_file": rules}
    with run_tls_postgres(folder, issue(authority, "127.0.0.1"), **settings) as server:
        trusted = {"sslmode": "verify-full", "sslrootcert": authority.ca_file}

        def url_with(certificate):
            files = {"sslcert": certificate.certificate_file, "sslkey": certificate.key_file}
            url = url_of(server, **trusted, **files).replace(f":{PASSWORD}@", "@")
            return make_services(url, "http://127.0.0.1:9").settings.database_url

        Database(url_with(authority.issue("app"))).ping()
        assert reason_of(url_with(authority.issue("somebody-else")))
        assert reason_of(url_with(other_authority.issue("app")))
        assert reason_of(url_of(server, **trusted))


def test_a_certificate_for_another_name_is_refused(authority, folder):
    with run_tls_postgres(folder, issue(authority, "db.example")) as server:
        url = url_of(server, sslmode="verify-full", sslrootcert=authority.ca_file)
        assert "for another name" in reason_of(url)
        Database(url.replace("verify-full", "verify-ca")).ping()


def test_an_expired_certificate_is_refused(authority, folder):
    with run_tls_postgres(folder, issue(authority, "127.0.0.1", has_expired=True)) as server:
        url = url_of(server, sslmode="verify-full", sslrootcert=authority.ca_file)
        assert "certificate" in reason_of(url)
        database = Database(url)
        check = next(check_database(database, make_services(url, "http://127.0.0.1:9")))
        assert (check.ok, check.message) == (False, "the server's certificate has expired")


def test_a_server_without_tls_is_refused_if_tls_is_demanded(server_addresses):
    url = server_addresses.url("postgres")
    assert "offers no TLS" in reason_of(f"{url}?sslmode=require")
