"""The bulkhead: while requests wait for the datastore, one thread stays free for the others."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from werkzeug.exceptions import ServiceUnavailable

from chassis.bulkhead import Bulkhead

THREADS = 4


@pytest.fixture
def bulkhead() -> Bulkhead:
    """Return a bulkhead that has served a request."""
    bulkhead = Bulkhead(THREADS, ServiceUnavailable)
    with bulkhead:
        return bulkhead


@pytest.fixture
def stuck(bulkhead: Bulkhead) -> Iterator[ExitStack]:
    """Acquire all permits of the bulkhead, and yield them; release them at the end."""
    with ExitStack() as permits:
        for _ in range(bulkhead.permits):
            permits.enter_context(bulkhead)
        yield permits


def refuse(bulkhead: Bulkhead) -> float:
    """Return the seconds after which the bulkhead refuses a request."""
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable), bulkhead:
        pass
    return time.monotonic() - began


@pytest.mark.parametrize(("threads", "permits"), [(1, 1), (2, 1), (8, 7)])
def test_a_thread_is_left_for_other_requests(threads: int, permits: int) -> None:
    assert Bulkhead(threads, ServiceUnavailable).permits == permits


def test_a_full_bulkhead_lets_one_request_wait_and_then_refuses_at_once(
    bulkhead: Bulkhead, stuck: ExitStack
) -> None:
    assert 0.05 <= refuse(bulkhead) < 1
    began = time.monotonic()
    for _ in range(100):
        refuse(bulkhead)
    assert time.monotonic() - began < 1  # 100 waits would take 5 seconds


def test_a_full_bulkhead_is_logged_once(
    bulkhead: Bulkhead, stuck: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        refuse(bulkhead)
    text = "All 3 threads for the datastore are busy: other requests get 503 until one is free."
    assert caplog.messages == [text]


def test_a_request_gets_the_next_permit_that_becomes_free(
    bulkhead: Bulkhead, stuck: ExitStack
) -> None:
    def enter() -> bool:
        with bulkhead:
            return True

    with ThreadPoolExecutor(1) as other:
        entered = other.submit(enter)
        time.sleep(0.01)
        stuck.close()
        assert entered.result()


def test_a_bulkhead_that_was_stuck_admits_requests_again(
    bulkhead: Bulkhead, stuck: ExitStack
) -> None:
    refuse(bulkhead)
    stuck.close()
    with ThreadPoolExecutor(THREADS) as threads:

        def use(number: int) -> int:
            with bulkhead:
                time.sleep(0.001)
            return number

        assert list(threads.map(use, range(1000))) == list(range(1000))


def test_a_bulkhead_of_one_place_does_not_stay_stuck() -> None:
    bulkhead = Bulkhead(1, ServiceUnavailable)
    with bulkhead:
        refuse(bulkhead)
    served = False
    with bulkhead:
        served = True
    assert served
