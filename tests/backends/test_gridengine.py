"""The commands that the backend gives, and what it makes of odd answers.

Stand-ins on PATH take the place of Grid Engine's commands.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gridtask.backends.base import Accounting, Hold, JobRequest, Limits
from gridtask.backends.gridengine import GridEngineBackend
from gridtask.errors import ConfigError, SchedulerUnavailable, SubmitError

GOLDEN = Path(__file__).with_name("golden")
REQUEST = JobRequest(
    name="gt_1a2b.f",
    argv=("/usr/bin/python3", "-P", "-m", "gridtask.worker", "RUN", "ID"),
    n_tasks=3,
    folder="/data/ada/.gridtask/runs",
    log="1a2b.{task}.log",
)
QSTAT_OF_REQUEST = """\
<job_info><job_info><job_list state="pending"><JB_job_number>31</JB_job_number>
<JB_name>gt_1a2b.f</JB_name><state>qw</state><tasks>1-3:1</tasks></job_list>
</job_info></job_info>"""
QSTAT_WITHOUT_JOBS = "<job_info><queue_info/><job_info/></job_info>"

StandIn = Callable[[str, str], None]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Puts a shell script in the place of a command; no other one is found.

    The arguments of each use are appended to the file COMMAND.log.
    """
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)

    def put(command: str, script: str) -> None:
        path = tmp_path / command
        path.write_text(f'#!/bin/sh\necho "$*" >> {path}.log\n{script}\n')
        path.chmod(0o755)

    return put


@pytest.fixture
def uses(tmp_path: Path) -> Callable[[str], list[str]]:
    """Returns the arguments of each use of a stand-in."""

    def read(command: str) -> list[str]:
        log = tmp_path / f"{command}.log"
        return log.read_text().splitlines() if log.exists() else []

    return read


def changed(**changes: object) -> JobRequest:
    return REQUEST._replace(**changes)  # type: ignore[arg-type]


def option(words: list[str], name: str) -> str:
    """The argument of an option in a command line."""
    return words[words.index(name) + 1]


# ----------------------------------------------------------------- the command


@pytest.mark.usefixtures("stand_in")
def test_the_command_says_all_that_gridtask_relies_on() -> None:
    """The options, then the worker's command, word by word."""
    assert GridEngineBackend().command(REQUEST) == [
        *("qsub", "-r", "y", "-terse", "-now", "n"),
        *("-b", "y", "-shell", "n", "-N", "gt_1a2b.f"),
        *("-wd", "/data/ada/.gridtask/runs"),
        *("-j", "y", "-o", "/data/ada/.gridtask/runs/1a2b.$TASK_ID.log"),
        *("-t", "1-3"),
        *("/usr/bin/python3", "-P", "-m", "gridtask.worker", "RUN", "ID"),
    ]


def test_array_tasks_may_start_anywhere() -> None:
    """A job that continues another one has its own range."""
    words = GridEngineBackend().command(changed(first_task=75001, n_tasks=10))
    assert option(words, "-t") == "75001-75010"


def test_max_running_is_tc() -> None:
    """So many array tasks at a time."""
    assert option(GridEngineBackend().command(changed(max_running=7)), "-tc") == "7"


def test_cluster_params_come_before_what_gridtask_sets() -> None:
    """The last one counts; only -r is for users to choose."""
    params = ("-l", "h_vmem=4G", "-r", "n", "-clear")
    words = GridEngineBackend().command(changed(cluster_params=params))
    assert words[:8] == ["qsub", "-r", "y", *params]


def test_holds_of_the_user_and_of_the_workflow_add_up() -> None:
    """Two -hold_jid would be one."""
    request = changed(
        cluster_params=("-hold_jid", "mine", "-q", "a.q"),
        holds=(Hold("4"), Hold("5"), Hold("6", elementwise=True)),
    )
    words = GridEngineBackend().command(request)
    assert words.count("-hold_jid") == 1
    assert option(words, "-hold_jid") == "mine,4,5"
    assert option(words, "-hold_jid_ad") == "6"
    assert option(words, "-q") == "a.q"


