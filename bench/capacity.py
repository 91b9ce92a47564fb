"""Compute capacity and cost on Cloud Run from measured figures."""

import math
from collections.abc import Iterable
from typing import Any

# Cloud Run adds an instance when the CPU or the concurrency is used above this share:
# https://cloud.google.com/run/docs/about-instance-autoscaling
UTILISATION = 0.6
CPU, CONCURRENCY, GIB = 1, 16, 0.5  # as cloudbuild.yaml has them: _CPU, _CONCURRENCY, _MEMORY
JSON_LIMITS = (65_536, 262_144, 1_048_576)  # MAX_JSON_BYTES; the first is the default
# US dollars, us-central1, beyond the free tier, on 2026-11-21. Check them before you use them.
# https://cloud.google.com/run/pricing, billed by request: a second of a vCPU and of a GiB; requests
VCPU_SECOND, GIB_SECOND, MILLION_REQUESTS = 0.000024, 0.0000025, 0.40
# https://cloud.google.com/firestore/pricing, Standard edition: reads, writes and deletes
MILLION_DOCUMENTS = (0.30, 0.90, 0.10)
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

    The CPU and the threads each limit the rate; the lower limit applies. For the threads, the
    requests in flight are rate x seconds.
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
