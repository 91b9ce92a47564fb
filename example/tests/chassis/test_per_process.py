"""A client is made once per process and application, when it is first used."""

import gc
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread
from time import sleep

import pytest
from flask import Flask

from chassis import Settings, per_process

from .things import create_app


class Client:
    def __init__(self) -> None:
        sleep(0.01)  # other threads call it meanwhile
        self.closed = False

    def close(self) -> None:
        self.closed = True


@per_process
def client() -> Client:
    return Client()


def test_concurrent_threads_share_a_client(app: Flask) -> None:
    barrier = Barrier(8)

    def call(_: int) -> Client:
        barrier.wait()
        with app.app_context():
            return client()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(call, range(8)))) == 1


def test_each_application_has_its_own_client(app: Flask) -> None:
    with app.app_context():
        one = client()
    with create_app(Settings()).app_context():
        assert client() is not one


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_makes_its_own_client(app: Flask) -> None:
    with app.app_context():
        one = client()
        if child := os.fork():
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        else:
            os._exit(client() is one)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_while_a_client_is_made_does_not_block_the_child() -> None:
    making, forked = Event(), Event()

    @per_process
    def slow() -> Client:
        making.set()
        forked.wait(10)
        return Client()

    app = create_app(Settings())

    def call() -> None:
        with app.app_context():
            slow()

    thread = Thread(target=call)
    thread.start()
    making.wait(10)
    if not (child := os.fork()):
        forked.set()
        signal.alarm(5)
        call()
        os._exit(0)
    forked.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_client_is_closed_with_its_application() -> None:
    app = Flask("app")
    with app.app_context():
        one = client()
    del app
    gc.collect()
    assert one.closed
