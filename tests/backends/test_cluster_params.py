"""Native options are split as a shell would, and merged layer by layer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from gridtask.backends.cluster_params import REFUSED, Resolved, merge, split
from gridtask.backends.site import SiteProfile
from gridtask.errors import ConfigError


@dataclass(frozen=True)
class Given:
    """A layer as a decorator or a call gives it."""

    cluster_params: tuple[str, ...] = ()
    memory: str | None = None
    time: str | None = None
    slots: int | None = None


def resolve(*layers: Given, **site: str) -> Resolved:
    return merge(layers, SiteProfile(**site))


# ---------------------------------------------------------------------- split


@pytest.mark.parametrize(
    "params",
    [
        "-l h_vmem=4G -q 'long queue.q'",
        ["-l h_vmem=4G", "-q 'long queue.q'"],
        ["-l", "h_vmem=4G", "-q", "'long queue.q'"],
    ],
)
def test_one_string_or_several_are_split_as_a_shell_would(
    params: str | list[str],
) -> None:
    """Quotes keep words together."""
    assert split(params) == ("-l", "h_vmem=4G", "-q", "long queue.q")


def test_a_negative_number_is_no_option() -> None:
    """Of -p -100 both words are kept, and the next option as well."""
    assert split("-p -100 -V") == ("-p", "-100", "-V")


@pytest.mark.parametrize("option", REFUSED)
def test_options_that_gridtask_sets_are_refused_by_name(option: str) -> None:
    """The message names the option."""
    with pytest.raises(ConfigError, match=f"sets {option} itself"):
        split(["-l h_rt=60", f"{option} x"])


def test_all_refused_options_are_named_at_once() -> None:
    """Nobody has to fix them one by one."""
    with pytest.raises(ConfigError, match="sets -N, -o, -t itself"):
        split("-t 1-3 -N name -o /tmp")


def test_the_argument_of_an_option_is_not_refused() -> None:
    """A value that reads like an option of gridtask's is a value."""
    assert split("-A b -P t") == ("-A", "b", "-P", "t")


def test_left_overs_are_ignored_with_a_warning_at_the_users_line() -> None:
    """-cwd, -j and -S go with their arguments; the warning names the caller."""
    with pytest.warns(UserWarning, match="-S, -cwd, -j ignored") as caught:
        words = split("-cwd -j y -l gpu=1 -S /bin/bash")
    assert words == ("-l", "gpu=1")
    assert caught[0].filename == __file__


def test_the_line_of_the_warning_can_be_further_up() -> None:
    """A function between the user and `split` is stepped over."""

    def decorate(params: str) -> None:
        split(params, stacklevel=2)

    with pytest.warns(UserWarning, match="ignored") as caught:
        decorate("-cwd")
    source = Path(__file__).read_text().splitlines()[caught[0].lineno - 1]
    assert source.strip() == 'decorate("-cwd")'


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("-l 'h_vmem=4G", "No closing quotation"),
        ("h_vmem=4G", "such as '-l h_vmem=4G', not 'h_vmem=4G'"),
        ([4], "4 is no string"),
        ([None], "None is no string"),
        ("-l h_vmem=4G -q", "-q needs a value"),
        ("-q -l h_vmem=4G", "-q needs a value"),
        ("-pe", "-pe needs a value"),
        (4, "cannot be split"),
        (None, "cannot be split"),
    ],
)
def test_what_is_no_list_of_options_is_refused(params: object, message: str) -> None:
    """The message shows the value and what was expected."""
    with pytest.raises(ConfigError, match="cluster_params=") as caught:
        split(params)  # type: ignore[arg-type]
    assert message in str(caught.value)


# ---------------------------------------------------------------------- merge


def test_nothing_asked_for_is_no_options() -> None:
    """Without params there are no words, one slot and no limits."""
    assert resolve(Given()) == Resolved(words=())


def test_of_a_resource_the_later_layer_wins() -> None:
    """Other resources of the earlier layer stay."""
    early = Given(("-l h_vmem=4G,h_rt=60", "-q a.q"))
    late = Given(("-l h_rt=2:0:0",))
    assert resolve(early, late).words == ("-l", "h_vmem=4G,h_rt=2:0:0", "-q", "a.q")


def test_other_options_are_replaced_as_a_whole() -> None:
    """-q of the later layer stands alone."""
    early, late = Given(("-q a.q,b.q -P one",)), Given(("-q c.q",))
    assert resolve(early, late).words == ("-q", "c.q", "-P", "one")


def test_repeated_variables_accumulate() -> None:
    """Each -v is kept, in order."""
    early, late = Given(("-v A=1 -v B",)), Given(("-v C",))
    assert resolve(early, late).words == ("-v", "A=1", "-v", "B", "-v", "C")


