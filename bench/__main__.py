"""Measure a rendered project and its references, in turns, in one run.

    python -m bench [--rounds 3] [--seconds 1] [--only requests,settings]
    python -m bench --quick
    python -m bench --quick --only model --rounds 3

Prints tables of medians, ranges and ratios to the reference, and whether each goal is met. Ratios are
computed round by round. Writes the tables to docs/bench.json.

--quick measures less, sets up no databases, and writes nothing. It exits with 1 if a goal is missed
by more than a factor of SLACK. With --only, no goal is checked and nothing is written.
Needs Linux with two CPUs, and the tools that `make bench` installs. Without --quick it also needs
PostgreSQL and the Firestore emulator. wrk and PostgreSQL are Debian packages.
"""

import argparse
import json
import os
import platform
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.datastores import BINARIES

from .goals import GOALS, LONG, SLACK
from .load import needed
from .measured import Bench
from .others import model, others
from .report import markdown
from .servers import ONE, ROOT, TWO, run
from .serving import requests
from .settings import crowds, latency, settings
from .startup import bodies, rendering, starting
from .telemetry import telemetry

JSON = ROOT / "docs/bench.json"
EMULATOR = "the gcloud CLI with the Firestore emulator: https://cloud.google.com/sdk/docs/install"
SECTIONS = {
    section.__name__: section
    for section in (
        rendering,
        starting,
        bodies,
        requests,
        settings,
        latency,
        crowds,
        others,
        model,
        telemetry,
    )
}
QUICK = ["starting", "requests", "settings"]


def machine(project: Path) -> dict[str, Any]:
    """Describe the machine and the versions of the measurement."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = next(
        (line.partition(": ")[2] for line in cpuinfo.splitlines() if "model name" in line), ""
    )
    versions = "from importlib.metadata import version as v; print(v('flask'), v('gunicorn'))"
    flask, gunicorn = run(project / ".venv/bin/python", "-c", versions).split()
    return {
        "cpu": model or platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "flask": flask,
        "gunicorn": gunicorn,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--rounds", type=int, help="number of rounds: by default 3, or 2 with --quick"
    )
    parser.add_argument("--seconds", type=int, default=1, help="duration of each load, in seconds")
    parser.add_argument(
        "--only", help=f"a comma-separated list of {', '.join(SECTIONS)}; writes nothing"
    )
    parser.add_argument(
        "--quick", action="store_true", help="check the goals roughly, in two minutes"
    )
    options = parser.parse_args()
    if unknown := {*(options.only or "").split(",")} - {"", *SECTIONS}:
        given = ", ".join(sorted(unknown))
        parser.error(f"--only: {given} is not a section; choose from {', '.join(SECTIONS)}")
    if options.seconds < 1 or (options.rounds is not None and options.rounds < 1):
        parser.error("--rounds and --seconds must be 1 or more")
    needed("wrk", "Debian's package wrk")
    if not options.quick:
        needed("gcloud", EMULATOR)
        if not BINARIES:
            needed("pg_ctl", "Debian's package postgresql")
    if ONE == TWO:
        sys.exit(
            f"Two CPUs are needed, one for the server and one for the load. This process may use only CPU {ONE}."
        )
    names = options.only.split(",") if options.only else QUICK if options.quick else [*SECTIONS]
    rounds = options.rounds or (2 if options.quick else 3)
    began = time.monotonic()
    with closing(Bench(options.seconds, quick=options.quick)) as bench:
        for number in range(1, rounds + 1):
            bench.round = number
            for name in names:
                minutes = (time.monotonic() - began) / 60
                where = f"round {number} of {rounds}: {name}"
                print(f"{minutes:5.1f} min, {where}", file=sys.stderr, flush=True)
                SECTIONS[name](bench)
    tables = [table.as_json() for table in bench.tables.values()]
    for table in tables:
        print(*markdown(table), "", sep="\n")
    if options.only:
        return
    if not options.quick:
        result = {"machine": machine(bench.none), "rounds": rounds, "tables": tables}
        JSON.write_text(json.dumps(result, indent=1) + "\n")
    missed = 0
    for goal in GOALS if options.quick else GOALS + LONG:
        met, line = goal.judge(tables, SLACK if options.quick else 1)
        missed += not met
        print("met   " if met else "MISSED", line)
    if options.quick:
        sys.exit(f"{missed} goals are missed by more than a factor of {SLACK}." if missed else 0)


if __name__ == "__main__":
    main()
