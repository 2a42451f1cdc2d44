import sys

import pytest

from bench import provisions
from bench.provisions import Missing


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "lock"
    path.write_text("one")
    return path


@pytest.fixture
def fetch(tmp_path, lock):
    """How often something was fetched, after a wish for it."""
    made = []
    return lambda make=lambda: made.append(1): (
        provisions.once(tmp_path / "things", (lock,), "a peer", make),
        len(made),
    )[1]


def test_what_was_fetched_is_kept_until_its_lock_changes(fetch, lock):
    assert [fetch(), fetch()] == [1, 1]
    lock.write_text("two")
    assert [fetch(), fetch()] == [2, 2]


def test_half_of_it_is_fetched_again(fetch):
    def breaks():
        raise Missing("the network is away.")

    with pytest.raises(Missing):
        fetch(breaks)
    assert fetch() == 1


def test_a_command_that_fails_is_named_with_its_last_words():
    with pytest.raises(Missing, match=r"^python\S* failed and said: no such wheel$"):
        provisions.run(sys.executable, "-c", "raise SystemExit('first\\nno such wheel')")


def test_a_machine_without_node_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="node and npm are not on this machine"):
        provisions.node()


def test_locks_name_hashes_and_no_registry():
    lock = provisions.LOCK.read_text()
    assert lock.count("==") == lock.count("# via")
    assert "--hash=sha256:" in lock
    for text in (lock, *(path.read_text() for path in provisions.MANIFESTS)):
        assert "://" not in text


def test_what_is_fetched_is_never_committed():
    ignored = (provisions.ROOT / ".gitignore").read_text().splitlines()
    assert "build/" in ignored
    for place in (provisions.VENV, provisions.NODE_MODULES):
        assert place.is_relative_to(provisions.ROOT / "build")
