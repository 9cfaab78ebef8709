"""Attributes that are computed when they are first asked for."""

from __future__ import annotations

import multiprocessing
import threading

from gridtask.lazy import lazy


class Slow:
    """Computes only when it may."""

    def __init__(self, may_go_on):
        self.may_go_on = may_go_on
        self.begun = threading.Event()
        self.n = 0

    @lazy
    def answer(self):
        """What is asked for."""
        self.begun.set()
        self.may_go_on.wait()
        self.n += 1
        return 42


def open_gate():
    """Return an event that holds nobody up."""
    gate = threading.Event()
    gate.set()
    return gate


def test_a_value_is_computed_once():
    """The second time it is an attribute like any other."""
    slow = Slow(open_gate())
    assert (slow.answer, slow.answer, slow.n) == (42, 42, 1)
    del slow.answer
    assert (slow.answer, slow.n) == (42, 2)


def test_the_class_shows_its_docstring():
    """As properties do."""
    assert Slow.answer.__doc__ == "What is asked for."


def test_a_process_forked_while_a_thread_computes_does_not_wait():
    """The thread is not in it, and would never give a lock back."""
    gate = threading.Event()
    slow = Slow(gate)
    computing = threading.Thread(target=lambda: slow.answer)
    computing.start()
    slow.begun.wait()
    child = multiprocessing.get_context("fork").Process(
        target=lambda: Slow(open_gate()).answer
    )
    child.start()
    child.join(20)
    exitcode = child.exitcode
    child.kill()
    gate.set()
    computing.join()
    assert exitcode == 0
