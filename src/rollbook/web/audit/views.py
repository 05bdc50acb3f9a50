"""The audit log, to look at and to take along."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from rollbook.actions import audit_log
from rollbook.domain.rights import Right
from rollbook.lib import cells, clock
from rollbook.store import desk, entries
from rollbook.web.access import account_of, actor_of, needs, secret
from rollbook.web.templatetags.roster import ACTS

HEADINGS = ("when", "who", "act", "about", "concerns", "detail")


@secret
@needs(Right.AUDIT)
def audit(request: HttpRequest) -> HttpResponse:
    """Show the audit log, a page at a time."""
    district = actor_of(request).district
    sought, complaint = sought_from(request.GET, district, account_of(request).district.time_zone)
    place = request.GET.get("before", "")
    rows, after = entries.page(district, sought, int(place) if place.isdecimal() and len(place) < 19 else None)
    named = desk.named(district, [*(row.concerns for row in rows), sought.concerns])
    return render(
        request,
        "audit/audit.html",
        {
            "rail": "settings",
            "entries": [(row, named.get(row.concerns or 0)) for row in rows],
            "after": after,
            "acts": sorted(ACTS.items(), key=lambda each: each[1]),
            "sought": sought,
            "concerned": named.get(sought.concerns or 0),
            "complaint": complaint,
            "filtered": any((sought.act, sought.by, sought.about, sought.since, sought.until, sought.concerns)),
        },
    )


@secret
@needs(Right.AUDIT)
@require_POST
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Hand out the audit log as CSV."""
    actor = actor_of(request)
    sought, _ = sought_from(request.POST, actor.district, account_of(request).district.time_zone)
    rows = (
        (each.at.isoformat(), each.by, each.act, each.about, each.concerns or "", audit_log.in_words(each.detail))
        for each in audit_log.export(actor, sought)
    )
    lines = cells.lines(row for part in ([HEADINGS], rows) for row in part)
    name = f"audit-log-{clock.now():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        lines, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def sought_from(asked: QueryDict, district: int, zone: str) -> tuple[entries.Sought, str]:
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
    texts["by"] = texts["by"].lower()
    whom = asked.get("concerns", "").replace("\0", "").strip()[:254]
    concerns = desk.number_of(district, whom)
    if whom and concerns is None:
        concerns, complaint = 0, f"No account of your district is called “{whom}”. Write its username, email or number."
    return entries.Sought(**texts, since=days["since"], until=days["until"], concerns=concerns), complaint


def midnight(day: date, zone: str) -> datetime:
    """Return the moment at which a day begins in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone))
