"""Generate example data: made-up customers, and whether they renewed. Use your own data instead.

    python -m training.data > customers.csv

An empty cell is a missing value: not every customer's visits are counted.
"""

import math
import random

PLANS = {"basic": -0.5, "plus": 0.3, "pro": 0.9}


def customers(count: int = 5000, seed: int = 1) -> str:
    """Return customers as a CSV file. The same seed gives the same customers."""
    dice = random.Random(seed)
    lines = ["age,months,visits,plan,outcome"]
    for _ in range(count):
        age = min(100, max(18, round(dice.gauss(44, 14))))
        months = min(120, int(dice.expovariate(1 / 18)))
        plan = dice.choice([*PLANS])
        visits = max(0.0, round(dice.gauss(9 + 4 * PLANS[plan], 6), 1))
        score = 0.35 * (visits - 8) + 0.07 * (months - 12) - 0.02 * (age - 44) + 2 * PLANS[plan]
        outcome = "renews" if dice.random() < 1 / (1 + math.exp(-score)) else "cancels"
        counted = "" if dice.random() < 0.15 else visits
        lines.append(f"{age},{months},{counted},{plan},{outcome}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(customers(), end="")
