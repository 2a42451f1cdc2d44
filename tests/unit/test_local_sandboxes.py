"""What the sandboxes say about themselves for a local stack."""

import re

import pytest

from core.config.settings import Settings
from local import sandboxes, stack_settings
from platforms.registry import PLATFORMS

SANDBOX_URL, WEB_URL = "http://127.0.0.1:8100", "http://127.0.0.1:8000"


def test_every_platform_has_a_sandbox():
    assert {sandbox.platform for sandbox in sandboxes.load_sandboxes()} == set(PLATFORMS)


def test_the_settings_switch_every_platform_on():
    factories = stack_settings.SECRET_FACTORIES | sandboxes.credential_factories()
    generated = {name: factory() for name, factory in factories.items()}
    stores = {"DATABASE_URL": "postgresql://app@127.0.0.1/x", "BROKER_URL": "redis://127.0.0.1/0"}
    own = sandboxes.platform_settings(SANDBOX_URL, WEB_URL)
    settings = Settings.from_env({**generated, **stores, **own})
    assert settings.apps.keys() == PLATFORMS.keys()
    assert all(
        url.startswith(SANDBOX_URL)
        for app in settings.apps.values()
        for url in app.base_urls.values()
    )


@pytest.mark.parametrize("sandbox", sandboxes.load_sandboxes(), ids=lambda each: each.platform)
def test_the_options_name_our_own_urls(sandbox):
    environment = sandboxes.platform_settings(SANDBOX_URL, WEB_URL)
    options = sandboxes.sandbox_options(WEB_URL, environment)
    assert f"{WEB_URL}/api/webhooks/{sandbox.platform}" in options
    assert f"{WEB_URL}/api/auth/{sandbox.platform}/callback" in options
    assert not [option for option in options if "{" in option]


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ({"hex": 8}, r"[1-9a-f][0-9a-f]{7}"),
        ({"decimal": 15}, r"[1-9]\d{14}"),
        ({"hex": 4, "prefix": "sandbox"}, r"sandbox[1-9a-f][0-9a-f]{3}"),
    ],
)
def test_a_credential_has_its_form(form, pattern):
    credentials = {sandboxes.generate_credential(form) for _ in range(20)}
    assert len(credentials) > 1
    assert all(re.fullmatch(pattern, credential) for credential in credentials)


@pytest.mark.parametrize("sandbox", sandboxes.load_sandboxes(), ids=lambda each: each.platform)
def test_a_demo_names_only_files_that_it_describes(sandbox):
    named = set(re.findall(r"'media': '(\w+)'", str(sandbox.demo["posts"])))
    assert named <= set(sandbox.demo["files"])
    assert named or sandbox.demo["posts"]