def test_the_library_path_travels_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter may need it to start; nothing else travels so."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/secret,lib")
    monkeypatch.setenv("GRIDTASK_TOKEN", "secret")
    words = GridEngineBackend().command(REQUEST)
    assert option(words, "-v") == "LD_LIBRARY_PATH"
    assert words.count("-v") == 1
    assert not any("secret" in word for word in words)


@pytest.mark.parametrize(
    "name", ["", "1abc", "a b", "a/b", "a:b", "a*", "é", "none", "ALL", "a" * 61]
)
def test_names_that_grid_engine_refuses_are_refused_first(name: str) -> None:
    """Its own messages do not say what is wrong."""
    with pytest.raises(ConfigError, match="cannot be the name of a job"):
        GridEngineBackend().command(changed(name=name))


@pytest.mark.parametrize("character", ["\n", "\0", ":", ",", "$", "@"])
def test_folders_that_grid_engine_would_expand_are_refused(character: str) -> None:
    """The message shows the path and says what to choose instead."""
    with pytest.raises(ConfigError, match="GRIDTASK_CACHE") as caught:
        GridEngineBackend().command(changed(folder=f"/data/a{character}b"))
    assert repr(character) in str(caught.value)


def test_relative_folders_are_refused() -> None:
    """The job starts elsewhere."""
    with pytest.raises(ConfigError, match="a relative path"):
        GridEngineBackend().command(changed(folder="runs"))


# ------------------------------------------------------------------ submission


def test_words_arrive_as_they_are(stand_in: StandIn, tmp_path: Path) -> None:
    """No shell splits or expands them."""
    stand_in("qsub", f'for word; do echo "<$word>"; done > {tmp_path}/words; echo 31')
    argv = ("/bin/echo", "a  b", "$HOME", "x;y", "*")
    assert GridEngineBackend().submit(changed(argv=argv)) == "31"
    words = (tmp_path / "words").read_text().splitlines()
    assert words[-5:] == [f"<{word}>" for word in argv]


def test_a_submission_with_a_bad_exit_status_counts(stand_in: StandIn) -> None:
    """qsub warns with status 1 although the job is queued."""
    said = 'Your job-array 30.1-3:1 ("true") has been submitted'
    stand_in("qsub", f"echo '{said}' >&2; exit 1")
    assert GridEngineBackend().submit(REQUEST) == "30"


def test_a_refusal_is_told_verbatim(stand_in: StandIn) -> None:
    """With the command, its exit status and its own words."""
    said = 'Unable to run job: unknown resource "nosuch"\nExiting.\n'
    stand_in("qsub", f"printf '{said}' >&2; exit 1")
    backend = GridEngineBackend()
    with pytest.raises(SubmitError, match='unknown resource "nosuch"') as caught:
        backend.submit(REQUEST)
    error = caught.value
    assert (error.stderr, error.exit_status, error.transient) == (said, 1, False)
    assert "later" not in str(error)
    assert error.argv == tuple(backend.command(REQUEST))


def test_a_long_refusal_is_cut_in_the_message(stand_in: StandIn) -> None:
    """Who gives ``-help`` in cluster_params need not scroll back."""
    stand_in("qsub", "/usr/bin/seq 100 >&2; exit 1")
    with pytest.raises(SubmitError, match=r"19\n20\n…$") as caught:
        GridEngineBackend().submit(REQUEST)
    assert caught.value.stderr.endswith("\n100\n")


