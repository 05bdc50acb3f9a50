"""The roster, to look at: people, classes and schools, as they are now and where each value came from."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from rollbook.actions import reach, viewing
from rollbook.domain.entities import BY_NAME
from rollbook.domain.rights import Right
from rollbook.domain.words import KINDS_OF_PEOPLE, PEOPLE_WORDS
from rollbook.store import known, reads
from rollbook.store.models import Account
from rollbook.store.reads import Key, Wanted
from rollbook.store.scope import Where
from rollbook.web.access import actor_of, needs


@needs(Right.ROSTER)
def people(request: HttpRequest) -> HttpResponse:
    """List people."""
    district, where = narrowed(request)
    wanted = _asked(district, where, request.GET)
    return render(
        request,
        "roster/people.html",
        {
            "rail": "people",
            "page": reads.people(district, wanted, where),
            "wanted": wanted,
            "kinds": [(kind, PEOPLE_WORDS[kind][1]) for kind in KINDS_OF_PEOPLE],
            "schools": reads.schools_to_choose(district, where),
            "sources": reads.sources(district),
            "filtered": is_filtered(wanted),
        },
    )


@needs(Right.ROSTER)
def person(request: HttpRequest, source: int, key: str) -> HttpResponse:
    """Show one person."""
    district, where = narrowed(request)
    found = known.person(district, (source, key), where)
    if found is None:
        raise Http404
    kinds = list(dict.fromkeys(reads.kind_of(place.row.role) for place in found.roles if place.row.status == found.row.status))
    actor, theirs = actor_of(request), Account.objects.filter(district_id=district, person=found.row.pk)
    page = {"rail": "people", "one": found, "row": found.row, "kinds": kinds, "accounts": viewing.among(actor, list(theirs))}
    if actor.may(Right.ACCOUNTS):
        page["desk"] = list(reach.seen(actor).filter(pk__in=theirs.values("pk")).order_by("kind", "pk"))
    return render(request, "roster/person.html", page)


@needs(Right.ROSTER)
def classes(request: HttpRequest) -> HttpResponse:
    """List classes."""
    district, where = narrowed(request)
    wanted = _asked(district, where, request.GET)
    return render(
        request,
        "roster/classes.html",
        {
            "rail": "classes",
            "page": reads.classes(district, wanted, where),
            "wanted": wanted,
            "schools": reads.schools_to_choose(district, where),
            "terms": reads.terms_to_choose(district),
            "sources": reads.sources(district),
            "filtered": is_filtered(wanted),
        },
    )


@needs(Right.ROSTER)
def section(request: HttpRequest, source: int, key: str) -> HttpResponse:
    """Show one class."""
    district, where = narrowed(request)
    found = known.section(district, (source, key), where)
    if found is None:
        raise Http404
    return render(request, "roster/class.html", {"rail": "classes", "one": found, "row": found.row})


@needs(Right.ROSTER)
def schools(request: HttpRequest) -> HttpResponse:
    """List schools."""
    found = reads.schools(*narrowed(request))
    most = max((school.all for school in found), default=0)
    return render(request, "roster/schools.html", {"rail": "classes", "schools": [(each, bar(each, most)) for each in found]})


@needs(Right.ROSTER)
def school(request: HttpRequest, source: int, key: str) -> HttpResponse:
    """Show one school."""
    district, where = narrowed(request)
    row = known.one(district, "org", (source, key), where)
    if row is None:
        raise Http404
    found = reads.schools(district, where, (source, key))[0]
    most = max(found.people.values(), default=0)
    shares = [(kind, PEOPLE_WORDS[kind][1], n, 100 * n / most if most else 0) for kind, n in found.people.items()]
    past = known.history(source, BY_NAME["org"], key)
    said = known.values(row, "org", past, where)
    return render(
        request,
        "roster/school.html",
        {"rail": "classes", "school": found, "row": row, "shares": shares, "values": said, "past": past},
    )


def bar(school: reads.School, most: int) -> list[tuple[str, float, float]]:
    """Return the parts of a school's bar: kind, where it begins and how long it is, in percent of the largest school."""
    parts, at = [], 0.0
    for kind, n in school.people.items():
        long = 100 * n / most if most else 0.0
        if n:
            parts.append((kind, round(at, 2), round(long, 2)))
        at += long
    return parts


def narrowed(request: HttpRequest) -> tuple[int, Where]:
    """Return the district of whoever asks, and the schools at which they may look at the roster; None: all."""
    actor = actor_of(request)
    return actor.district, actor.rights.get(Right.ROSTER, frozenset())


def _asked(district: int, where: Where, asked: QueryDict) -> Wanted:
    """Read what a list is asked for. A school that is not there, or not theirs to see, is no school: 404."""
    wanted = wanted_from(asked)
    if wanted.school is not None and known.one(district, "org", wanted.school, where) is None:
        raise Http404
    return wanted


def wanted_from(asked: QueryDict) -> Wanted:
    """Read what a list is asked for; what makes no sense counts as not asked."""
    source = asked.get("source", "")
    status = asked.get("status", "active")
    return Wanted(
        words=asked.get("q", "").replace("\0", "").strip()[:200],
        source=int(source) if source.isdecimal() and len(source) < 10 else None,
        school=key_from(asked.get("school", "")),
        kind=asked.get("kind", "") if asked.get("kind") in KINDS_OF_PEOPLE else "",
        term=key_from(asked.get("term", "")),
        status={"all": "", "inactive": "inactive"}.get(status, "active"),
        descending=asked.get("order") == "down",
        after=key_from(asked.get("after", "")),
        before=key_from(asked.get("before", "")),
    )


def key_from(text: str) -> Key | None:
    """Read a row's key as addresses write it: the number of its source, a point, its own key."""
    source, point, key = text.replace("\0", "").partition(".")
    return (int(source), key) if point and key and source.isdecimal() and len(source) < 10 else None


def is_filtered(wanted: Wanted) -> bool:
    """Say whether anything but the order is asked for."""
    filters: tuple[Any, ...] = (wanted.words, wanted.source, wanted.school, wanted.kind, wanted.term)
    return any(filters) or wanted.status != "active"
