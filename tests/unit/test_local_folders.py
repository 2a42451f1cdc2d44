"""Folders of servers that run as another user."""

import os
import pwd
from pathlib import Path

import pytest

from local.user_and_folders import UnixUser, give_folder, is_readable_by_all


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_folder_of_an_earlier_account_becomes_the_new_ones_with_all_that_is_in_it(tmp_path):
    folder = tmp_path / "postgres"
    (folder / "base").mkdir(parents=True)
    (folder / "base" / "1").write_text("rows")
    (folder / "link").symlink_to("/etc/hostname")
    account = pwd.getpwnam("nobody")
    owner_of_target = Path("/etc/hostname").stat().st_uid
    give_folder(folder, UnixUser(account.pw_uid, account.pw_gid))
    owners = {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}
    assert owners == {account.pw_uid}
    assert Path("/etc/hostname").stat().st_uid == owner_of_target


def test_a_program_behind_a_link_in_a_private_folder_is_not_readable_by_all(tmp_path):
    """Another user cannot follow the link, although what it leads to is open to all."""
    program = Path("/bin/sh").resolve()
    assert is_readable_by_all(program)
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "link").symlink_to(program.parent)
    assert not is_readable_by_all(private / "link" / program.name)
