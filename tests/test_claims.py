"""Claims on calls in flight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import published
import pytest
from published import RUN_ID, make_plan

from gridtask import fs
from gridtask.backends.base import JobState, TaskGroup, TaskState
from gridtask.claims import claim as claims
from gridtask.claims.claim import Claim, open_claim, open_claims, prune
from gridtask.claims.lock import Process, this_process
from gridtask.plan import JobRange, Place

JOB_NAME = f"gt_{RUN_ID}_1_simulate"
DAY = 86400.0


def ended_process() -> Process:
    """A process of this machine that has ended."""
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        check=True,
    )
    return this_process()._replace(pid=int(done.stdout), process_start=1)


def other_host() -> Process:
    """A process that cannot be seen from here."""
    return this_process()._replace(host="node7", machine="other machine")


def publish(runs, process=None, **changes) -> Claim:
    """Publish a run file of that process and return its claim."""
    plan = make_plan(**(process or this_process())._asdict(), **changes)
    published.publish(runs, plan)
    return open_claim(runs, plan.run_id)


def running(*tasks: int, name=JOB_NAME, job_id="17", state=TaskState.RUNNING):
    """What a scheduler says of one job with these array tasks."""
    groups = tuple(TaskGroup(state, (range(task, task + 1),)) for task in tasks)
    return {job_id: JobState(job_id, name, groups)}


# ------------------------------------------------------------------------ claims


def test_a_job_that_is_written_down_is_in_flight_task_by_task(tmp_path):
    """Only the calls of array tasks that the scheduler knows are in flight."""
    claim = publish(tmp_path)
    claim.add_job(1, claim.plan.jobs[0], "17")
    flying = open_claim(tmp_path, RUN_ID).in_flight(running(2))
    assert flying == {claim.plan.keys[3]: Place(RUN_ID, 2)}


def test_a_job_that_is_gone_claims_nothing(tmp_path):
    """Without the job its calls are missing, though the driver lives."""
    claim = publish(tmp_path)
    claim.add_job(1, claim.plan.jobs[0], "17")
    assert open_claim(tmp_path, RUN_ID).in_flight({}) == {}


def test_another_job_with_the_same_number_claims_nothing(tmp_path):
    """Job ids are used again: the name tells whose it is."""
    claim = publish(tmp_path)
    claim.add_job(1, claim.plan.jobs[0], "17")
    assert claim.in_flight(running(1, 2, name="gt_other_1_simulate")) == {}


def test_array_tasks_that_are_being_deleted_are_not_waited_for(tmp_path):
    """A rerun right after qdel computes the calls anew."""
    claim = publish(tmp_path)
    claim.add_job(1, claim.plan.jobs[0], "17")
    states = running(1, 2, state=TaskState.DELETING)
    assert claim.in_flight(states) == {}


def test_a_living_driver_may_still_submit(tmp_path):
    """Between publishing and qsub all calls are in flight."""
    assert set(publish(tmp_path).in_flight({})) == set(make_plan().keys)


def test_a_dead_driver_without_a_job_claims_nothing(tmp_path):
    """It died between publishing and qsub."""
    claim = publish(tmp_path, ended_process())
    assert claim.in_flight({}) == {}


@pytest.mark.parametrize("is_dead", [True, False])
def test_what_a_dead_driver_never_submitted_is_written_off(tmp_path, is_dead):
    """Nobody asks for it again; who opens the run knows that it has not ended."""
    claim = publish(tmp_path, ended_process() if is_dead else None)
    claim.abandon()
    assert len(list(open_claims(tmp_path))) == (not is_dead)
    written = [json.loads(path.read_text()) for path in tmp_path.glob("*.done")]
    assert [summary["abandoned"] for summary in written] == [True] * is_dead


def test_a_dead_drivers_job_is_found_by_its_name(tmp_path):
    """It died between qsub and writing the job down: who finds it writes it down."""
    claim = publish(tmp_path, ended_process())
    assert set(claim.in_flight(running(1, 2))) == set(claim.plan.keys)
    again = open_claim(tmp_path, RUN_ID)
    assert [job.job_id for job in again.jobs] == ["17"]
    assert again.jobs[0].tasks == JobRange(1, 2)


def test_several_drivers_may_find_the_same_job(tmp_path):
    """The second one takes the job up too, whoever wrote it down."""
    first, second = publish(tmp_path, ended_process()), open_claim(tmp_path, RUN_ID)
    for claim in (first, second):
        assert len(claim.in_flight(running(1))) == 3
    assert second.job_of(1).job_id == "17"


def test_a_job_that_another_driver_wrote_down_later_is_noticed(tmp_path):
    """A claim read before qsub learns the job's id even if it is gone already."""
    early = publish(tmp_path)
    publish_later = open_claim(tmp_path, RUN_ID)
    publish_later.add_job(1, early.plan.jobs[0], "17")
    assert early.read_jobs()
    assert not early.read_jobs()
    assert early.in_flight({}) == {}
    assert early.job_of(2).job_id == "17"


