"""Compute the tables of docs/scaling.md from the figures measured in docs/bench.json.

    python -m bench.scaling

Run it after `make bench`. tests/repository/test_scaling.py fails if the document differs from its output.
"""

import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .capacity import (
    CLOUD_SQL,
    CONCURRENCY,
    CPU,
    JSON_LIMITS,
    bodies,
    connections,
    figure,
    firestore_cost,
    instances,
    max_connections,
    planned,
    ramp,
    run_cost,
    seconds,
)

DOCS = Path(__file__).resolve().parent.parent / "docs"
RATES = "Requests a second, 1 CPU, 16 connections"
# Seconds that a request waits for its datastore. These are examples: none was measured in the cloud.
WAITS = {
    "GET /health": 0.0,
    "POST /greetings": 0.0,
    "an item, SQLite": 0.0,
    "a page of 20, SQLite": 0.0,
    "an item, PostgreSQL": 0.005,
    "a page of 20, PostgreSQL": 0.005,
    "an item, Firestore": 0.030,
}
DATASTORES = ("none", "sql, PostgreSQL", "firestore")
CLOUD = ("POST /greetings", "an item, PostgreSQL", "a page of 20, PostgreSQL")
FIRESTORE = "an item, Firestore"  # its CPU time is not measured, because the emulator's differs
# Documents that a request reads, writes and deletes. A page reads one more, to detect a next page.
DOCUMENTS = {
    "create an item, Firestore": (0, 1, 0),
    "an item, Firestore": (1, 0, 0),
    "a page of 20, Firestore": (21, 0, 0),
    "replace an item, Firestore": (1, 1, 0),
    "delete an item, Firestore": (1, 0, 1),
}


def table(head: str, rows: Iterable[str]) -> str:
    """Return a table in Markdown, from lines with `|` between the cells."""
    rule = "---|" * (head.count("|") + 1)
    return "\n".join([f"| {head} |", f"|{rule}", *(f"| {row} |" for row in rows)])


def tables(bench: dict[str, Any]) -> dict[str, str]:
    """Return the tables of the document, by the names of their marks."""
    peaks = {name: figure(bench, RATES, name) for name in WAITS if name != FIRESTORE}
    peaks[FIRESTORE] = math.inf
    each = {name: planned(peaks[name], wait) for name, wait in WAITS.items()}

    def loaded(name: str) -> str:
        measured = "not measured" if name == FIRESTORE else f"{peaks[name]:,.0f}"
        flight = each[name] * seconds(peaks[name], WAITS[name])
        return (
            f"{name} | {measured} | {WAITS[name] * 1000:.0f} ms | {each[name]:,.0f} | {flight:.1f}"
        )

    def started(name: str) -> str:
        memory = figure(bench, "Memory of an instance (PSS)", name)
        return f"{name} | {memory:.0f} MB | {figure(bench, 'Boot to the first 200', name):.2f} s"

    def held(limit: int) -> str:
        most = bodies(bench, limit)
        memory = [figure(bench, "Memory of an instance (PSS)", name) for name in DATASTORES]
        sums = " | ".join(f"{each + most:,.0f} MB" for each in memory)
        return f"{limit // 1024:,} KiB | {most:,.0f} MB | {sums}"

    def scaled(rate: int) -> str:
        counts = " | ".join(f"{instances(rate, each[name]):,}" for name in (*CLOUD, FIRESTORE))
        return f"{rate:,} | {counts} | {ramp(rate)} minutes"

    def connected(count: int) -> str:
        need = max_connections(count)
        size = next((f"{gb:g} GB" for gb, limit in CLOUD_SQL.items() if limit >= need), "none")
        return f"{count:,} | {connections(count):,} | {need:,} | {size}"

    def paid(name: str) -> str:
        run = run_cost(each.get(name, each[FIRESTORE]))
        documents = f"{firestore_cost(DOCUMENTS[name]):.2f}" if name in DOCUMENTS else "–"
        return f"{name} | {run:.2f} | {run_cost(10):.2f} | {documents}"

    try:
        machine = "{cpu}, {system}, Python {python}, {date}".format(**bench["machine"])
    except KeyError as missing:
        raise SystemExit(f"bench.json has no {missing}: run `make bench`.") from None
    return {
        "machine": f"Measured on {machine}.",
        "instance": table(
            "request | measured peak | waits | planned | in flight", map(loaded, each)
        ),
        "process": table(
            "datastore | memory | boot to the first 200",
            map(started, DATASTORES),
        ),
        "bodies": table(
            f"`MAX_JSON_BYTES` | bodies in {CPU * CONCURRENCY} threads | {' | '.join(DATASTORES)}",
            map(held, JSON_LIMITS),
        ),
        "instances": table(
            f"requests a second | {' | '.join((*CLOUD, FIRESTORE))} | Firestore's ramp",
            map(scaled, (100, 1_000, 10_000, 100_000, 300_000)),
        ),
        "connections": table(
            "instances | connections | `max_connections` | the least memory that has it",
            map(connected, (1, 2, 10, 30, 100, 1000)),
        ),
        "cost": table(
            "a million times | Cloud Run, busy | Cloud Run, one at a time | Firestore",
            map(paid, (*CLOUD, *DOCUMENTS)),
        ),
    }


def fill(text: str, computed: dict[str, str]) -> str:
    """Return the document with the tables between its marks. Raises SystemExit if the marks differ."""
    pattern = re.compile(r"(<!-- computed: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
    if sorted(marks := [mark[2] for mark in pattern.finditer(text)]) != sorted(computed):
        raise SystemExit(f"scaling.md: its marks are {marks}, and should be {[*computed]}.")
    return pattern.sub(lambda mark: f"{mark[1]}\n{computed[mark[2]]}\n\n", text)


def main() -> None:
    document = DOCS / "scaling.md"
    computed = tables(json.loads((DOCS / "bench.json").read_text(encoding="utf-8")))
    text = fill(document.read_text(encoding="utf-8"), computed)
    document.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