@pytest.mark.parametrize(
    ("status", "stderr"),
    [
        (25, "job rejected: only 2 jobs are allowed per user (current job count: 2)"),
        (1, "unable to send message to qmaster using port 1 on host: got send error"),
        (1, "error: commlib error: got select error (Connection refused)"),
        (1, "failed receiving gdi request response for mid=1"),
    ],
)
def test_what_may_pass_is_transient(
    stand_in: StandIn, status: int, stderr: str
) -> None:
    """Limits on jobs, and a qmaster that is not there."""
    stand_in("qsub", f"echo '{stderr}' >&2; exit {status}")
    stand_in("qstat", "exit 1")
    with pytest.raises(SubmitError, match=r"run the script again later$") as caught:
        GridEngineBackend().submit(REQUEST)
    assert caught.value.transient


def test_no_qsub_is_an_error_that_stays(stand_in: StandIn) -> None:
    """The message says that there is none."""
    with pytest.raises(SubmitError, match="qsub cannot be run") as caught:
        GridEngineBackend().submit(REQUEST)
    assert not caught.value.transient


def test_a_hung_qsub_is_looked_for_by_its_name(
    stand_in: StandIn, uses: Callable[[str], list[str]]
) -> None:
    """The job is there: it is not submitted again."""
    stand_in("qsub", "/bin/sleep 60")
    stand_in("qstat", f"echo '{QSTAT_OF_REQUEST}'")
    assert GridEngineBackend(command_seconds=0.5).submit(REQUEST) == "31"
    assert len(uses("qsub")) == 1


def test_a_hung_qsub_without_a_job_may_be_tried_again(stand_in: StandIn) -> None:
    """It was ended after our own limit, wrapper and all."""
    stand_in("qsub", "/bin/sleep 60")
    stand_in("qstat", f"echo '{QSTAT_WITHOUT_JOBS}'")
    started = time.monotonic()
    with pytest.raises(SubmitError, match=r"no answer in 0\.5 s") as caught:
        GridEngineBackend(command_seconds=0.5).submit(REQUEST)
    assert time.monotonic() - started < 10
    assert caught.value.transient
    assert caught.value.exit_status is None


def test_a_repeated_submission_first_looks_for_the_hung_one(
    stand_in: StandIn, uses: Callable[[str], list[str]]
) -> None:
    """The qmaster may have taken it in after all."""
    backend = GridEngineBackend(command_seconds=0.5)
    stand_in("qsub", "/bin/sleep 60")
    stand_in("qstat", "exit 1")
    for _ in range(2):  # as long as nobody answers, nothing is repeated
        with pytest.raises(SubmitError) as caught:
            backend.submit(REQUEST)
        assert caught.value.transient
    stand_in("qstat", f"echo '{QSTAT_OF_REQUEST}'")
    assert backend.submit(REQUEST) == "31"
    assert len(uses("qsub")) == 1


def test_a_qsub_that_says_nothing_is_looked_for(stand_in: StandIn) -> None:
    """Exit status 0 without an id may be a job."""
    stand_in("qsub", "exit 0")
    stand_in("qstat", f"echo '{QSTAT_OF_REQUEST}'")
    assert GridEngineBackend().submit(REQUEST) == "31"


# --------------------------------------------------------------------- polling


def test_one_qstat_asks_for_all_jobs(
    stand_in: StandIn, uses: Callable[[str], list[str]]
) -> None:
    """All that a .sge_qstat file may change is explicit; never -g d."""
    stand_in("qstat", f"/bin/cat {GOLDEN}/qstat.xml")
    assert set(GridEngineBackend().poll()) == {"19", "25", "26", "27"}
    (words,) = uses("qstat")
    assert words.startswith("-xml -s prs -u ")


@pytest.mark.parametrize(
    "script",
    ["/bin/sleep 60", "echo commlib error >&2; exit 1", "exit 0", "echo no xml"],
)
def test_no_usable_answer_is_never_no_jobs(stand_in: StandIn, script: str) -> None:
    """Hung, refused, silent or garbled: nothing is known."""
    stand_in("qstat", script)
    with pytest.raises(SchedulerUnavailable):
        GridEngineBackend(command_seconds=0.5).poll()


