"""The rules for URLs of endpoints in development, and what their errors say."""

import pytest

from platforms.url_rules import validate_http_url, validate_public_https_url


@pytest.mark.parametrize("url", ["http://localhost:8000/hook", "https://[::1]/", "http://host"])
def test_development_accepts_any_host_and_port(url):
    assert validate_http_url(url) == url


@pytest.mark.parametrize("port", ["0", "99999", "quoted"])
def test_an_impossible_port_is_refused_without_quoting_it(port):
    with pytest.raises(ValueError, match=r"^must name a port between 1 and 65535$"):
        validate_http_url(f"http://localhost:{port}/")


@pytest.mark.parametrize("validate_url", [validate_http_url, validate_public_https_url])
def test_a_malformed_host_is_refused_without_quoting_it(validate_url):
    with pytest.raises(ValueError, match=r"^must name a host, with an IPv6 address in brackets$"):
        validate_url("https://[quoted]/")
