"""What is found of the cache folder's place."""

from __future__ import annotations

import os

import pytest

from gridtask.doctor import folder as examined
from gridtask.doctor.folder import Mount, examine_folder, mount_of


def silent(*argv):
    """Answer as a machine without quotas."""
    return ""


def levels(findings):
    """Return the levels of findings by the first word that tells which."""
    return {finding.text: finding.level for finding in findings}


def test_a_folder_that_is_not_made_yet(tmp_path):
    """Its parent is looked at, and nothing is left behind."""
    found = list(examine_folder(tmp_path / "new" / "cache", silent, False))
    assert "not made yet" in found[0].text
    assert not [f for f in found if f.level in ("warning", "problem")]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_others_is_a_problem(tmp_path):
    """With the command that mends it."""
    tmp_path.chmod(0o777)
    found = list(examine_folder(tmp_path, silent, False))
    (bad,) = [finding for finding in found if finding.level == "problem"]
    assert bad.remedy.startswith("chmod go-w")


def test_a_parent_of_a_group_is_noted(tmp_path):
    """The group could replace the folder."""
    parent = tmp_path / "group"
    cache = parent / "cache"
    cache.mkdir(parents=True, mode=0o700)
    parent.chmod(0o770)
    texts = [finding.text for finding in examine_folder(cache, silent, False)]
    assert any(f"a group can write to {parent}" in text for text in texts)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_read_only_folder_is_a_problem(tmp_path):
    """Said at once; no more is looked at."""
    tmp_path.chmod(0o500)
    found = list(examine_folder(tmp_path, silent, False))
    assert found[-1].level == "problem"
    assert "cannot be written to" in found[-1].text


def test_a_local_file_system_is_a_warning_on_a_cluster(tmp_path, monkeypatch):
    """Other hosts would write their results elsewhere."""
    monkeypatch.setattr("gridtask.fs.is_shared", lambda path: False)
    found = list(examine_folder(tmp_path, silent, True))
    (bad,) = [finding for finding in found if finding.level == "warning"]
    assert "other hosts do not see it" in bad.text
    assert "GRIDTASK_CACHE" in bad.remedy


def test_a_quota_that_is_nearly_used_up_is_a_warning(tmp_path, monkeypatch):
    """quota(1) counts in kB, and marks what is over with a star."""
    mount = Mount("/home", "nfs4", "server:/home", "rw")
    monkeypatch.setattr(examined, "mount_of", lambda path: mount)

    def ask(*argv):
        return (
            "Disk quotas for user me (uid 1000):\n"
            "     Filesystem  blocks   quota   limit   grace   files\n"
            "   server:/other      1  10000000 11000000       0    5\n"
            "   server:/home 9900000*  9000000 11000000       0    5\n"
        )

    found = list(examine_folder(tmp_path, ask, False))
    (bad,) = [finding for finding in found if finding.text[:6] == "quota:"]
    assert bad.level == "warning"
    assert bad.text == "quota: 9.4 GiB of 8.6 GiB used"


def test_a_full_disk_is_a_warning(tmp_path, monkeypatch):
    """Of bytes, or of files."""
    status = os.statvfs(tmp_path)

    class Full:
        f_bavail, f_frsize, f_blocks = 10, 4096, status.f_blocks
        f_files, f_favail = 1000, 5

    monkeypatch.setattr("os.statvfs", lambda path: Full)
    found = list(examine_folder(tmp_path, silent, False))
    texts = [finding.text for finding in found if finding.level == "warning"]
    assert len(texts) == 2
    assert texts[0].startswith("40.0 KiB of")
    assert texts[1] == "5 of 1,000 files (inodes) free"


def test_the_mount_of_a_folder_is_the_nearest():
    """/proc is a file system of its own."""
    assert mount_of("/proc/self").type == "proc"
    assert mount_of("/").folder == "/"
