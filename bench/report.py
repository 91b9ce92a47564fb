"""Collect the figures of a run round by round, and compare them pair by pair."""

import math
import re
from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple


class Row:
    """The samples of a row, and the samples of the row that it is compared with."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self.bases: list[float] = []

    def figures(self) -> dict[str, float]:
        """Return median, min and max of the samples, and of the ratios to the other row's samples."""
        figures = {
            "median": median(self.samples), "min": min(self.samples), "max": max(self.samples)
        }  # fmt: skip
        if self.bases:
            pairs = zip(self.samples, self.bases, strict=True)
            ratios = [own / base for own, base in pairs]
            figures |= {
                "ratio": median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)
            }  # fmt: skip
        return figures


class Table:
    """Rows of one unit. Rows that are compared must be added in the same round."""

    def __init__(self, title: str, unit: str) -> None:
        self.title, self.unit = title, unit
        self.rows: dict[str, Row] = {}
        self.against: dict[str, str] = {}

    def add(self, round_: dict[str, float], against: dict[str, str] | str = "") -> None:
        """Add a round's samples. `against` is the row to compare with, for all rows or by row."""
        for name, sample in round_.items():
            base = against if isinstance(against, str) else against.get(name, "")
            row = self.rows.setdefault(name, Row())
            row.samples.append(sample)
            if base:
                row.bases.append(round_[base])
                self.against[name] = base

    def as_json(self) -> dict[str, Any]:
        rows = [
            {"name": name, "against": self.against.get(name), **row.figures()}
            for name, row in self.rows.items()
        ]
        return {"title": self.title, "unit": self.unit, "rows": rows}


def form(figure: float) -> str:
    return (
        f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"
    )


def markdown(table: dict[str, Any]) -> Iterator[str]:
    """Convert a table, as returned by as_json, to lines of Markdown."""
    yield f"| {table['title']} | {table['unit']} | ratio |  to |"
    yield "|---|---|---|---|"
    for row in table["rows"]:
        spread = f"{form(row['min'])}-{form(row['max'])}"
        cells = [row["name"], f"{form(row['median'])} ({spread})", "", ""]
        if row["against"]:
            cells[2] = f"{row['ratio']:.2f} ({row['ratio_min']:.2f}-{row['ratio_max']:.2f})"
            cells[3] = row["against"]
        yield f"| {' | '.join(cells)} |"


def by_connections(tables: list[dict[str, Any]], title: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the tables with a title, by the number of connections at its end."""
    named = re.compile(rf"{re.escape(title)}, ([\d,]+) connections?")
    found = ((named.fullmatch(table["title"]), table["rows"]) for table in tables)
    return {match[1]: rows for match, rows in found if match}


class Goal(NamedTuple):
    """A lower or an upper limit for the ratio of a row."""

    table: str
    row: str
    least: float = 0
    most: float = 0

    def judge(self, tables: list[dict[str, Any]], slack: float = 1) -> tuple[bool, str]:
        """Return whether the goal is met within a factor of `slack`, and a line that describes it.

        Raises LookupError if the row was not measured.
        """
        for table in tables:
            for row in table["rows"]:
                if (table["title"], row["name"]) == (self.table, self.row):
                    ratio = row["ratio"]
                    least = self.least / slack if self.least else -math.inf
                    most = (self.most or math.inf) * slack
                    bound = (
                        f"at least {self.least:.2f}" if self.least else f"at most {self.most:.2f}"
                    )
                    what = f"{self.table}: {self.row}, to {row['against']}"
                    return least <= ratio <= most, f"{ratio:.2f}, {bound}: {what}"
        raise LookupError(f"{self.table}: {self.row} was not measured")
