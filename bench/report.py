"""Turns what was measured into two tables: what everything cost, and each ratio beside its goal."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench import cost
from bench.cost import Cost
from bench.pull import Pull

MEMORY_GOAL = 512

NAMES = {
    "first": "**first import**",
    "copy": "the same rows: COPY or `.import`, then the same indexes",
    "unchanged": "**unchanged night**, rows in another order",
    "scan": "the same files: scan, one hash a row, sorted",
    "identical": "**unchanged night**, the very same bytes",
    "read": "the same files: one hash of their bytes",
    "one": "**1 % night**, applied",
    "held": "**1 % night**, held at the limits",
    "loop": "Django, update_or_create, a slice: first",
    "loop again": "Django, update_or_create, the slice again",
    "dlt": "dlt, Arrow tables, merge: first",
    "dlt again": "dlt, the same rows again",
}

#: What is divided by what, what that is called, and the goal, if there is one.
GOALS = (
    ("first", "copy", "first import : COPY and indexes", 2.5),
    ("unchanged", "scan", "unchanged night : scan and hash", 2.0),
    ("one", "unchanged", "1 % night applied : unchanged night", 5.0),
    ("held", "unchanged", "1 % night held : unchanged night", None),
    ("identical", "read", "same bytes : hash of the bytes", None),
)
PEERS = (("dlt", "first"), ("dlt again", "unchanged"))
LOOPS = (("loop", "first"), ("loop again", "unchanged"))


@dataclass
class Figures:
    """Everything that was measured: database -> what -> each time."""

    costs: dict[str, dict[str, list[Cost]]]
    rows: int = 0
    slice: int = 0
    pulls: list[Pull] = field(default_factory=list)

    def pulled(self, pull: Pull) -> None:
        self.pulls.append(pull)
        _told(f"PowerSchool: {pull.said}: {pull.wall:.1f} s")

    def add(self, database: str, what: str, measured: Cost) -> None:
        self.costs[database].setdefault(what, []).append(measured)
        cpu, peak = _cost([measured])
        _told(f"{database}: {NAMES[what]}: {cpu} CPU s, {peak} MiB")


def _told(words: str) -> None:
    """Say what was measured at once: whoever stops a long run keeps what it has found."""
    print(f"  {datetime.now(UTC):%H:%M:%S} {words.replace('**', '')}", file=sys.stderr, flush=True)


def written(figures: Figures, machine: str) -> str:
    """Write the report, in Markdown."""
    parts = [f"{machine}; {figures.rows:,} rows in the files. CPU seconds of the client and, on PostgreSQL, of the server."]
    parts.append(_table(("", *(head for name in figures.costs for head in (f"{name}, CPU s", "peak MiB"))), _costs(figures)))
    parts.append(_table(("ratio", *figures.costs, "goal", ""), _ratios(figures)))
    if any("loop" in costs or "dlt" in costs for costs in figures.costs.values()):
        parts.append(_table(("as many rows, other tools : Rollbook", *figures.costs), _peers(figures)))
    if figures.pulls:
        parts.append(f"A simulated PowerSchool is pulled: {figures.pulls[0].rows:,} rows for the roster, seconds on the clock.")
        parts.append(
            _table(("", "all, s", "server, s", "ours, s", "our share", "our CPU, s", "peak MiB", "questions"), _pulls(figures))
        )
    return "\n\n".join(parts)


def _costs(figures: Figures) -> list[list[str]]:
    lines = []
    for what, name in NAMES.items():
        cells = [name + (f" ({figures.slice:,} rows)" if what.startswith("loop") else "")]
        for costs in figures.costs.values():
            cells += _cost(costs[what]) if what in costs else ["–", "–"]
        if set(cells[1:]) != {"–"}:
            lines.append(cells)
    return lines


def _cost(measured: Sequence[Cost]) -> list[str]:
    middle = cost.middle(measured)
    parts = f" ({middle.client:.1f} + {middle.server:.1f})" if middle.server else ""
    return [f"{middle.cpu:.2f}{parts}", f"{middle.peak}"]


def _ratios(figures: Figures) -> list[list[str]]:
    lines = []
    for some, others, name, goal in GOALS:
        found = [cost.ratio(costs[some], costs[others]) for costs in figures.costs.values()]
        lines.append([name, *(f"{one:.2f}" for one in found), *_judged(found, goal, "{:g}")])
    own = [each for each in NAMES if NAMES[each].startswith("**")]
    peaks = [max(each.peak for what in own for each in costs[what]) for costs in figures.costs.values()]
    name = "peak memory of the client, the most of any night"
    lines.append([name, *(f"{peak} MiB" for peak in peaks), *_judged(peaks, MEMORY_GOAL, "{:g} MiB")])
    return lines


def _judged(found: Sequence[float], goal: float | None, form: str) -> list[str]:
    if goal is None:
        return ["", ""]
    missed = sum(one > goal for one in found)
    verdict = "reached" if not missed else "not reached" if missed == len(found) else "reached on one of them"
    return [f"at most {form.format(goal)}", verdict]


def _peers(figures: Figures) -> list[list[str]]:
    lines = []
    for pairs, scale in ((PEERS, 1.0), (LOOPS, figures.rows / figures.slice)):
        for peer, own in pairs:
            cells = [f"{NAMES[peer]} : {NAMES[own]}" + (", scaled by rows" if scale != 1 else "")]
            for costs in figures.costs.values():
                both = peer in costs and own in costs
                cells.append(_times(scale * cost.middle(costs[peer]).cpu / cost.middle(costs[own]).cpu) if both else "–")
            lines.append(cells)
    return lines


def _pulls(figures: Figures) -> list[list[str]]:
    return [
        [
            each.said,
            *(f"{seconds:.1f}" for seconds in (each.wall, each.worked, each.wall - each.worked)),
            f"{1 - each.worked / each.wall:.0%}",
            f"{each.cpu:.1f}",
            f"{each.peak}",
            f"{each.questions}",
        ]
        for each in figures.pulls
    ]


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} ×" if ratio >= 10 else f"{ratio:.1f} ×"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *lines))
