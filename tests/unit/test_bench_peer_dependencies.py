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
    """Calls `install_once` and returns how often it has really installed."""
    installs = []

    def run(make=lambda: installs.append(1)):
        peer_dependencies.install_once(tmp_path / "installed", (lock_file,), "a peer", make)
        return len(installs)

    return run


def test_what_was_installed_is_kept_until_its_lock_changes(install, lock_file):
    assert [install(), install()] == [1, 1]
    lock_file.write_text("two")
    assert [install(), install()] == [2, 2]


def test_a_failed_installation_is_repeated(install):
    def fail():
        raise PeerUnavailable("the network is down.")

    with pytest.raises(PeerUnavailable):
        install(fail)
    assert install() == 1


def test_a_failed_command_is_reported_with_the_last_line_of_its_output():
    with pytest.raises(PeerUnavailable, match=r"^python\S* failed: no such wheel$"):
        peer_dependencies.run_command(
            sys.executable, "-c", "raise SystemExit('first\\nno such wheel')"
        )


def test_missing_node_is_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PeerUnavailable, match="node and npm are not installed"):
        peer_dependencies.install_node_packages()


def test_locks_name_hashes_and_no_registry():
    lock = peer_dependencies.PYTHON_LOCK.read_text()
    assert lock.count("==") == lock.count("# via")
    assert "--hash=sha256:" in lock
    for text in (lock, *(path.read_text() for path in peer_dependencies.NODE_MANIFESTS)):
        assert "://" not in text


def test_what_is_installed_is_never_committed():
    ignored = (peer_dependencies.ROOT / ".gitignore").read_text().splitlines()
    assert "build/" in ignored
    for folder in (peer_dependencies.VENV, peer_dependencies.NODE_MODULES):
        assert folder.is_relative_to(peer_dependencies.ROOT / "build")
