"""Compute the tables of docs/scaling.md from the figures measured in docs/bench.json.

    python bench/scaling.py

Run it after `make bench`. tests/repository/test_scaling.py fails if the document differs from its output.
"""

import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"
RATES = "Requests a second, 1 CPU, 16 connections"
# Cloud Run adds an instance when the CPU or the concurrency is used above this share:
# https://cloud.google.com/run/docs/about-instance-autoscaling
UTILISATION = 0.6
CPU, CONCURRENCY, GIB = 1, 16, 0.5  # as cloudbuild.yaml has them: _CPU, _CONCURRENCY, _MEMORY
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
JSON_LIMITS = (65_536, 262_144, 1_048_576)  # MAX_JSON_BYTES; the first is the default
DATASTORES = ("none", "sql, PostgreSQL", "firestore")
CLOUD = ("POST /greetings", "an item, PostgreSQL", "a page of 20, PostgreSQL")
FIRESTORE = "an item, Firestore"  # its CPU time is not measured, because the emulator's differs
# US dollars, us-central1, beyond the free tier, on 2026-11-21. Check them before you use them.
# https://cloud.google.com/run/pricing, billed by request: a second of a vCPU and of a GiB; requests
VCPU_SECOND, GIB_SECOND, MILLION_REQUESTS = 0.000024, 0.0000025, 0.40
# https://cloud.google.com/firestore/pricing, Standard edition: reads, writes and deletes
MILLION_DOCUMENTS = (0.30, 0.90, 0.10)
# Documents that a request reads, writes and deletes. A page reads one more, to detect a next page.
DOCUMENTS = {
    "create an item, Firestore": (0, 1, 0),
    "an item, Firestore": (1, 0, 0),
    "a page of 20, Firestore": (21, 0, 0),
    "replace an item, Firestore": (1, 1, 0),
    "delete an item, Firestore": (1, 0, 1),
}
# PostgreSQL's default max_connections, by the memory of Cloud SQL's instance in GB:
# https://cloud.google.com/sql/docs/postgres/flags
CLOUD_SQL = {0.6: 25, 1.7: 50, 3.75: 100, 6: 200, 7.5: 400, 15: 500, 30: 600, 60: 800, 120: 1000}


def figure(bench: dict[str, Any], title: str, name: str) -> float:
    """Return a row's median, in its table's unit. Raises SystemExit if it is missing."""
    for table in bench.get("tables", []):
        for row in table.get("rows", []) if table.get("title") == title else []:
            if row.get("name") == name and row.get("median"):
                return float(row["median"])
    raise SystemExit(f"bench.json: no median of {name!r} in {title!r}: run `make bench`.")


def factor(bench: dict[str, Any]) -> float:
    """Return the largest measured memory of a byte of JSON, in bytes."""
    title = "Memory of a decoded body"
    tables = [table for table in bench.get("tables", []) if title in table.get("title", "")]
    medians = [row["median"] for table in tables for row in table["rows"] if row["median"]]
    return float(max(medians, default=0)) or figure({}, title, "any")


def bodies(bench: dict[str, Any], limit: int) -> float:
    """Return the MB that the worst bodies of `limit` bytes take if each thread has one."""
    return CPU * CONCURRENCY * limit * math.ceil(factor(bench)) / 1e6


def seconds(peak: float, wait: float) -> float:
    """Return the seconds of a request: its CPU time at `peak` requests a second, and its wait."""
    return 1 / peak + wait


def planned(peak: float, wait: float, concurrency: int = CONCURRENCY) -> float:
    """Return the requests a second to plan for an instance of one CPU.

    The lower limit of two applies: the CPU's, and the threads' (in flight = rate x seconds).
    """
    return UTILISATION * min(peak, concurrency / seconds(peak, wait))


def instances(rate: float, each: float) -> int:
    """Return the number of instances for `rate` requests a second, at `each` per instance."""
    return max(1, math.ceil(rate / each))


def connections(count: int, workers: int = CPU, threads: int = CONCURRENCY) -> int:
    """Return the connections of `count` instances: a process keeps one per thread."""
    return count * workers * threads


def max_connections(count: int) -> int:
    """Return the connections to allow: for two revisions, a migration and three superusers."""
    return 2 * connections(count) + 1 + 3


def ramp(rate: float) -> int:
    """Return the minutes to `rate` operations a second: from 500, 50 % more every five minutes.

    https://cloud.google.com/firestore/docs/best-practices#ramping_up_traffic
    """
    return 5 * max(0, math.ceil(math.log(rate / 500, 1.5)))


def run_cost(rate: float) -> float:
    """Return the dollars for a million requests, if an instance handles `rate` a second."""
    return 1e6 / rate * (CPU * VCPU_SECOND + GIB * GIB_SECOND) + MILLION_REQUESTS


def firestore_cost(documents: Iterable[int]) -> float:
    """Return the dollars for a million requests, by documents read, written and deleted in each."""
    return sum(map(lambda n, price: n * price, documents, MILLION_DOCUMENTS))


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