def test_a_job_that_is_written_down_after_the_question_is_in_flight(tmp_path):
    """The answer does not know it since it is older."""
    early = publish(tmp_path)
    open_claim(tmp_path, RUN_ID).add_job(1, early.plan.jobs[0], "17")
    assert set(early.in_flight({})) == set(early.plan.keys)


def test_an_ended_run_is_not_submitting_any_more(tmp_path):
    """A claim read before qsub notices that its run has ended since."""
    early = publish(tmp_path)
    open_claim(tmp_path, RUN_ID).retire({})
    assert early.in_flight({}) == {}


@pytest.mark.parametrize(("age", "is_alive"), [(60, True), (3600, False)])
def test_a_driver_elsewhere_has_ten_minutes_to_submit(tmp_path, age, is_alive):
    """A process of another host cannot be seen: its run file's age decides."""
    claim = publish(tmp_path, other_host())
    then = time.time() - age
    os.utime(tmp_path / f"{RUN_ID}.run", (then, then))
    assert bool(claim.in_flight({})) is is_alive


def test_a_host_that_was_restarted_has_no_old_drivers(tmp_path):
    """The same host under another boot id: whatever ran there has ended."""
    process = this_process()._replace(machine="00000000" + "f" * 8)
    assert publish(tmp_path, process).in_flight({}) == {}


def test_a_process_id_that_is_used_again_is_no_driver(tmp_path):
    """This process has the id of one that started earlier."""
    process = this_process()._replace(process_start=1)
    assert publish(tmp_path, process).in_flight({}) == {}


def test_only_the_jobs_not_yet_submitted_may_come(tmp_path):
    """Of two jobs the first is gone, the second may still be submitted."""
    jobs = [JobRange(1, 1), JobRange(2, 1)]
    claim = publish(tmp_path, jobs=jobs)
    claim.add_job(1, jobs[0], "17")
    assert claim.in_flight({}) == {claim.plan.keys[3]: Place(RUN_ID, 2)}


def test_a_full_disk_does_not_lose_a_submitted_job(tmp_path, monkeypatch):
    """The job stays known here, and can be found by its name elsewhere."""
    claim = publish(tmp_path)

    def refuse(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fs, "write_new", refuse)
    claim.add_job(1, claim.plan.jobs[0], "17")
    assert claim.job_of(1).job_id == "17"
    monkeypatch.undo()
    assert open_claim(tmp_path, RUN_ID).find_jobs(running(1)) is False


@pytest.mark.parametrize("content", [b"", b"{", b'{"job_id": "17"}', b"\xff"])
def test_a_damaged_job_file_counts_as_not_written(tmp_path, content):
    """The job is found by its name then."""
    publish(tmp_path, ended_process())
    fs.write_new(tmp_path / f"{RUN_ID}.1.job", content)
    claim = open_claim(tmp_path, RUN_ID)
    assert claim.jobs == []
    assert len(claim.in_flight(running(1, 2))) == 4


def test_a_broken_run_file_claims_nothing_and_is_told(tmp_path):
    """Others are read all the same."""
    publish(tmp_path)
    publish(tmp_path, run_id="bbbbbbbb")
    os.truncate(tmp_path / "bbbbbbbb.run", 100)
    told = []
    assert [c.plan.run_id for c in open_claims(tmp_path, told.append)] == [RUN_ID]
    assert len(told) == 1
    assert "bbbbbbbb" in told[0]


