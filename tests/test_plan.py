"""Which calls are missing, and in which jobs they go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtask.plan import (
    FIRST_TASKS,
    TARGET_SECONDS,
    JobRange,
    Place,
    cut,
    distinct,
    is_better_recut,
    make_plan,
    split_jobs,
    usable_slots,
)

chunk_sizes = st.one_of(st.just("auto"), st.integers(1, 300))
durations = st.none() | st.floats(0, 1e9)
slot_numbers = st.none() | st.integers(0, 5000)


def keys_of(text: str) -> list[bytes]:
    """One key for each letter."""
    return [letter.encode() * 16 for letter in text]


@given(st.integers(0, 100_000), chunk_sizes, durations, slot_numbers)
def test_chunks_cover_all_calls_once(n_calls, chunk, seconds, slots):
    """No chunk is empty, and together they hold all calls."""
    sizes = cut(n_calls, chunk, seconds, slots)
    assert sum(sizes) == n_calls
    assert min(sizes, default=1) >= 1


@given(st.integers(1, 100_000), durations, slot_numbers)
def test_automatic_chunks_differ_by_one_at_most(n_calls, seconds, slots):
    """No array task gets noticeably more calls than another."""
    sizes = cut(n_calls, "auto", seconds, slots)
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 10_000), st.integers(1, 300))
def test_a_chosen_chunk_is_kept(n_calls, chunk):
    """All chunks but the last have the size that was asked for."""
    sizes = cut(n_calls, chunk)
    assert set(sizes[:-1]) <= {chunk}
    assert sizes[-1] <= chunk


@given(st.integers(0, 5000), st.integers(1, 600))
def test_jobs_cover_all_array_tasks_once(n_tasks, limit):
    """Array tasks are numbered through, and no job exceeds the limit."""
    jobs = split_jobs(n_tasks, limit)
    covered = [t for j in jobs for t in range(j.first_task, j.first_task + j.n_tasks)]
    assert covered == list(range(1, n_tasks + 1))
    assert all(1 <= job.n_tasks <= limit for job in jobs)


def test_a_first_run_of_unknown_size_is_cut_into_few_array_tasks():
    """Without durations and slots, FIRST_TASKS array tasks; with slots, four each."""
    assert len(cut(1000)) == FIRST_TASKS
    assert len(cut(1000, slots=100)) == 400
    assert cut(3) == [1, 1, 1]


def test_measured_calls_fill_a_minute():
    """An array task of short calls works about TARGET_SECONDS."""
    sizes = cut(100_000, seconds_per_call=0.5, slots=8)
    assert max(sizes) * 0.5 <= TARGET_SECONDS
    assert max(sizes) * 0.5 > TARGET_SECONDS / 2


def test_no_array_task_runs_into_its_time_limit():
    """It works for half of it at most, however short that is."""
    sizes = cut(1000, seconds_per_call=2.0, slots=4, seconds_limit=20.0)
    assert max(sizes) * 2.0 <= 10.0


def test_who_may_run_few_at_a_time_needs_few_array_tasks():
    """max_running counts as well as the slots of the queues."""
    assert usable_slots(1000, 5) == 5
    assert usable_slots(4, 5) == 4
    assert usable_slots(None, 5) == 5
    assert usable_slots(None, None) is None


@pytest.mark.parametrize(
    ("waiting", "seconds", "is_better"),
    [
        ([1] * 19_950, 0.01, True),  # a cycle of the scheduler for each single call
        ([25] * 300, 0.01, True),
        ([25] * 6, 0.01, False),  # a round of the slots is not saved
        ([25] * 300, 2.0, False),  # they work for a minute each
        ([25] * 300, 20.0, False),  # for eight minutes: not yet worth the effort
        ([25] * 300, 30.0, True),
        ([1] * 300, 4000.0, False),  # one call cannot be split
        ([], 1.0, False),
    ],
)
def test_waiting_chunks_are_cut_anew_if_that_gains_much(waiting, seconds, is_better):
    """Much too short ones are merged, much too long ones are split."""
    assert is_better_recut(waiting, seconds, slots=50) is is_better


def test_waiting_chunks_are_split_before_they_reach_their_time_limit():
    """Half an hour of calls does not fit into ten minutes."""
    assert is_better_recut([6] * 10, 60.0, slots=4, seconds_limit=300.0)
    assert not is_better_recut([6] * 10, 60.0, slots=4, seconds_limit=1800.0)


@given(st.lists(st.integers(1, 300), max_size=50), st.floats(0, 1e6), slot_numbers)
def test_what_was_cut_anew_is_not_cut_again(waiting, seconds, slots):
    """Chunks that suit the durations stay as they are."""
    slots = slots or 1
    if is_better_recut(waiting, seconds, slots):
        assert not is_better_recut(
            cut(sum(waiting), "auto", seconds, slots), seconds, slots
        )


def test_long_calls_have_an_array_task_each():
    """A call that takes longer than the target is not put beside another."""
    assert cut(50, seconds_per_call=3600.0, slots=4) == [1] * 50


def test_all_slots_are_used_for_few_seconds_of_work():
    """Where there is less than a minute of work a slot, all slots share it."""
    assert len(cut(100, seconds_per_call=1.0, slots=50)) == 50


@given(st.lists(st.binary(min_size=1, max_size=1)))
def test_equal_calls_are_one(call_keys):
    """Keys stand once, in order of appearance, and positions lead to them."""
    keys, positions = distinct(call_keys)
    assert [keys[i] for i in positions] == call_keys
    assert keys == sorted(set(call_keys), key=call_keys.index)


@given(
    st.integers(0, 40).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.sets(st.integers(0, max(n - 1, 0))) if n else st.just(set()),
            st.dictionaries(st.integers(0, n - 1), st.just(Place("run", 1)), max_size=n)
            if n
            else st.just({}),
        )
    ),
    chunk_sizes,
)
def test_each_call_is_cached_in_flight_or_missing(case, chunk):
    """Every key is in one of the three, and the chunks hold all missing ones."""
    n, cached, in_flight = case
    keys = [bytes([i]) * 16 for i in range(n)]
    plan = make_plan(
        keys, range(n), cached=cached, in_flight=in_flight, chunk=chunk, slots=3
    )
    assert sorted([*plan.done, *plan.flying, *plan.missing]) == list(range(n))
    assert sum(plan.chunks) == len(plan.missing)
    assert min(plan.chunks, default=1) >= 1
    assert set(plan.done) == cached


def test_a_result_counts_more_than_a_call_in_flight():
    """What has a result is not waited for."""
    place = Place("run", 1)
    plan = make_plan(
        keys_of("ab"), range(2), cached={0}, in_flight=dict.fromkeys((0, 1), place)
    )
    assert (plan.done, plan.flying, plan.missing) == ([0], {1: place}, [])
    assert (plan.chunks, plan.jobs) == ([], [])


def test_a_plan_tells_its_counts():
    """The text of a plan names all counts, reasons and the script."""
    keys, positions = distinct(keys_of("aabcd"))
    plan = make_plan(keys, positions, cached={0}, in_flight={1: Place("r", 1)}, chunk=1)
    plan.reasons["never computed"] = 2
    text = str(plan)
    first = "5 calls: 1 cached / 1 in flight / 2 to submit / 1 repeated"
    assert text.splitlines() == [
        first,
        "2 array tasks of 1 to 1 calls in 1 job(s)",
        "  2 x never computed",
    ]
    assert (plan.n_calls, plan.cached, plan.in_flight) == (5, 1, 1)
    assert (plan.to_submit, plan.repeated) == (2, 1)


@pytest.mark.parametrize(
    ("task", "is_in"), [(2, False), (3, True), (5, True), (6, False)]
)
def test_a_job_knows_its_array_tasks(task, is_in):
    """The range of a job includes its first and its last array task."""
    assert (task in JobRange(3, 3)) is is_in
