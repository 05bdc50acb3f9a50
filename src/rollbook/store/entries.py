"""Finds entries of the audit log, newest first, from one place in it to the next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from rollbook.store.models import AuditEntry

PAGE = 100


@dataclass(frozen=True)
class Sought:
    """What somebody looks for in the audit log."""

    act: str = ""
    by: str = ""
    about: str = ""
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    concerns: int | None = None  # Account.id


def matching(district: int, sought: Sought) -> QuerySet[AuditEntry]:
    """Return the entries of a district that match, newest first."""
    rows = AuditEntry.objects.filter(district_id=district).order_by("-at", "-pk")
    for name, value in (("act", sought.act), ("by", sought.by)):
        if value:
            rows = rows.filter(**{name: value})
    if sought.concerns is not None:
        rows = rows.filter(concerns=sought.concerns)
    if sought.about:
        rows = rows.filter(about__icontains=sought.about)
    if sought.since:
        rows = rows.filter(at__gte=sought.since)
    if sought.until:
        rows = rows.filter(at__lt=sought.until)
    return rows


def page(district: int, sought: Sought, before: int | None = None) -> tuple[list[AuditEntry], int | None]:
    """Return one page of entries, and the entry from which the next one goes on.

    Shape: at most two statements; an index gives the order, whoever and whatever is asked for. Words in `about` are looked for in
        one entry after the other.
    """
    rows = matching(district, sought)
    if before is not None:
        edge = AuditEntry.objects.filter(district_id=district, pk=before).first()
        if edge is not None:
            rows = rows.filter(at__lte=edge.at).filter(Q(at__lt=edge.at) | Q(pk__lt=edge.pk))
    got = list(rows[: PAGE + 1])
    return got[:PAGE], got[PAGE - 1].pk if len(got) > PAGE else None


def stream(rows: QuerySet[AuditEntry]) -> Iterator[Any]:
    """Yield entries without holding them all."""
    yield from rows.iterator(chunk_size=2_000)
