"""Jobs on a Grid Engine cluster, by its own commands.

The commands are run as argument lists, never through a shell, each with a time
limit of our own: all of them wait without end for a qmaster that hangs.
"""

from __future__ import annotations

import logging
import math
import os
import pwd
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from gridtask.backends import gridengine_output as output
from gridtask.backends.base import Accounting, JobRequest, JobState, Limits
from gridtask.backends.gridengine_accounting import AccountingFile, accounting_path
from gridtask.backends.gridengine_commands import Answer, run_command
from gridtask.errors import ConfigError, SchedulerUnavailable, SubmitError

COMMAND_SECONDS = 60.0
"""Time limit of a command. qdel of five arrays of 75,000 tasks takes 8 s."""

QUERY_SECONDS = 20.0
"""Time limit of a question. qstat of 3,000 jobs takes 0.3 s; a user who waits is
to hear soon that there is no answer, and the question is asked again."""

INTERRUPTED_SECONDS = 5.0
"""So long a qsub may go on after Ctrl-C: its job is then deleted. It takes 0.05 s."""

MAX_ARRAY_TASKS = 75_000
"""Grid Engine's own default of ``max_aj_tasks``, see sge_conf(5)."""

_TASKS_PER_COMMAND = 200
_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9_.]{0,59}")
_KEYWORDS = ("none", "all")

_EXPANDED = "\n\0:,$@"
"""Characters with a meaning in the argument of ``-o``; ``@`` names a host."""

_SAID_LINES = 20
"""Lines of a command's own words that a message shows: ``-help`` has a hundred."""

_log = logging.getLogger(__name__)


