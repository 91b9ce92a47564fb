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


def compared(axes: Axes, run: dict[str, Any]) -> None:
    """Draw a bar for each framework and kind of request, with a line for the range."""
    where = ", 1 CPU, compared with other frameworks"
    bars = [
        (f"{table['title'].removesuffix(where)}: {row['name']}", row)
        for table in run["tables"]
        if table["title"].endswith(where) and table["unit"] == "requests a second"
        for row in table["rows"]
    ]
    for position, (_, row) in enumerate(reversed(bars)):
        ratio = row.get("ratio", 1)
        reach = [[ratio - row.get("ratio_min", 1)], [row.get("ratio_max", 1) - ratio]]
        color = OTHERS[0] if row["against"] else OURS
        axes.barh(position, ratio, xerr=reach, color=color, height=0.7)
    axes.set_yticks(range(len(bars)), [name for name, _ in reversed(bars)])
    axes.set_title("Requests a second, one worker on one CPU, relative to this project")


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
    compared(first, run)
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
