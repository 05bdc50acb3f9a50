"""Home: what waits, what was last, what comes next; and the list of all imports."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState, Trigger
from rollbook.lib import clock
from rollbook.store import reads
from rollbook.store.models import Notice, Org, Run, Section, Source
from rollbook.web.access import account_of, actor_of, needs, signed_in
from rollbook.web.homes import views as homes
from rollbook.web.parts import bars
from rollbook.web.parts.paging import offset_of, pages
from rollbook.web.runs import said

LIMIT = 30

#: So long Home speaks of mails that did not go out.
LATELY = timedelta(days=7)


@signed_in
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what waits for an answer, how each source stands, and what is in the roster."""
    account = account_of(request)
    if not actor_of(request).may(Right.IMPORTS):
        return homes.home(request)
    district = account.district_id
    held = Run.objects.select_related("source").filter(district_id=district, state=RunState.HELD).exclude(trigger=Trigger.PREVIEW)
    working = Run.objects.select_related("source").filter(district_id=district, state__in=(RunState.WORKING, RunState.QUEUED))
    waiting = list(held.order_by("pk"))
    sources = list(Source.objects.filter(district_id=district).order_by("name"))
    return render(
        request,
        "runs/home.html",
        {
            "rail": "home",
            "held": [(run, said.sentence(run)) for run in waiting],
            "waiting": waiting,
            "working": list(working.order_by("pk")),
            "unsent": _unsent(district),
            "sources": [(source, _last(source)) for source in sources],
            "totals": _totals(district) if any(source.accepted_run for source in sources) else [],
            "kind": account.kind,
            "own": homes.own(account),
        },
    )


@needs(Right.IMPORTS)
@require_safe
def imports(request: HttpRequest) -> HttpResponse:
    """List the imports of all sources, newest first."""
    account = account_of(request)
    offset = offset_of(request, LIMIT)
    every = Run.objects.select_related("source").filter(district_id=account.district_id)
    asked = request.GET.get("source", "")
    if asked.isascii() and asked.isdigit():
        every = every.filter(source_id=int(asked))
    total = every.count()
    shown = list(every.order_by("-pk")[offset : offset + LIMIT])
    counts = [_changes(run) for run in shown]
    largest = max((sum(each) for each in counts), default=0)
    rows = [(run, each, bars.of_changes(*each, largest)) for run, each in zip(shown, counts, strict=True)]
    sources = Source.objects.filter(district_id=account.district_id).order_by("name")
    page = {"rail": "imports", "rows": rows, "pages": pages(request, total, offset, LIMIT), "sources": sources, "asked": asked}
    return render(request, "runs/list.html", page)


def _unsent(district: int) -> tuple[int, Notice | None]:
    """Count the mails of the last days that did not go out, and return the newest."""
    late = Notice.objects.filter(district_id=district, state__in=("waiting", "failed"), run__ended_at__gt=clock.now() - LATELY)
    late = late.exclude(error="").order_by("pk")
    return late.count(), late.last()


def _last(source: Source) -> Run | None:
    return Run.objects.filter(source=source).exclude(trigger=Trigger.PREVIEW).order_by("-pk").first()


def _changes(run: Run) -> tuple[int, int, int]:
    def of(*kinds: str) -> int:
        return sum(each[kind] for each in run.counts.values() for kind in kinds)

    return of("appear", "return"), of("alter"), of("vanish")


def _totals(district: int) -> list[tuple[str, int]]:
    """Count what is active: one grouped statement for people, and one each for schools and classes."""
    people = reads.people_by_kind(district)
    active: dict[str, Any] = {"district_id": district, "status": "active"}
    return [
        ("Schools", Org.objects.filter(type="school", **active).count()),
        ("Classes", Section.objects.filter(**active).count()),
        ("Students", people["student"]),
        ("Teachers", people["teacher"]),
        ("Parents and guardians", people["guardian"]),
        ("Other staff", people["staff"]),
    ]
