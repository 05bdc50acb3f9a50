"""The page on which somebody gives rights to one account, and takes them away."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from rollbook.actions import reach, rights
from rollbook.actions.actor import Actor
from rollbook.domain.errors import ConfigError
from rollbook.domain.rights import ADMINISTRATOR, MEANINGS, TECH_COACH, Right
from rollbook.store import desk
from rollbook.store.models import Org
from rollbook.store.scope import Where
from rollbook.web.access import actor_of, needs
from rollbook.web.accounts import forms

#: What a right can be set to: not given, whole district, the schools that are ticked, as it is now.
NO, DISTRICT, SCHOOLS, AS_NOW = "", "district", "schools", "now"
SETS = {"administrator": ADMINISTRATOR, "coach": TECH_COACH}


@needs(Right.RIGHTS)
@require_http_methods(["GET", "POST"])
def account_rights(request: HttpRequest, account: int) -> HttpResponse:
    """Show what an account may do, and change it."""
    actor = actor_of(request)
    one = rights.get(actor, account)
    now = desk.given(one)
    schools = desk.schools(actor.district)
    asked = {right: request.POST.get(f"right-{right.value}", NO) for right in Right} if request.method == "POST" else None
    ticked = set(forms.numbers(request, "school")) if asked is not None else _shared(now)
    complaint = ""
    if asked is not None and (chosen := SETS.get(request.POST.get("set", ""))) is not None:
        place = DISTRICT if chosen is ADMINISTRATOR or len(schools) < 2 else SCHOOLS
        asked = {right: place if right in chosen else NO for right in Right}
        complaint = "Tick the schools, then save." if place == SCHOOLS and not ticked else "Look at what is chosen, then save."
    elif asked is not None:
        try:
            rights.change(actor, one, wanted(actor, asked, frozenset(ticked), now))
        except ConfigError as error:
            complaint = str(error)
        else:
            messages.success(request, "Saved. It holds from now on.")
            return redirect("account" if actor.may(Right.ACCOUNTS) else "account-rights", one.pk)
    page = {
        "rail": "accounts",
        "one": one,
        "can": rights.can_have_any(one) or bool(now),
        "lines": [_line(actor, right, now, asked, ticked, schools) for right in Right],
        "schools": [(school, school.pk in ticked) for school in schools],
        "complaint": complaint,
        "own": actor.account == one.pk,
    }
    return render(request, "accounts/desk_rights.html", page)


def wanted(actor: Actor, asked: dict[Right, str], ticked: frozenset[int], now: dict[Right, Where]) -> dict[Right, Where]:
    """Read what the form asks for; a right that one lacks stays as it is. Raises ConfigError."""
    found: dict[Right, Where] = {}
    for right in Right:
        if not _is_mine(actor, right, now):
            asked = asked | {right: AS_NOW}
        if asked[right] == DISTRICT:
            found[right] = None
        elif asked[right] == SCHOOLS and not ticked:
            raise ConfigError(f"Tick at least one school for the right '{MEANINGS[right].title}', or do not give it")
        elif asked[right] == SCHOOLS:
            found[right] = ticked
        elif asked[right] == AS_NOW and right in now:
            found[right] = now[right]
    return found


def _is_mine(actor: Actor, right: Right, now: dict[Right, Where]) -> bool:
    mine = actor.rights.get(right, frozenset())
    return (mine is None or bool(mine)) and reach.covers(mine, now.get(right, frozenset()))


def _shared(now: dict[Right, Where]) -> set[int]:
    """Return the schools that are ticked at first: those at which all rights for some schools hold."""
    places = {where for where in now.values() if where}
    return set(next(iter(places))) if len(places) == 1 else set()


def _line(
    actor: Actor, right: Right, now: dict[Right, Where], asked: dict[Right, str] | None, ticked: set[int], schools: list[Org]
) -> dict[str, Any]:
    """Return what the page shows of one right: what it means, what can be chosen, and what is chosen."""
    meaning, where = MEANINGS[right], now.get(right, frozenset())
    choices = [(NO, "Not given"), (DISTRICT, "In the whole district")]
    if meaning.at_schools and schools:
        choices.append((SCHOOLS, "At the schools below"))
    stands = NO if where == frozenset() else DISTRICT if where is None else SCHOOLS
    if where and set(where) != _shared(now):
        named = ", ".join(str(school.name or school.sourced_id) for school in schools if school.pk in where)
        choices.append((AS_NOW, f"As now: {named}"))
        stands = AS_NOW
    chosen = stands if asked is None else asked[right]
    return {
        "right": right,
        "meaning": meaning,
        "choices": choices,
        "chosen": chosen,
        "mine": _is_mine(actor, right, now),
        "now": stands,
    }