def test_soft_and_hard_requests_are_told_apart() -> None:
    """A soft resource neither replaces nor joins the hard one."""
    early, late = Given(("-soft -l gpu=2 -hard -l h_rt=60",)), Given(("-l gpu=1",))
    assert resolve(early, late).words == (
        *("-soft", "-l", "gpu=2", "-hard"),
        *("-l", "h_rt=60,gpu=1"),
    )


def test_left_overs_are_gone_without_another_warning() -> None:
    """`split` has warned when the option was given."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolve(Given(("-cwd -l gpu=1",))).words == ("-l", "gpu=1")


def test_structured_resources_become_the_sites_options() -> None:
    """Memory and time as the default profile spells them."""
    resolved = resolve(Given(memory="4G", time="30m"))
    assert resolved.words == ("-l", "h_vmem=4G,h_rt=00:30:00")
    assert (resolved.memory, resolved.time, resolved.slots) == ("4G", "00:30:00", 1)


def test_memory_is_shared_by_the_slots() -> None:
    """h_vmem is per slot; memory is of the array task."""
    resolved = resolve(Given(memory="10G", slots=4))
    assert resolved.words == ("-l", "h_vmem=2560M", "-pe", "smp", "4")
    assert (resolved.memory, resolved.slots) == ("10G", 4)


def test_a_share_of_memory_is_rounded_up() -> None:
    """Together the slots never get less than what was asked for."""
    assert resolve(Given(memory="10G", slots=3)).words[1] == "h_vmem=3414M"


def test_slots_of_a_later_layer_share_the_memory_of_an_earlier() -> None:
    """The share is known only when all layers are."""
    resolved = resolve(Given(memory="8G"), Given(slots=4))
    assert resolved.words == ("-l", "h_vmem=2G", "-pe", "smp", "4")


def test_later_raw_replaces_structured() -> None:
    """Raw h_vmem is per slot, so two slots have twice as much."""
    resolved = resolve(Given(memory="4G", slots=2), Given(("-l h_vmem=8G",)))
    assert resolved.words == ("-l", "h_vmem=8G", "-pe", "smp", "2")
    assert resolved.memory == "16G"


def test_later_structured_replaces_raw() -> None:
    """So that a retry with more memory has it."""
    resolved = resolve(Given(("-l h_vmem=4G,h_rt=60",)), Given(memory="8G", time="1h"))
    assert resolved.words == ("-l", "h_vmem=8G,h_rt=01:00:00")


def test_structured_is_stronger_within_a_layer() -> None:
    """The layer's own cluster params give way."""
    assert resolve(Given(("-l h_vmem=4G",), memory="8G")).words == ("-l", "h_vmem=8G")


def test_raw_limits_are_understood() -> None:
    """What was asked for raw can be escalated and compared too."""
    resolved = resolve(Given(("-l h_vmem=3G,h_rt=1:0:0 -pe mpi 4-8",)))
    assert resolved.memory == "12G"
    assert (resolved.time, resolved.slots) == ("01:00:00", 4)


@pytest.mark.parametrize("value", ["INFINITY", "lots"])
def test_raw_limits_that_are_no_numbers_pass_verbatim(value: str) -> None:
    """They are the scheduler's business."""
    resolved = resolve(Given(memory="1G"), Given((f"-l h_vmem={value}",)))
    assert resolved.words == ("-l", f"h_vmem={value}")
    assert resolved.memory is None


def test_a_raw_parallel_environment_replaces_slots() -> None:
    """And the other way round."""
    assert resolve(Given(slots=4), Given(("-pe mpi 8",))).words == ("-pe", "mpi", "8")
    resolved = resolve(Given(("-pe mpi 8",)), Given(slots=4))
    assert (resolved.words, resolved.slots) == (("-pe", "smp", "4"), 4)


def test_one_slot_is_not_a_wish() -> None:
    """It is the default, and needs no parallel environment."""
    assert resolve(Given(slots=1)).words == ()
    assert resolve(Given(("-pe mpi 8",)), Given(slots=1)).slots == 8


def test_a_site_may_spell_memory_with_several_resources() -> None:
    """One of them written raw replaces that one alone."""
    spelling = "-l mem_free={memory},h_vmem={memory_per_slot}"
    resolved = resolve(
        Given(memory="8G", slots=2), Given(("-l mem_free=1G",)), memory=spelling
    )
    assert resolved.words[1] == "mem_free=1G,h_vmem=4G"


def test_a_site_may_spell_slots_in_its_own_way() -> None:
    """Any option will do."""
    resolved = resolve(Given(slots=4), slots="-pe omp {slots} -binding linear:{slots}")
    assert resolved.words == ("-pe", "omp", "4", "-binding", "linear:4")
