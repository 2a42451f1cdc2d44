import sys

import pytest

from bench import peer_dependencies
from bench.peer_dependencies import PeerUnavailable


@pytest.fixture
def lock_file(tmp_path):
    path = tmp_path / "lock"
    path.write_text("one")
    return path


@pytest.fixture
def install(tmp_path, lock_file):
    """How often something was fetched, after a wish for it."""
    installs = []
    return lambda make=lambda: installs.append(1): (
        peer_dependencies.install_once(tmp_path / "things", (lock_file,), "a peer", make),
        len(installs),
    )[1]


def test_what_was_fetched_is_kept_until_its_lock_changes(install, lock_file):
    assert [install(), install()] == [1, 1]
    lock_file.write_text("two")
    assert [install(), install()] == [2, 2]


def test_half_of_it_is_fetched_again(install):
    def breaks():
        raise PeerUnavailable("the network is away.")

    with pytest.raises(PeerUnavailable):
        install(breaks)
    assert install() == 1


def test_a_command_that_fails_is_named_with_its_last_words():
    with pytest.raises(PeerUnavailable, match=r"^python\S* failed and said: no such wheel$"):
        peer_dependencies.run_command(
            sys.executable, "-c", "raise SystemExit('first\\nno such wheel')"
        )


def test_a_machine_without_node_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PeerUnavailable, match="node and npm are not on this machine"):
        peer_dependencies.install_node_packages()


def test_locks_name_hashes_and_no_registry():
    lock = peer_dependencies.PYTHON_LOCK.read_text()
    assert lock.count("==") == lock.count("# via")
    assert "--hash=sha256:" in lock
    for text in (lock, *(path.read_text() for path in peer_dependencies.NODE_MANIFESTS)):
        assert "://" not in text


def test_what_is_fetched_is_never_committed():
    ignored = (peer_dependencies.ROOT / ".gitignore").read_text().splitlines()
    assert "build/" in ignored
    for place in (peer_dependencies.VENV, peer_dependencies.NODE_MODULES):
        assert place.is_relative_to(peer_dependencies.ROOT / "build")
