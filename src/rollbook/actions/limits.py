"""Judges the limits of a source against what its imports measured, and changes them a page at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from rollbook.actions import sources
from rollbook.actions.actor import Actor
from rollbook.domain.errors import ConfigError
from rollbook.domain.gate import DEFAULTS, Threshold, trips
from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState, Trigger
from rollbook.store.models import Measure, Run, Source

#: So many imports back a limit is judged.
BACK = 30

BY_KEY = {each.key: each for each in DEFAULTS}


@dataclass(frozen=True)
class Figures:
    """The numbers of one limit: a share in percent with a floor, or a count."""

    percent: float | None = None
    floor: int = 1
    count: int | None = None


@dataclass(frozen=True)
class Judged:
    """How one limit would have done: how many of the last imports it would have held."""

    held: int
    of: int

    @property
    def sentence(self) -> str:
        """Say it in words."""
        if not self.of:
            return "No import has been measured against it yet."
        imports = f"{self.held} of the last {self.of} imports" if self.of > 1 else f"{self.held} of 1 import so far"
        return f"With this limit, {imports} would have been held."


def back_test(source: Source, limits: Iterable[Threshold]) -> dict[str, Judged]:
    """Judge limits against the measures of the last imports that reached the gate.

    Shape: two statements for any number of limits; classes and schools with equal counts are read once.
    """
    runs = list(_measured(source).values_list("pk", flat=True)[:BACK])
    seen: dict[str, set[tuple[int, int, int]]] = {}
    for run, key, count, of in Measure.objects.filter(run__in=runs).values_list("run_id", "key", "count", "of").distinct():
        seen.setdefault(key, set()).add((run, count, of))
    judged = {}
    for limit in limits:
        rows = seen.get(limit.key, set())
        held = {run for run, count, of in rows if trips(limit, count, of)}
        judged[limit.key] = Judged(len(held), len({run for run, _, _ in rows}))
    return judged


def last_measured(source: Source) -> tuple[Run | None, dict[str, Measure]]:
    """Return the newest import that was measured and, for each limit, the measure that came nearest to it.

    Shape: two statements.
    """
    run = _measured(source).first()
    nearest: dict[str, Measure] = {}
    for each in Measure.objects.filter(run=run) if run else ():
        other = nearest.get(each.key)
        if other is None or _share(each) > _share(other):
            nearest[each.key] = each
    return run, nearest


def save(actor: Actor, source: Source, figures: Mapping[str, Figures], unreadable: Mapping[str, str] | None = None) -> list[str]:
    """Change the limits that differ; return their keys.

    Errors: ConfigError, by figure and key (`percent:…`), with every complaint at once; what was `unreadable` is among them.
        Then nothing is changed.
    """
    actor.must(Right.IMPORTS)
    now = {each.key: Figures(each.percent, each.floor, each.count) for each in sources.limits(source)}
    wrong = dict(unreadable or {})
    changed = [key for key, wanted in figures.items() if now.get(key) != wanted]
    with transaction.atomic():
        for key in changed:
            wanted = figures[key]
            try:
                sources.set_limit(actor, source, key, percent=wanted.percent, floor=wanted.floor, count=wanted.count)
            except ConfigError as error:
                wrong |= {f"{figure}:{key}": text for figure, text in error.fields.items()}
        if wrong:
            raise ConfigError(fields=wrong)
    return changed


def reset(actor: Actor, source: Source, key: str) -> None:
    """Put one limit back to its default. Raises ConfigError where there is no such limit."""
    default = BY_KEY.get(key)
    if default is None:
        raise ConfigError(fields={"limit": f"there is no limit called '{key}'"})
    sources.set_limit(actor, source, key, percent=default.percent, floor=default.floor, count=default.count)


def with_figures(limit: Threshold, figures: Figures) -> Threshold:
    """Return a limit with other numbers."""
    return replace(limit, percent=figures.percent, floor=figures.floor, count=figures.count)


def _measured(source: Source) -> QuerySet[Run]:
    """Find the imports that were measured, the newest first. An import has many measures: one is enough to tell."""
    runs = Run.objects.filter(district_id=source.district_id, source=source).exclude(
        trigger__in=(Trigger.PREVIEW, Trigger.ARCHIVE)
    )
    ended = runs.exclude(state__in=(RunState.QUEUED, RunState.WORKING, RunState.FAILED))
    return ended.filter(Exists(Measure.objects.filter(run=OuterRef("pk")))).order_by("-pk")


def _share(measure: Measure) -> float:
    if measure.limit_count is not None or not measure.of:
        return float(measure.count)
    return measure.count / measure.of
