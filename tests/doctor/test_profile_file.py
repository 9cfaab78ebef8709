"""Writing the site profile into settings that are somebody's own."""

from __future__ import annotations

import tomllib

import pytest

from gridtask.doctor.profile_file import with_site, write_site
from gridtask.errors import ConfigError

VALUES = {"memory": "-l h_vmem={memory}", "fs_latency": 80}
OWN, TOOL = ("site",), ("tool", "gridtask", "site")


def test_a_new_table_comes_at_the_end():
    """All that was there stays as it was."""
    text = '# mine\nmemory = "4G"   # enough\n'
    changed = with_site(text, OWN, VALUES)
    assert changed.startswith(text)
    assert tomllib.loads(changed) == {"memory": "4G", "site": VALUES}


def test_values_are_replaced_in_their_place():
    """Comments, order, other values and other tables stay."""
    text = (
        '[tool.gridtask]\nmemory = "1G"\n\n[ tool . gridtask . site ] # of us\n'
        'slots = "-pe smp {slots}"\nmemory = "-l x={memory}"  # old\n\n'
        '[tool.ruff]\nmemory = "no"\n'
    )
    changed = with_site(text, TOOL, VALUES)
    assert changed == text.replace(
        'memory = "-l x={memory}"  # old\n',
        'memory = "-l h_vmem={memory}"  # old\nfs_latency = 80\n',
    )


@pytest.mark.parametrize(
    "text",
    [
        'site = {memory = "x"}\n',
        'site.memory = "x"\n',
        'site = "x"\n',
        "[site]\nmemory = '''\n[x]\n'''\n",
        "not toml",
    ],
)
def test_what_cannot_be_changed_safely_is_refused(text):
    """And the message has what to write by hand."""
    with pytest.raises(ConfigError, match=r"h_vmem|mend it"):
        with_site(text, OWN, VALUES)


def test_a_refused_file_stays_as_it_was(tmp_path):
    """Its path is named."""
    path = tmp_path / "gridtask.toml"
    path.write_text("site = 1\n")
    with pytest.raises(ConfigError, match=r"gridtask\.toml"):
        write_site(path, VALUES)
    assert path.read_text() == "site = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_files_keep_their_mode_and_links_lead_on(tmp_path):
    """A settings file may be a link into a repository."""
    real = tmp_path / "dotfiles" / "gridtask.toml"
    real.parent.mkdir()
    real.write_text("")
    real.chmod(0o640)
    link = tmp_path / "gridtask.toml"
    link.symlink_to(real)
    write_site(link, VALUES)
    assert link.is_symlink()
    assert tomllib.loads(real.read_text()) == {"site": VALUES}
    assert real.stat().st_mode & 0o777 == 0o640


def test_missing_files_and_folders_are_made(tmp_path):
    """As ~/.config/gridtask/config.toml at first."""
    path = tmp_path / "a" / "b" / "config.toml"
    write_site(path, VALUES)
    assert tomllib.loads(path.read_text()) == {"site": VALUES}
