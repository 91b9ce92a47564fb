"""Draw docs/bench.svg from docs/bench.json: `python -m bench.picture`. Needs matplotlib."""

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib import rcParams
from matplotlib.axes import Axes

from .report import by_connections

DOCS = Path(__file__).resolve().parent.parent / "docs"
OURS, OTHERS = "#0b6e4f", ["#9aa5b1", "#c98b2b", "#7d5ba6", "#4f81bd"]


def rows(run: dict[str, Any], title: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a table, by name. Raises LookupError if it was not measured."""
    for table in run["tables"]:
        if table["title"] == title:
            return {row["name"]: row for row in table["rows"]}
    raise LookupError(f"docs/bench.json has no table {title!r}: run `make bench`.")


def kinds(axes: Axes, run: dict[str, Any]) -> None:
    """Draw a bar for each kind of request, with a line for the range."""
    measured = rows(run, "Requests a second, 1 CPU, 16 connections")
    for position, (name, row) in enumerate(reversed(measured.items())):
        color = OTHERS[0] if name.startswith("bare") else OURS
        reach = [[row["median"] - row["min"]], [row["max"] - row["median"]]]
        axes.barh(position, row["median"], xerr=reach, color=color, height=0.7)
    axes.set_yticks(range(len(measured)), [*reversed(measured)])
    axes.set_title("Requests a second, one worker on one CPU")


def levels(axes: Axes, run: dict[str, Any], what: str, cpus: str) -> None:
    """Draw a line for each kind of settings, over the number of connections."""
    tables = by_connections(run["tables"], f"{what}, {cpus}")
    names = [row["name"] for row in next(iter(tables.values()))]
    for number, name in enumerate(names):
        line = [row for table in tables.values() for row in table if row["name"] == name]
        color = OTHERS[number - 1] if number else OURS
        middle = [row["median"] for row in line]
        reach = [
            [row["median"] - row["min"] for row in line],
            [row["max"] - row["median"] for row in line],
        ]
        axes.errorbar([*tables], middle, reach, label=name, color=color, marker="o", capsize=2)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("concurrent connections")
    axes.set_title(f"{what}, {cpus}: requests a second")


def main() -> None:
    run = json.loads((DOCS / "bench.json").read_text(encoding="utf-8"))
    # A fixed salt and no date: the same figures give the same file.
    rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.family": "sans-serif"})
    figure, ((first, second), (third, fourth)) = plt.subplots(2, 2, figsize=(14, 10))
    kinds(first, run)
    levels(second, run, "/health", "2 CPUs")
    levels(third, run, "50 ms of waiting", "2 CPUs")
    levels(fourth, run, "/health", "1 CPU")
    named = second.get_legend_handles_labels()
    place = {"loc": "lower right", "bbox_to_anchor": (1, 0.02)}
    figure.legend(*named, **place, ncols=5, fontsize="small", frameon=False)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    machine = run["machine"]
    figure.text(
        0.01,
        0.01,
        f"{machine['date']}, {machine['cpu']}, {machine['cpus']} CPUs, Python {machine['python']}, "
        f"Flask {machine['flask']}, gunicorn {machine['gunicorn']}: medians of {run['rounds']} "
        "rounds, with minimum and maximum",
        fontsize="small",
    )
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(DOCS / "bench.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
