"""Write to a project during random faults; compare acknowledged writes with stored items.

python -m tests.soak sqlite|postgresql|firestore [SECONDS] [SEED]
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from http.client import HTTPException
from itertools import count, takewhile
from pathlib import Path
from threading import Event
from typing import Any

from tests.conftest import serving
from tests.support.answer import Answer
from tests.support.datastores import Emulator, PostgreSQL, Relay, children, locked, migrated
from tools.render import render

ITEMS = "/api/v1/items"
WRITERS, PAUSE = 16, 0.05
Faults = dict[str, Callable[[], AbstractContextManager[None]]]


@contextmanager
def between(begin: Callable[[], object], end: Callable[[], object]) -> Iterator[None]:
    begin()
    try:
        yield
    finally:
        end()


def store_of(kind: str, project: Path, stack: ExitStack) -> tuple[dict[str, str], Faults]:
    """Start a datastore; return its settings and the faults that it can have."""
    if kind == "sqlite":
        file, away = project / "soak.db", project / "away.db"
        url = f"sqlite:///{file}"
        return {"DATABASE_URL": url}, {
            "store away": lambda: between(lambda: file.rename(away), lambda: away.rename(file)),
            "store locked": lambda: locked(url),
        }
    store = PostgreSQL() if kind == "postgresql" else Emulator()
    stack.callback(store.remove)
    store.start()
    faults: Faults = {
        "store frozen": lambda: between(store.freeze, lambda: store.freeze("SIGCONT"))
    }
    if isinstance(store, PostgreSQL):
        url = migrated(project, store)
        faults["store away"] = lambda: between(store.stop, store.start)
        faults["store locked"] = lambda: locked(url)
        return {"DATABASE_URL": url}, faults
    relay = Relay(store.address)  # because the emulator loses its data when it stops
    stack.callback(relay.stop)
    relay.start()
    faults["store away"] = lambda: between(relay.stop, relay.start)
    faults["store locked"] = lambda: store.locked("soak", "items")
    return {"FIRESTORE_EMULATOR_HOST": relay.address, "GOOGLE_CLOUD_PROJECT": "soak"}, faults


class Soak:
    """A project under load, and the state of its items according to its responses."""

    def __init__(self, project: Path, settings: dict[str, str]) -> None:
        self.project, self.settings = project, {"WORKERS": "2", "ACCESS_LOG": "off"} | settings
        # The descriptions that an item can have, by its name; None if it can be absent.
        self.possible: dict[str, set[str | None]] = defaultdict(lambda: {None})
        self.responses: list[int] = []  # statuses; 0 without a response
        self.ended = Event()

    def start(self, **settings: str) -> None:
        self.running = ExitStack()
        self.server = self.running.enter_context(serving(self.project, **self.settings, **settings))

    def strike(self, number: signal.Signals) -> AbstractContextManager[None]:
        """Kill or freeze one of the workers."""
        worker = random.choice(children(self.server.process.pid))

        def resume() -> None:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGCONT)

        return between(lambda: os.kill(worker, number), resume)

    def write(self, name: str, then: str | None, method: str, path: str) -> Any:
        """Write an item; return it if the write is acknowledged."""
        body = None if then is None else {"name": name, "description": then}
        self.possible[name].add(then)
        answer = None
        with suppress(OSError, HTTPException):
            answer = Answer(self.server, path, body, method)
        self.responses.append(answer.status if answer else 0)
        self.ended.wait(PAUSE)
        if answer and answer.status in (200, 201, 204):
            self.possible[name] = {then}
            return then is None or answer.json
        return None

    def writer(self, writer: int) -> None:
        """Create items, change each of them twice, and delete every second one."""
        for number in takewhile(lambda _: not self.ended.is_set(), count()):
            name = f"{writer}-{number}"
            if item := self.write(name, "", "POST", ITEMS):
                path = f"{ITEMS}/{item['id']}"
                for then in ("1", "2"):
                    self.write(name, then, "PUT", path)
                if number % 2:
                    self.write(name, None, "DELETE", path)

    def stored(self) -> dict[str, list[str | None]]:
        """Return the descriptions of all items, by name."""
        found, path = defaultdict(list), f"{ITEMS}?per_page=100"
        while path:
            page = Answer(self.server, path).json
            for item in page["items"]:
                found[item["name"]].append(item["description"])
            cursor = page["next_cursor"]
            path = cursor and f"{ITEMS}?per_page=100&cursor={cursor}"
        return found


def soak(project: Path, kind: str, seconds: float, seed: int) -> dict[str, Any]:
    """Write during random faults; return counts, and the items that are lost or stored twice."""
    chance = random.Random(seed)  # a separate generator, because ports use the global one
    had: Counter[str] = Counter()
    with ExitStack() as stack:
        settings, store = store_of(kind, project, stack)
        soaked = Soak(project, settings)
        soaked.start()
        stack.callback(lambda: soaked.running.close())
        worker: Faults = {
            "worker killed": lambda: soaked.strike(signal.SIGKILL),
            "worker frozen": lambda: soaked.strike(signal.SIGSTOP),
        }
        server: Faults = {"server stopped": lambda: between(soaked.running.close, soaked.start)}
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(WRITERS) as pool, between(lambda: None, soaked.ended.set):
            writers = [pool.submit(soaked.writer, number) for number in range(WRITERS)]
            while time.monotonic() < until:
                time.sleep(chance.uniform(0.5, 2))
                with ExitStack() as struck:
                    for faults in chance.choice([[store], [worker], [server], [store, worker]]):
                        had[name := chance.choice(sorted(faults))] += 1
                        struck.enter_context(faults[name]())
                    time.sleep(chance.uniform(0.5, 4))
        for each in writers:
            each.result()
        soaked.running.close()
        soaked.start(DATASTORE_TIMEOUT="60")
        stored = soaked.stored()
    possible = soaked.possible
    wrong = [name for name in possible if stored.get(name, [None])[0] not in possible[name]]
    twice = [name for name in stored if len(stored[name]) > 1]
    counts = {
        "items": len(stored),
        "responses": dict(Counter(soaked.responses)),
        "faults": dict(had),
    }
    return {"seed": seed, **counts, "lost": wrong, "twice": twice}


if __name__ == "__main__":
    kind, seconds, seed = [
        *sys.argv[1:],
        *["600", str(random.randrange(1000))][len(sys.argv) - 2 :],
    ]
    answers = {"datastore": "firestore" if kind == "firestore" else "sql"}
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        report = soak(render(answers, Path(folder)), kind, float(seconds), int(seed))
    print(json.dumps({kind: report}, indent=2))
