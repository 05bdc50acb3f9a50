"""Home of students, teachers, guardians and staff: own classes and the people in them, and what their rights allow."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from rollbook.actions.actor import Actor
from rollbook.domain.rights import MEANINGS, Right
from rollbook.lib import clock
from rollbook.store import mine
from rollbook.store.models import Account
from rollbook.web.access import account_of, actor_of, signed_in

#: Where the holder of a right finds what it is for.
PLACES = {
    Right.IMPORTS: "imports",
    Right.ROSTER: "people",
    Right.ACCOUNTS: "accounts",
    Right.VIEW_AS: "accounts",
    Right.AUDIT: "audit",
}


@dataclass(frozen=True)
class Allowed:
    """One right of whoever asks, in words."""

    title: str
    text: str
    schools: list[str]  # empty: the whole district
    address: str  # empty: it has no page of its own


def home(request: HttpRequest) -> HttpResponse:
    """Show what is one's own. Needs: a view that says who may."""
    account = account_of(request)
    kind = account.kind
    return render(
        request,
        "homes/home.html",
        {
            "rail": "home",
            "kind": kind,
            "known": account.person is not None or kind == "staff",
            "own": own(account),
            "schools": mine.schools(account) if kind == "staff" else [],
            "allowed": allowed(actor_of(request)),
        },
    )


def own(account: Account) -> list[mine.Own]:
    """Return somebody's classes, or those of each child; of staff nothing."""
    return mine.own(account, today()) if account.kind != "staff" else []


@signed_in
@require_safe
def section(request: HttpRequest, source: int, key: str) -> HttpResponse:
    """Show one class to those who are in it, and to the guardians of those who are."""
    account = account_of(request)
    found = mine.one_class(account, (source, key), today()) if account.kind != "staff" else None
    if found is None:
        raise Http404
    page = {"rail": "home", "kind": account.kind, "one": found, "each": found.mine, "row": found.mine.row}
    return render(request, "homes/class.html", page)


def today() -> str:
    """Return the day that it is in the district, as the roster writes days."""
    return timezone.localdate(clock.now()).isoformat()


def allowed(actor: Actor) -> list[Allowed]:
    """Say in words what somebody may do."""
    found = []
    for right, meaning in MEANINGS.items():
        if actor.may(right):
            where = actor.rights[right]
            schools = mine.called(actor.district, sorted(where)) if where is not None else []
            found.append(Allowed(meaning.title, meaning.text, schools, _address(right)))
    return found


def _address(right: Right) -> str:
    try:
        return reverse(PLACES[right]) if right in PLACES else ""
    except NoReverseMatch:
        return ""
