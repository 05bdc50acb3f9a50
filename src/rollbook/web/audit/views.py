"""The audit log, to look at and to take along."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from rollbook.actions import audit_log
from rollbook.lib import cells, clock
from rollbook.store import entries
from rollbook.web.access import account_of, actor_of, administrators

HEADINGS = ("when", "who", "act", "about", "detail")


@administrators
def audit(request: HttpRequest) -> HttpResponse:
    """Show the audit log, a page at a time."""
    district = actor_of(request).district
    sought, complaint = sought_from(request.GET, account_of(request).district.time_zone)
    place = request.GET.get("before", "")
    rows, after = entries.page(district, sought, int(place) if place.isdecimal() and len(place) < 19 else None)
    acts, people = entries.choices(district)
    return render(
        request,
        "audit/audit.html",
        {
            "rail": "settings",
            "entries": rows,
            "after": after,
            "acts": acts,
            "people": people,
            "sought": sought,
            "complaint": complaint,
            "filtered": any((sought.act, sought.by, sought.about, sought.since, sought.until)),
        },
    )


@administrators
@require_POST
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Hand out the audit log as CSV."""
    sought, _ = sought_from(request.POST, account_of(request).district.time_zone)
    found = audit_log.export(actor_of(request), sought)
    rows = ((each.at.isoformat(), each.by, each.act, each.about, audit_log.in_words(each.detail)) for each in found)
    lines = cells.lines(row for part in ([HEADINGS], rows) for row in part)
    name = f"audit-log-{clock.now():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        lines, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def sought_from(asked: QueryDict, zone: str) -> tuple[entries.Sought, str]:
    """Read what is looked for, and say what could not be read. Days are those of the district."""
    complaint = ""
    days: dict[str, datetime | None] = {}
    for name, ahead in (("since", 0), ("until", 1)):
        text = asked.get(name, "").strip()[:40]
        try:
            days[name] = midnight(date.fromisoformat(text) + timedelta(days=ahead), zone) if text else None
        except (ValueError, OverflowError):
            days[name], complaint = None, f"“{text}” is not a date; write it as 2026-09-01. It was left out."
    texts = {name: asked.get(name, "").replace("\0", "").strip()[:200] for name in ("act", "by", "about")}
    return entries.Sought(**texts, since=days["since"], until=days["until"]), complaint


def midnight(day: date, zone: str) -> datetime:
    """Return the moment at which a day begins in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone))
