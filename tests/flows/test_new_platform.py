"""A third platform is a folder, three lines in lists and a migration, as CONTRIBUTING.md says.

The tree is copied, a fictional platform is added to the copy, and its processes run.
"""

import re
import secrets
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests

from tests.flows.api_user import FINAL_STATES, REQUEST_TIMEOUT
from tests.flows.brokers import wait_until
from tests.flows.postcards_server import run_postcard_server
from tests.flows.stacks import ROOT, run_stack

FOLDER = Path(__file__).parent / "postcards"
PACKAGES = ("app", "core", "db", "local", "migrations", "platforms", "tasks")
ADAPTER, SANDBOX = "platforms/postcards", "platforms/sandbox/postcards"
REGISTRY, MODELS = "platforms/registry.py", "platforms/setting_models.py"
TABLES, MIGRATIONS = "db/providers.py", "migrations/versions"
PASS_TIME = """
UPDATE posts SET due_at = now(),
    memo = CASE WHEN memo ? 'absent_since'
        THEN memo || jsonb_build_object('absent_since', now() - interval '6 minutes',
                                        'repeat_after', now() - interval '1 minute')
        ELSE memo END
WHERE provider = 'postcards' AND due_at > now() AND leased_until IS NULL
"""


def copy_tree(target):
    """Copy what runs, with Postcards added: its folders, a migration, and a line in three files."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, target / package, ignore=ignored)
    for name in ("pyproject.toml", "alembic.ini"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, target / name)
    for name in ("__init__.py", "platform.py"):
        copy_file(name, target / ADAPTER)
    copy_file("stack.toml", target / SANDBOX)
    import_line = "import platforms.instagram.platform\n"
    entry = "platforms.instagram.platform.PLATFORM"
    change_file(
        target / REGISTRY,
        (import_line, import_line + "import platforms.postcards.platform\n"),
        (entry, f"{entry}, platforms.postcards.platform.PLATFORM"),
    )
    import_line = "import platforms.instagram.settings\n"
    entry = "platforms.instagram.settings.InstagramSettings,"
    change_file(
        target / MODELS,
        (import_line, import_line + "import platforms.postcards.platform\n"),
        (entry, f'{entry} "postcards": platforms.postcards.platform.PostcardSettings,'),
    )
    change_file(target / TABLES, ('"instagram")', '"instagram", "postcards")'))
    versions = target / MIGRATIONS
    head = max(path.name[:4] for path in versions.glob("0*.py"))
    text = (FOLDER / "migration.py").read_text().replace("{head}", head)
    (versions / "9999_postcards.py").write_text(text)
    return target


def copy_file(name, folder):
    folder.mkdir(exist_ok=True)
    shutil.copy(FOLDER / name, folder / name)


def change_file(path, *changes):
    text = path.read_text()
    for old, new in changes:
        assert text.count(old) == 1, (path, old)
        text = text.replace(old, new)
    path.write_text(text)


@pytest.fixture(scope="module")
def postcard_server():
    with run_postcard_server() as server:
        yield server


@pytest.fixture(scope="module")
def postcard_tree(tmp_path_factory):
    return copy_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def postcard_stack(postcard_tree, postcard_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("postcards")
    environment = {
        "POSTCARDS_BASE_URL": postcard_server.url,
        "PYTHONPATH": str(postcard_tree),
    }
    with run_stack(folder, **environment) as stack:
        yield stack


@pytest.fixture
def postcard_account(postcard_stack):
    """Our id of the connected account."""
    info, browser = postcard_stack.info, requests.Session()
    login = {"email": info["user"], "password": info["password"]}
    browser.post(f"{info['web']}/api/auth/login", json=login, timeout=REQUEST_TIMEOUT)
    address = f"{info['web']}/api/auth/postcards"
    while True:
        response = browser.get(address, timeout=REQUEST_TIMEOUT, allow_redirects=False)
        if not response.is_redirect:
            break
        address = urljoin(address, response.headers["Location"])
    account_ids = parse_qs(urlsplit(response.url).query).get("account")
    assert account_ids, f"{response.url} {response.text[:500]}"
    return int(account_ids[0])


def call(stack, method, path, **options):
    headers = {"Authorization": f"Bearer {stack.info['api_key']}"}
    return requests.request(
        method, stack.info["web"] + path, headers=headers, timeout=REQUEST_TIMEOUT, **options
    )


def publish_card(stack, account_id):
    """Request a card and return the post once it is final, and its text."""
    text = secrets.token_hex(8)
    body = {
        "platform": "postcards",
        "account_id": account_id,
        "text": text,
        "media": [{"url": "https://cdn.example/picture.jpg"}],
    }
    response = call(stack, "POST", "/api/posts", json=body)
    assert response.ok, response.text
    path = f"/api/posts/{response.json()['data']['id']}"
    wait_until(
        lambda: (
            stack.query(PASS_TIME) is not None
            and call(stack, "GET", path).json()["data"]["state"] in FINAL_STATES
        ),
        within=60,
        what="a final state",
    )
    return call(stack, "GET", path).json()["data"], text


def count_posted(server, text):
    return sum(card["posted"] for card in server.cards.values() if card["text"] == text)


def test_only_the_folder_and_lines_of_the_list_of_platforms_differ(postcard_tree):
    changed = subprocess.run(
        ["diff", "-rq", "-x", "__pycache__", *(f"{ROOT}", f"{postcard_tree}")],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    differing = set(re.findall(rf"Files {ROOT}/(\S+) and", changed))
    added = set(re.findall(rf"Only in {postcard_tree}/?([^:\s]*): (\S+)", changed))
    assert differing == {REGISTRY, MODELS, TABLES}
    assert added == {
        *(("platforms", "postcards"), ("platforms/sandbox", "postcards")),
        (MIGRATIONS, "9999_postcards.py"),
    }


def test_a_new_platform_publishes(postcard_stack, postcard_server, postcard_account):
    post, text = publish_card(postcard_stack, postcard_account)
    assert (post["state"], post["platform"], post["kind"]) == ("PUBLISHED", "postcards", "CARD")
    assert count_posted(postcard_server, text) == 1
    assert post["permalink"].endswith(post["platform_post_id"])
    assert [step["name"] for step in post["steps"]] == ["write", "post"]


@pytest.mark.parametrize("has_effect", [True, False])
@pytest.mark.parametrize("step", ["cards", "post"])
def test_a_lost_answer_of_a_new_platform_leaves_one_card(
    postcard_stack, postcard_server, postcard_account, step, has_effect
):
    postcard_server.loses[step] = has_effect
    post, text = publish_card(postcard_stack, postcard_account)
    assert (post["state"], count_posted(postcard_server, text)) == ("PUBLISHED", 1)


def test_a_new_platform_is_offered_everywhere(postcard_stack, postcard_account):
    listed = call(postcard_stack, "GET", "/api/posts?platform=postcards").json()
    assert all(post["platform"] == "postcards" for post in listed["data"])
    document = call(postcard_stack, "GET", "/openapi.json").text
    assert "postcards" in document
    browser = requests.Session()
    info = postcard_stack.info
    login = {"email": info["user"], "password": info["password"]}
    browser.post(f"{info['web']}/api/auth/login", json=login, timeout=REQUEST_TIMEOUT)
    for path in ("/platforms/connect/postcards", "/platforms/postcards", "/posts", "/"):
        page = browser.get(info["web"] + path, timeout=REQUEST_TIMEOUT)
        assert page.status_code == 200, (path, page.status_code)
        assert "Postcards" in page.text or path == "/", path
    status = call(postcard_stack, "GET", "/api/platforms/postcards/status").json()
    assert f"'id': {postcard_account}" in str(status)


def test_a_disconnected_account_of_a_new_platform_posts_nothing(postcard_stack, postcard_account):
    body = {"accountId": postcard_account}
    answer = call(postcard_stack, "POST", "/api/platforms/postcards/disconnect", json=body)
    assert answer.ok, answer.text
    body = {"platform": "postcards", "text": "x", "media": [{"url": "https://cdn.example/a.jpg"}]}
    assert not call(postcard_stack, "POST", "/api/posts", json=body).ok
