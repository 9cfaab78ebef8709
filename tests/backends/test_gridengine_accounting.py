"""The accounting file is read incrementally, whatever happens to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridtask.backends import gridengine_accounting
from gridtask.backends.gridengine_accounting import AccountingFile, accounting_path

LINES = Path(__file__).with_name("golden").joinpath("accounting").read_bytes()


def line_of(job_id: int) -> bytes:
    """A line of job `job_id`, made of the first golden one."""
    fields = LINES.splitlines(keepends=True)[0].split(b":")
    fields[5] = str(job_id).encode()
    return b":".join(fields)


def job_ids(file: AccountingFile, *ids: str) -> list[str]:
    return [record.accounting.job_id for record in file.records(ids)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "accounting"
    path.write_bytes(b"# Version: 8.1.9\n# \n" + LINES)
    return path


def test_records_of_the_jobs_asked_for_are_found(path: Path) -> None:
    """All attempts, in the order of the file, and nobody else's."""
    file = AccountingFile(path)
    records = [record.accounting for record in file.records(["22"])]
    assert [(record.job_id, record.failed) for record in records] == [
        ("22", 25),
        ("22", 0),
    ]
    assert file.records(["9999"]) == []
    assert file.records([]) == []


def test_records_stay_known_and_new_ones_join(path: Path) -> None:
    """Asking again returns the same and what was appended since."""
    file = AccountingFile(path)
    assert job_ids(file, "20") == ["20", "20"]
    with path.open("ab") as appended:
        appended.write(line_of(77))
    assert job_ids(file, "20", "77") == ["20", "20", "77"]


def test_a_line_that_is_still_written_is_left_for_later(path: Path) -> None:
    """Half a line is no record; the whole is one."""
    file = AccountingFile(path)
    line = line_of(77)
    with path.open("ab", buffering=0) as appended:
        appended.write(line[:60])
        assert job_ids(file, "77") == []
        appended.write(line[60:])
    assert job_ids(file, "77") == ["77"]


def test_an_older_job_of_the_same_id_is_skipped(path: Path) -> None:
    """What was in the file before the submission is not the new job's."""
    file = AccountingFile(path)
    assert job_ids(file, "20") == ["20", "20"]
    size = file.size()
    assert size == path.stat().st_size
    file.skip("20", size)
    assert job_ids(file, "20") == []


def test_a_file_that_was_rotated_is_read_from_its_start(path: Path) -> None:
    """Under the name there is another file, or a shorter one."""
    file = AccountingFile(path)
    job_ids(file, "77")
    path.rename(path.with_suffix(".0"))
    path.write_bytes(line_of(77) * 1)
    assert job_ids(file, "77") == ["77"]
    path.write_bytes(line_of(8))
    assert job_ids(file, "8", "77") == ["8", "77"]


def test_a_file_that_was_cut_off_at_its_start_repeats_nothing(path: Path) -> None:
    """A record that was read before counts once."""
    file = AccountingFile(path)
    assert job_ids(file, "24") == ["24"]
    path.write_bytes(b"".join(LINES.splitlines(keepends=True)[4:]))
    assert job_ids(file, "24") == ["24"]


def test_unknown_jobs_are_looked_for_in_the_last_part_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cut may go through a line; that line is no record."""
    last = line_of(78)
    monkeypatch.setattr(gridengine_accounting, "LOOK_BACK_BYTES", len(last) + 100)
    path.write_bytes(line_of(76) + line_of(77) + last)
    assert job_ids(AccountingFile(path), "76", "77", "78") == ["78"]


def test_the_path_is_the_cells(tmp_path: Path) -> None:
    """SGE_ROOT and SGE_CELL lead there; without a readable file there is none."""
    common = tmp_path / "mine" / "common"
    common.mkdir(parents=True)
    environ = {"SGE_ROOT": str(tmp_path), "SGE_CELL": "mine"}
    assert accounting_path(environ) is None
    (common / "accounting").touch()
    assert accounting_path(environ) == common / "accounting"
    assert accounting_path({"SGE_ROOT": str(tmp_path)}) is None
    assert accounting_path({}) is None


def test_a_cell_that_accounts_in_json_lines_is_left_to_qacct(tmp_path: Path) -> None:
    """The colon-separated file beside is an old one."""
    common = tmp_path / "default" / "common"
    common.mkdir(parents=True)
    (common / "accounting").touch()
    (common / "accounting.jsonl").touch()
    assert accounting_path({"SGE_ROOT": str(tmp_path)}) is None
