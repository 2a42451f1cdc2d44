"""Folders of servers that run as another user."""

import os
import pwd
from pathlib import Path

import pytest

from local.user_and_folders import UnixUser, give_folder


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