def test_the_reason_is_that_of_qstat_j(stand_in: StandIn) -> None:
    """Without one, and without an answer, it is None."""
    stand_in("qstat", f"/bin/cat {GOLDEN}/qstat_j.txt")
    backend = GridEngineBackend()
    assert str(backend.error_reason("25", 5)).startswith("can't open output file")
    assert backend.error_reason("25", 1) is None
    stand_in("qstat", "exit 1")
    assert backend.error_reason("25", 5) is None


# -------------------------------------------------------------------- deleting


def test_array_tasks_are_deleted_as_ranges(
    stand_in: StandIn, uses: Callable[[str], list[str]]
) -> None:
    """Few words for many numbers; all of a job is one word."""
    stand_in("qdel", "exit 0")
    backend = GridEngineBackend()
    backend.cancel("48", [3, 1, 2, 7, 9, 10])
    backend.cancel("49")
    backend.cancel("50", [])
    assert uses("qdel") == ["48.1-3 48.7-7 48.9-10", "49"]


def test_many_ranges_are_several_commands(
    stand_in: StandIn, uses: Callable[[str], list[str]]
) -> None:
    """A command line has its limits."""
    stand_in("qdel", "exit 0")
    GridEngineBackend().cancel("48", range(1, 1001, 2))
    assert [len(words.split()) for words in uses("qdel")] == [200, 200, 100]


@pytest.mark.parametrize(
    "said",
    [
        'denied: job "999999" does not exist',
        'job "8" task "1" does not exist',
        "job 48 is already in deletion",
        'job "32" task id range "11-20:1" comprises no tasks',
        'job 48 is already in deletion\ndenied: job "49" does not exist',
    ],
)
def test_what_is_gone_need_not_be_deleted(stand_in: StandIn, said: str) -> None:
    """qdel says so on stdout and ends with 1."""
    stand_in("qdel", f"echo '{said}'; exit 1")
    GridEngineBackend().cancel("48")


@pytest.mark.parametrize(
    "said", ["error: commlib error", 'denied: job "4" is not yours', ""]
)
def test_an_unconfirmed_deletion_is_an_error(stand_in: StandIn, said: str) -> None:
    """Nobody shall think that the job is gone."""
    stand_in("qdel", f"echo '{said}'; exit 1")
    with pytest.raises(SchedulerUnavailable, match="qdel 48"):
        GridEngineBackend().cancel("48")


# ------------------------------------------------------- accounting and limits