class GridEngineBackend:
    """Run array jobs on the Grid Engine cell of the environment.

    Parameters
    ----------
    command_seconds : float
        Time limit of one command.

    Notes
    -----
    Job ids start again at 1 sooner or later. Accounting is matched by the name
    of the job as well, where this process has submitted the job or seen it.
    """

    name = "gridengine"

    def __init__(self, command_seconds: float = COMMAND_SECONDS) -> None:
        self._command_seconds = command_seconds
        self._user = pwd.getpwuid(os.geteuid()).pw_name
        self._names: dict[str, str] = {}
        self._doubtful: set[str] = set()
        self._limits: Limits | None = None
        path = accounting_path(os.environ)
        self._accounting = AccountingFile(path) if path else None

    # -------------------------------------------------------------- submission

    def command(self, request: JobRequest) -> list[str]:
        """Return the qsub command for an array job.

        All that gridtask relies on is said explicitly, and after the cluster
        params: ``.sge_request`` files add options in silence, and the last one
        counts. Only ``-r`` stands first, for users to choose. With ``-r n`` an
        array task whose node is lost stays "running" for ever; with ``-r y`` it
        is started again where the site allows it, and that a call may run twice
        does no harm.

        Raises
        ------
        ConfigError
            If Grid Engine would refuse the job's name, or take a part of the
            folder's path for something else.
        """
        _check_name(request.name)
        params, holds = _take_holds(request.cluster_params)
        last_task = request.first_task + request.n_tasks - 1
        words = ["qsub", "-r", "y", *params, "-terse", "-now", "n"]
        words += ["-b", "y", "-shell", "n", "-N", request.name]
        words += ["-wd", request.folder, "-j", "y", "-o", _log_path(request)]
        words += ["-t", f"{request.first_task}-{last_task}"]
        if request.max_running is not None:
            words += ["-tc", str(request.max_running)]
        for hold in request.holds:
            option = "-hold_jid_ad" if hold.elementwise else "-hold_jid"
            holds.setdefault(option, []).append(hold.job_id)
        for option, job_ids in holds.items():
            words += [option, ",".join(job_ids)]
        if "LD_LIBRARY_PATH" in os.environ:
            # By name: a value could be split at its commas, and is public.
            words += ["-v", "LD_LIBRARY_PATH"]
        return [*words, *request.argv]

    def submit(self, request: JobRequest) -> str:
        """Submit an array job and return its job id.

        A qsub that says neither yes nor no is followed by a look for the job's
        name, at once and again before the same request is submitted anew.

        Raises
        ------
        ConfigError
            If the request cannot be put to Grid Engine.
        SubmitError
            If it was refused, or if nobody knows whether it was accepted.
        """
        argv = self.command(request)
        job_id = self._find_doubtful(argv, request.name)
        if job_id is None:
            job_id = self._submit_now(argv, request.name)
        self._doubtful.discard(request.name)
        self._names[job_id] = request.name
        return job_id

    def _submit_now(self, argv: Sequence[str], name: str) -> str:
        accounting_end = self._accounting.size() if self._accounting else None
        done = run_command(
            argv, self._command_seconds, interrupted_seconds=INTERRUPTED_SECONDS
        )
        job_id = output.parse_submitted(done.stdout, done.stderr)
        if job_id is None:
            job_id = self._recover(argv, name, done)
        elif done.status != 0:
            _log.warning("job %s was submitted, but: %s", job_id, done.text)
        if self._accounting and accounting_end is not None:
            self._accounting.skip(job_id, accounting_end)
        return job_id

    def _find_doubtful(self, argv: Sequence[str], name: str) -> str | None:
        """Return the job of an earlier, unanswered submission of this name."""
        if name not in self._doubtful:
            return None
        try:
            return self._find(name)
        except SchedulerUnavailable as error:
            msg = f"job {name!r} was not submitted again: an earlier qsub gave no "
            msg += f"answer, and it cannot be looked for: {error}"
            raise SubmitError(msg, argv=argv, transient=True) from error

    def _recover(self, argv: Sequence[str], name: str, done: Answer) -> str:
        """Return the job's id if it exists all the same, else raise."""
        hung = done.is_hung
        transient = hung or done.is_transient
        if transient or done.status == 0:
            self._doubtful.add(name)
            try:
                job_id = self._find(name)
            except SchedulerUnavailable:
                _log.info("no answer to the question whether job %s exists", name)
            else:
                if job_id:
                    return job_id
        lines = (done.text or "nothing").splitlines()
        said = "\n".join([*lines[:_SAID_LINES], "…"] if lines[_SAID_LINES:] else lines)
        how = f"gave no answer in {self._command_seconds:g} s" if hung else "refused it"
        later = "\nThis may pass: run the script again later" if transient else ""
        msg = f"no job {name!r}: qsub {how} and said: {said}{later}"
        raise SubmitError(
            msg,
            argv=argv,
            exit_status=done.status,
            stderr=done.stderr,
            transient=transient,
            is_limit=done.is_job_limit,
        )

    def _find(self, name: str) -> str | None:
        jobs = (job.job_id for job in self.poll().values() if job.name == name)
        return next(jobs, None)

    # ---------------------------------------------------------------- watching

    def poll(self) -> dict[str, JobState]:
        """Return the user's jobs that have not ended, by job id.

        Raises
        ------
        SchedulerUnavailable
            If there was no usable answer.
        """
        # All of it explicit: a .sge_qstat file may ask for something else.
        argv = ["qstat", "-xml", "-s", "prs", "-u", self._user]
        done = self._run(argv, QUERY_SECONDS)
        if done.status != 0:
            raise done.unavailable(argv)
        try:
            jobs = output.parse_qstat(done.stdout)
        except ValueError as error:
            raise SchedulerUnavailable(str(error)) from error
        self._names.update((job.job_id, job.name) for job in jobs.values())
        return jobs

    def account(self, tasks: Mapping[str, Collection[int]]) -> list[Accounting]:
        """Return what is recorded of ended array tasks, ``{job_id: numbers}``.

        Records appear up to 15 s after the end, and never for array tasks that
        were deleted while pending.

        Raises
        ------
        SchedulerUnavailable
            If neither the accounting file nor qacct could answer.
        """
        return [
            record.accounting
            for record in self._latest_jobs(self._records(tasks))
            if record.accounting.task in tasks.get(record.accounting.job_id, ())
        ]

    def _records(
        self, tasks: Mapping[str, Collection[int]]
    ) -> list[output.AccountingRecord]:
        """Return the records of all jobs with these ids, or too many of them."""
        if self._accounting:
            try:
                return self._accounting.records(tasks)
            except OSError as error:
                _log.info("asking qacct, for the accounting file: %s", error)
        records = []
        for job_id, numbers in tasks.items():
            if numbers:
                span = f"{min(numbers)}-{max(numbers)}"
                argv = ["qacct", "-j", job_id, "-t", span]
                done = self._run(argv)
                found = output.parse_qacct(done.stdout)
                if done.status != 0 and not found and "not found" not in done.text:
                    raise done.unavailable(argv)
                records += found
        return records

    def _latest_jobs(
        self, records: Iterable[output.AccountingRecord]
    ) -> Iterator[output.AccountingRecord]:
        """Leave out the records of older jobs that had the same id."""
        mine = [record for record in records if record.owner == self._user]
        names = {record.accounting.job_id: record.job_name for record in mine}
        names |= {job_id: self._names[job_id] for job_id in names.keys() & self._names}
        for record in mine:
            if record.job_name == names[record.accounting.job_id]:
                yield record

    def heard(self, tasks: Mapping[str, Collection[int]]) -> set[tuple[str, int]]:
        """Return those array tasks of which the accounting file has a record.

        It is read from where it ended before; where it cannot be read, nothing
        is heard.
        """
        if not self._accounting:
            return set()
        try:
            records = self._accounting.records(tasks)
        except OSError:
            return set()
        mine = (record.accounting for record in self._latest_jobs(records))
        return {(ended.job_id, ended.task) for ended in mine}

    def error_reason(self, job_id: str, task: int) -> str | None:
        """Return why an array task is in `TaskState.ERROR`, if known."""
        done = self._run(["qstat", "-j", job_id], QUERY_SECONDS)
        return output.parse_error_reason(done.stdout, task)

    def why_waiting(self, job_id: str) -> str | None:
        """Return why no queue, were it empty, would take a job; None if one would.

        References
        ----------
        submit(1), ``-w v``: the same question for a job that waits.
        """
        done = self._run(["qalter", "-w", "v", job_id], QUERY_SECONDS)
        return output.parse_verification(done.text)

    # ---------------------------------------------------------------- changing

    def cancel(self, job_id: str, tasks: Collection[int] | None = None) -> None:
        """Delete a job, or some of its array tasks; one that is gone is fine.

        Raises
        ------
        SchedulerUnavailable
            If Grid Engine did not confirm it.
        """
        targets = [job_id]
        if tasks is not None:
            targets = [f"{job_id}.{span}" for span in _spans(tasks)]
        for start in range(0, len(targets), _TASKS_PER_COMMAND):
            argv = ["qdel", *targets[start : start + _TASKS_PER_COMMAND]]
            done = self._run(argv)
            if done.status != 0 and not done.is_all_gone:
                raise done.unavailable(argv)

    def postpone(self, job_id: str, seconds: float) -> bool:
        """Let no array task of a job start for some seconds.

        By its earliest start time: unlike a hold, that ends by itself, so nothing
        waits for ever should this process be killed. What runs goes on; an order
        to start that the scheduler gave before is void, as the job has changed.
        """
        start = time.localtime(time.time() + seconds)
        argv = ["qalter", "-a", time.strftime("%Y%m%d%H%M.%S", start), job_id]
        return self._run(argv, QUERY_SECONDS).status == 0

    def forget(self, job_id: str) -> None:
        """Do nothing: what Grid Engine keeps is the site's."""

    def limits(self) -> Limits:
        """Return the site's limits; asked for once."""
        if self._limits is None:
            configuration = self._run(["qconf", "-sconf"], QUERY_SECONDS)
            queues = self._run(
                ["qstat", "-g", "c", "-xml", "-U", self._user], QUERY_SECONDS
            )
            allowed = output.parse_max_array_tasks(configuration.stdout)
            slots = output.parse_slots(queues.stdout)
            seconds = output.parse_accounting_seconds(configuration.stdout)
            self._limits = Limits(allowed or MAX_ARRAY_TASKS, slots, seconds)
        return self._limits

    def _run(self, argv: Sequence[str], seconds: float = math.inf) -> Answer:
        return run_command(argv, min(seconds, self._command_seconds))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.lower() in _KEYWORDS:
        msg = (
            f"{name!r} cannot be the name of a job: expected up to 60 ASCII letters, "
            "digits, '_' and '.', no digit first, and neither 'none' nor 'all'"
        )
        raise ConfigError(msg)


def _log_path(request: JobRequest) -> str:
    """Return the argument of ``-o``, with ``$TASK_ID`` for the number."""
    path = f"{request.folder}/{request.log}"
    bad = sorted(set(path) & set(_EXPANDED))
    if bad or not path.startswith("/"):
        msg = (
            f"jobs cannot write their logs to {path!r}: Grid Engine gives "
            f"{', '.join(map(repr, bad)) or 'a relative path'} another meaning; "
            "choose another cache folder (cache_dir, GRIDTASK_CACHE)"
        )
        raise ConfigError(msg)
    return path.replace("{task}", "$TASK_ID")


def _take_holds(params: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Split the user's own holds off: of two ``-hold_jid`` the last alone counts."""
    words, holds = list(params), dict[str, list[str]]()
    for option in ("-hold_jid", "-hold_jid_ad"):
        while option in words[:-1]:
            at = words.index(option)
            holds.setdefault(option, []).append(words[at + 1])
            del words[at : at + 2]
    return words, holds


def _spans(tasks: Collection[int]) -> list[str]:
    """Write numbers as the fewest ranges: ``["1-3", "7-7"]``."""
    spans: list[list[int]] = []
    for number in sorted(set(tasks)):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return [f"{first}-{last}" for first, last in spans]
