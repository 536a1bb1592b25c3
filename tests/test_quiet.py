import logging
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from tlbench.quiet import quiet_framework, quiet_stderr, quiet_warnings


def in_turns(*moments):
    """Run functions in two threads, each when the one before it in the list has ended."""
    lock, turn = threading.Condition(), [0]

    def step(number):
        with lock:
            lock.wait_for(lambda: turn[0] == number)

    def done():
        with lock:
            turn[0] += 1
            lock.notify_all()

    def work(mine):
        for number, moment in moments_of[mine]:
            step(number)
            moment()
            done()

    moments_of = [[(n, m) for n, (who, m) in enumerate(moments) if who == mine] for mine in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        for result in [pool.submit(work, mine) for mine in (0, 1)]:
            result.result()


def test_warnings_are_silent_until_the_last_thread_is_out(caplog):
    before = list(warnings.filters)
    logger = logging.getLogger("pydicom")
    in_turns(
        (0, quiet_warnings.__enter__),
        (1, quiet_warnings.__enter__),
        (0, lambda: quiet_warnings.__exit__(None, None, None)),
        (1, lambda: warnings.warn("unheard", stacklevel=1)),  # an error otherwise
        (1, lambda: logger.warning("unheard")),
        (1, lambda: quiet_warnings.__exit__(None, None, None)),
    )
    assert warnings.filters == before
    assert not caplog.records
    logger.warning("heard")
    assert caplog.messages == ["heard"]
    with pytest.raises(UserWarning):
        warnings.warn("heard", stacklevel=1)


def test_threads_are_inside_at_once():
    both = threading.Barrier(2, timeout=30)

    def work():
        with quiet_warnings, quiet_stderr():
            both.wait()  # broken if the other had to wait outside

    with ThreadPoolExecutor(2) as pool:
        for result in [pool.submit(work) for _ in range(2)]:
            result.result()


def test_a_failure_inside_restores_the_filters():
    before = list(warnings.filters)
    with pytest.raises(ValueError, match="inside"), quiet_warnings:
        raise ValueError("inside")
    assert warnings.filters == before


def test_stderr_comes_back_whoever_leaves_first(capfd):
    """A framework loads while a thread decodes: neither may keep the other's descriptor."""
    framework, native = quiet_framework(), quiet_stderr()
    in_turns(
        (0, native.__enter__),
        (1, framework.__enter__),
        (0, lambda: native.__exit__(None, None, None)),
        (1, lambda: os.write(2, b"remark of the framework\n")),
        (1, lambda: framework.__exit__(None, None, None)),
    )
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def test_what_a_framework_wrote_is_shown_if_it_fails(capfd):
    @quiet_framework()
    def load():
        os.write(2, b"the reason\n")
        raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        load()
    assert capfd.readouterr().err == "the reason\n"
