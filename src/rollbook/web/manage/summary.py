"""The summary of an import as a table with bars."""

from dataclasses import dataclass
from typing import Any

from rollbook.store.models import Run

#: The parts of a bar in their order, and the colour of each.
PARTS = (
    ("unchanged", "is"),
    ("changed", "alters"),
    ("added", "new"),
    ("returned", "new"),
    ("removed", "gone"),
    ("errors", "over"),
)
#: What is there at all is wide enough to be seen. Percent of the bar.
SEEN = 1.0


@dataclass(frozen=True)
class Line:
    """One line of the summary, with the parts of its bar: colour, beginning and length in percent."""

    title: str
    counts: dict[str, int]
    bar: list[tuple[str, float, float]]

    @property
    def words(self) -> str:
        """Say the bar in words."""
        said = [f"{self.counts[name]:,} {name}" for name, _ in PARTS if self.counts[name]]
        return ", ".join(said) or "nothing"


def lines(run: Run) -> list[Line]:
    """Return the lines of a run's summary."""
    return [Line(each["title"], each, bar(each)) for each in run.summary]


def bar(counts: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Divide a bar in proportion to what became of the rows."""
    whole = sum(counts[name] for name, _ in PARTS)
    if not whole:
        return []
    long = {name: max(SEEN, 100 * counts[name] / whole) if counts[name] else 0.0 for name, _ in PARTS}
    shrink = 100 / sum(long.values())
    parts, at = [], 0.0
    for name, colour in PARTS:
        if long[name]:
            parts.append((colour, round(at, 2), round(long[name] * shrink, 2)))
            at += long[name] * shrink
    return parts
