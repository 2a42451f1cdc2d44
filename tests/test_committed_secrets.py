"""No secret is committed: every file of the tree is scanned for what looks like one.

Part of `make check`. The tests' own files hold made-up tokens, passwords and signatures in plenty,
so in them only what a service has really issued is looked for.
"""

import subprocess
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.scan import scan_file
from detect_secrets.filters.heuristic import is_indirect_reference
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parents[1]
ISSUED_SECRETS = [
    {"name": name}
    for name in (
        "AWSKeyDetector",
        "AzureStorageKeyDetector",
        "GitHubTokenDetector",
        "GitLabTokenDetector",
        "NpmDetector",
        "PrivateKeyDetector",
        "PypiTokenDetector",
        "SendGridDetector",
        "SlackDetector",
        "StripeDetector",
        "TelegramBotTokenDetector",
        "TwilioKeyDetector",
    )
]
"""Forms that only a service gives out."""

LIKELY_SECRETS = [
    *ISSUED_SECRETS,
    {"name": "BasicAuthDetector"},
    {"name": "JwtTokenDetector"},
    {"name": "KeywordDetector"},
    {"name": "Base64HighEntropyString", "limit": 4.7},
    {"name": "HexHighEntropyString", "limit": 3.4},
]
DETECTORS = {each.__name__: each for each in get_mapping_from_secret_type_to_class().values()}
TEST_FOLDERS = ("tests/", "bench/", "chaos/")
LINE_FILTERS = (
    "detect_secrets.filters.heuristic.is_indirect_reference",
    "detect_secrets.filters.allowlist.is_line_allowlisted",
)
"""They look at every line, which took half of the time. `is_harmless` asks the first of them about
lines that were found; comments that allow a line have no effect."""

SKIPPED_ENDINGS = (".lock", ".png", ".mp4", ".webm", ".mkv", ".svg", ".po", ".min.js")
"""Hashes of packages, pictures and sample videos, texts of pages, code of others."""

ALLOWED_VALUES = {
    "signalpost.same_password": "the name of a setting of a database session",
    "sentinel_password": "the name of a parameter of a URL",
    "xnBwiv3qZXx71nOQ0Uhkotb3b7RN0upoU+TLmkKgEwI": "a hash of nothing: it is verified when the"
    " user does not exist, so that the answer takes as long",
    "whsec_": "what the secrets of endpoints begin with",
    "settings.json": "the name of the file with the secrets of a local stack",
    "signalpost-tls": "the name of the Secret with an ingress controller's certificate",
    "sbaw_other_app": "the client key of a foreign app, with which the sandbox tries us",
}
"""What looks like a secret and is none, with the reason."""


def list_files():
    """Every file that git knows or would add, as a path in the tree."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]


def find_secrets(paths, plugins):
    """Return what looks like a secret as texts: file, line and kind, never the value."""
    paths_by_plugins = defaultdict(list)
    for path in paths:
        needed = tuple(plugin["name"] for plugin in plugins if can_match(plugin, ROOT / path))
        if needed:
            paths_by_plugins[needed].append(path)
    found = []
    for names, group in paths_by_plugins.items():
        used = [plugin for plugin in plugins if plugin["name"] in names]
        with transient_settings({"plugins_used": used}) as settings:
            settings.disable_filters(*LINE_FILTERS)
            found += [
                f"{path}:{secret.line_number} {secret.type}"
                for path in group
                for secret in scan_file(str(ROOT / path))
                if not is_harmless(secret, ROOT / path)
            ]
    return found


@lru_cache(maxsize=1)
def read_text(path):
    return path.read_text(errors="ignore")


def can_match(plugin, path):
    """Whether a detector has to look at the lines of a file: one pass over the text is quicker."""
    patterns = getattr(DETECTORS[plugin["name"]], "denylist", None)
    return not patterns or any(pattern.search(read_text(path)) for pattern in patterns)


def is_harmless(secret, path):
    """Whether it is no secret: allowed, what a call returns, an assigned sentence, or the word for
    one in an example.
    """
    value = secret.secret_value
    is_sentence = secret.type == "Secret Keyword" and any(map(str.isspace, value))
    if value in ALLOWED_VALUES or is_sentence or value.lower() == "password":
        return True
    return is_indirect_reference(read_text(path).split("\n")[secret.line_number - 1])


def test_no_committed_file_holds_a_secret():
    paths = [path for path in list_files() if not path.endswith(SKIPPED_ENDINGS)]
    assert len(paths) > 500
    ours = [path for path in paths if not path.startswith(TEST_FOLDERS)]
    of_tests = [path for path in paths if path.startswith(TEST_FOLDERS)]
    assert find_secrets(ours, LIKELY_SECRETS) == []
    assert find_secrets(of_tests, ISSUED_SECRETS) == []


@pytest.mark.parametrize(
    "line",
    [
        "SECRET_KEY = '" + "d2hhdCBhIGxvbmcgc2VjcmV0" + "'",
        "aws = '" + "AKIA" + "IOSFODNN7EXAMPLE" + "'",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "url = 'postgresql://app:" + "hunter2hunter2@db.example/app'",
        "token: '" + "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8" + "'",
        "password = '" + "correct-horse-battery-staple" + "'",
    ],
)
def test_a_planted_secret_is_found(line, tmp_path):
    planted = tmp_path / "settings.py"
    planted.write_text(f"{line}\n")
    assert find_secrets([planted], LIKELY_SECRETS)