def test_qacct_is_asked_once_a_job(
    stand_in: StandIn,
    uses: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the accounting file cannot be read."""
    said = 'echo "error: job id $2 not found" >&2'
    stand_in("qacct", f"test $2 = 20 && /bin/cat {GOLDEN}/qacct.txt || {said}; exit 1")
    backend = GridEngineBackend()
    monkeypatch.setattr(backend, "_user", "nobody")
    found = backend.account({"20": [2], "404": [1, 3], "405": []})
    assert [(record.job_id, record.task) for record in found] == [("20", 2)]
    assert uses("qacct") == ["-j 20 -t 2-2", "-j 404 -t 1-3"]


def accounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *lines: str
) -> GridEngineBackend:
    """A backend whose cell's accounting file has these lines."""
    common = tmp_path / "default" / "common"
    common.mkdir(parents=True)
    (common / "accounting").write_text("".join(lines))
    monkeypatch.setenv("SGE_ROOT", str(tmp_path))
    backend = GridEngineBackend()
    monkeypatch.setattr(backend, "_user", "nobody")
    return backend


def accounting_line(**changes: str) -> str:
    """The golden line of the killed array task 20.1, with other fields."""
    fields = (GOLDEN / "accounting").read_text().splitlines()[0].split(":")
    places = {"owner": 3, "name": 4, "job_id": 5, "exit_status": 12}
    for name, value in changes.items():
        fields[places[name]] = value
    return ":".join(fields) + "\n"


def exit_statuses(records: list[Accounting]) -> list[int | None]:
    return [record.exit_status for record in records]


def test_jobs_of_other_users_are_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Job ids start anew; so did somebody's job."""
    line = accounting_line(owner="ada")
    assert accounted(tmp_path, monkeypatch, line).account({"20": [1]}) == []


def test_the_name_tells_a_job_from_an_older_one(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of a job that was seen in qstat is known."""
    old = accounting_line(job_id="31", name="gt_1a2b.f", exit_status="1")
    new = accounting_line(job_id="31", name="gt_other", exit_status="2")
    stand_in("qstat", f"echo '{QSTAT_OF_REQUEST}'")
    backend = accounted(tmp_path, monkeypatch, old, new)
    backend.poll()
    assert exit_statuses(backend.account({"31": [1]})) == [1]


def test_of_unknown_jobs_the_newest_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reopened run knows ids alone."""
    old = accounting_line(name="gt_old", exit_status="1")
    new = accounting_line(name="gt_new", exit_status="2")
    backend = accounted(tmp_path, monkeypatch, old, new, new)
    assert exit_statuses(backend.account({"20": [1]})) == [2]


def test_records_before_the_submission_are_not_the_jobs(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the older job had the same name."""
    line = accounting_line(job_id="31", name="gt_1a2b.f")
    backend = accounted(tmp_path, monkeypatch, line)
    stand_in("qsub", "echo 31.1-3:1")
    backend.submit(REQUEST)
    assert backend.account({"31": [1]}) == []


def test_limits_are_asked_for_once(
    stand_in: StandIn, uses: Callable[[str], list[str]]
) -> None:
    """They do not change while a driver waits."""
    stand_in("qconf", "echo 'max_aj_tasks   5000'")
    stand_in("qstat", f"/bin/cat {GOLDEN}/qstat_g_c.xml")
    backend = GridEngineBackend()
    assert backend.limits() == backend.limits() == Limits(5000, 4)
    assert len(uses("qconf")) == 1


def test_without_an_answer_the_limits_are_the_defaults(stand_in: StandIn) -> None:
    """Not every site lets its users ask."""
    stand_in("qconf", "echo denied >&2; exit 1")
    assert GridEngineBackend().limits() == Limits(75000, None)


def test_a_qacct_that_cannot_tell_is_no_answer(stand_in: StandIn) -> None:
    """No record of a job is something else than no accounting."""
    stand_in("qacct", "echo 'error: no such accounting file' >&2; exit 1")
    with pytest.raises(SchedulerUnavailable, match="no such accounting file"):
        GridEngineBackend().account({"17": [1]})
    stand_in("qacct", "echo 'error: job id 17 not found' >&2; exit 1")
    assert GridEngineBackend().account({"17": [1]}) == []


def test_ends_are_heard_without_a_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In what the accounting file has grown by."""
    (tmp_path / "default/common").mkdir(parents=True)
    path = tmp_path / "default/common/accounting"
    path.write_text("")
    monkeypatch.setenv("SGE_ROOT", str(tmp_path))
    backend = GridEngineBackend()
    assert backend.heard({"3005": [1, 2]}) == set()
    line = (GOLDEN / "accounting").read_text().splitlines()[0]
    fields = line.split(":")
    fields[3], fields[5], fields[35] = backend._user, "3005", "2"
    path.write_text(":".join(fields) + "\n")
    assert backend.heard({"3005": [1, 2]}) == {("3005", 2)}


def test_a_job_is_postponed_by_its_start_time(
    stand_in: StandIn,
    uses: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ends by itself, as no hold does; a refusal changes nothing."""
    stand_in("qalter", 'echo "$@"')
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "localtime", time.gmtime)
    assert GridEngineBackend().postpone("17", 90)
    assert uses("qalter") == ["-a 197001010001.30 17"]
    stand_in("qalter", "exit 1")
    assert not GridEngineBackend().postpone("17", 90)