def test_a_run_file_that_others_can_write_claims_nothing(tmp_path):
    """It is told, and no reason to stop."""
    publish(tmp_path)
    (tmp_path / f"{RUN_ID}.run").chmod(0o666)
    told = []
    assert list(open_claims(tmp_path, told.append)) == []
    assert "chmod go-w" in told[0]


def test_a_run_that_has_ended_claims_nothing(tmp_path):
    """`retire` ends the claim; its job files are not needed any more."""
    claim = publish(tmp_path)
    claim.add_job(1, claim.plan.jobs[0], "17")
    claim.retire({"failed": {}})
    assert list(open_claims(tmp_path)) == []
    assert sorted(os.listdir(tmp_path)) == [f"{RUN_ID}.done", f"{RUN_ID}.run"]
    claim.retire({"failed": {"again": 1}})
    done = json.loads((tmp_path / f"{RUN_ID}.done").read_text())
    assert done["failed"] == {}


def test_a_large_run_file_goes_with_its_run(tmp_path, monkeypatch):
    """Its arguments are not kept for `open_run`."""
    monkeypatch.setattr(claims, "KEEP_BYTES", 100)
    publish(tmp_path).retire({})
    assert os.listdir(tmp_path) == [f"{RUN_ID}.done"]


def test_a_run_may_end_whose_file_is_gone(tmp_path):
    """Somebody cleaned up meanwhile."""
    claim = publish(tmp_path)
    fs.remove(tmp_path / f"{RUN_ID}.run")
    claim.retire({})
    assert os.listdir(tmp_path) == [f"{RUN_ID}.done"]


def test_a_withdrawn_run_leaves_nothing(tmp_path):
    """Nothing was submitted: there is nothing to open again."""
    claim = publish(tmp_path)
    claim.add_job(1, claim.plan.jobs[0], "17")
    claim.withdraw()
    assert os.listdir(tmp_path) == []


def test_prune_removes_what_ended_long_ago(tmp_path):
    """Runs that ended lately stay, and runs that have not ended; logs go too."""
    for run_id in ("old", "new", "live"):
        publish(tmp_path, run_id=run_id)
        (tmp_path / f"{run_id}.t1.log").touch()
        (tmp_path / f"gt_{run_id}_1_simulate.local").touch()
    for run_id, age in (("old", 31 * DAY), ("new", 29 * DAY)):
        open_claim(tmp_path, run_id).retire({})
        then = time.time() - age
        os.utime(tmp_path / f"{run_id}.done", (then, then))
    prune(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [
        "gt_live_1_simulate.local",
        "live.run",
        "live.t1.log",
        "new.done",
        "new.run",
        "new.t1.log",
    ]


def test_two_drivers_may_prune_at_once(tmp_path, monkeypatch):
    """What the other one has removed is gone, and no error."""
    publish(tmp_path).retire({})
    names = os.listdir(tmp_path)
    for name in names:
        fs.remove(tmp_path / name)
    monkeypatch.setattr(fs, "list_names", lambda folder: names)
    prune(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_job_may_yet_appear_whose_driver_was_killed_a_moment_ago(tmp_path):
    """qsub is a process of its own: until it has ended nobody knows."""
    runs = {"backend": "gridengine", "process": ended_process()}
    claim = publish(tmp_path, **runs)
    assert claim.is_in_doubt()
    assert set(claim.in_flight({})) == set(claim.plan.keys)
    then = time.time() - 60
    os.utime(tmp_path / f"{RUN_ID}.run", (then, then))
    assert not claim.is_in_doubt()
    assert claim.in_flight({}) == {}


def test_a_known_job_leaves_no_doubt(tmp_path):
    """Its driver may have been killed at any time after."""
    claim = publish(tmp_path, ended_process(), backend="gridengine")
    claim.add_job(1, claim.plan.jobs[0], "17")
    assert not claim.is_in_doubt()


@pytest.mark.parametrize("content", ["[2, 3]", "[2", "2"])
def test_what_was_to_be_cut_anew_is_noted(tmp_path, content):
    """A damaged note says nothing, and goes with the run."""
    claim = publish(tmp_path)
    claim.note_recut([3, 2])
    path = tmp_path / f"{RUN_ID}.recut"
    assert path.read_text() == "[2, 3]"
    path.write_text(content)
    assert claim.is_recut(2) == (content == "[2, 3]")
    assert not claim.is_recut(1)
    claim.remove()
    assert os.listdir(tmp_path) == []
