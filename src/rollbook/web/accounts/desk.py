"""The desk of accounts: find one, look at it, make it, change it, open and shut it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from rollbook.actions import adopt, factors, overrides, people, reach, rights, sessions
from rollbook.actions.actor import Actor
from rollbook.domain.errors import ConfigError
from rollbook.domain.rights import MEANINGS, Right
from rollbook.domain.words import KINDS_OF_PEOPLE, PEOPLE_WORDS
from rollbook.lib import clock
from rollbook.store import desk
from rollbook.store.models import Account, Override, Person
from rollbook.store.overrides import USERNAME, username_of
from rollbook.web.access import actor_of, needs
from rollbook.web.accounts import forms

KINDS = [(kind, PEOPLE_WORDS[kind][1]) for kind in KINDS_OF_PEOPLE]
STATES = [("active", "Active"), ("pending", "Pending"), ("inactive", "Inactive")]
ORIGINS = [("source", "From a source"), ("hand", "Made by hand")]

#: What a button does, and what is said when it is done.
ACTS: dict[str, tuple[Callable[[Actor, Account], Any], str]] = {
    "activate": (people.activate, "The account is active."),
    "reactivate": (people.reactivate, "The account is active again."),
    "deactivate": (people.deactivate, "The account is inactive. Whoever was signed in with it is out."),
    "unlock": (people.unlock, "The account is unlocked."),
    "sessions": (sessions.end_all, "Whoever was signed in with this account is signed out everywhere."),
    "factors": (factors.take_away, "The second factors were removed. At the next sign-in a new one can be set up."),
}


@needs(Right.ACCOUNTS)
def accounts(request: HttpRequest) -> HttpResponse:
    """List accounts."""
    actor = actor_of(request)
    wanted = wanted_from(request.GET)
    where = reach.schools(actor)
    filtered = any((wanted.words, wanted.kind, wanted.state, wanted.origin, wanted.right, wanted.school is not None))
    page = {
        "rail": "accounts",
        "page": desk.page(reach.seen(actor), actor.district, wanted),
        "wanted": wanted,
        "kinds": KINDS,
        "states": STATES,
        "origins": ORIGINS,
        "rights": [("any", "any right"), *((right.value, MEANINGS[right].title) for right in Right)],
        "schools": desk.schools(actor.district, where),
        "partly": where is not None,
        "filtered": filtered,
    }
    return render(request, "accounts/desk.html", page)


def wanted_from(asked: QueryDict) -> desk.Wanted:
    """Read what the list is asked for; what makes no sense counts as not asked."""

    def number(name: str) -> int | None:
        text = asked.get(name, "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None

    def one_of(name: str, known: list[tuple[str, str]]) -> str:
        return asked.get(name, "") if asked.get(name) in dict(known) else ""

    right = asked.get("right", "")
    return desk.Wanted(
        words=asked.get("q", "").replace("\0", "").strip()[:200],
        kind=one_of("kind", KINDS),
        state=one_of("state", STATES),
        origin=one_of("origin", ORIGINS),
        right=right if right == "any" or right in set(Right) else "",
        school=number("school"),
        after=number("after"),
        before=number("before"),
    )


@needs(Right.ACCOUNTS)
def account(request: HttpRequest, account: int) -> HttpResponse:
    """Show one account."""
    actor = actor_of(request)
    one = reach.get(actor, account)
    person = desk.person_of(one)
    by_hand = _set_by_hand(one, person) if person is not None and not one.by_hand else []
    against = reach.against_change(actor, one)
    seen = {each.pk for each in reach.seen(actor).filter(pk__in=[each.pk for each in desk.linked(one)])}
    page = {
        "rail": "accounts",
        "one": one,
        "person": person,
        "why": desk.why(one),
        "rights": in_words(one),
        "linked": [(each, each.pk in seen) for each in desk.linked(one)],
        "children": (children := desk.children_of(one, reach.schools(actor))),
        "elsewhere": len(desk.children_of(one)) - len(children),
        "overrides": by_hand,
        "against": against,
        "not_deletable": people.not_deletable(actor, one),
        "own": actor.account == one.pk,
        "locked": one.locked_until is not None and one.locked_until > clock.now(),
        "factors": len(factors.of(one)),
        "can_have_rights": rights.can_have_any(one),
    }
    return render(request, "accounts/desk_one.html", page)


def _set_by_hand(one: Account, person: Person) -> list[Override]:
    """Return what was set by hand over the source: of the person, and of this account."""
    found = [each for field, each in sorted(desk.overrides_of(person).items()) if field in overrides.FIELDS]
    return [*found, *filter(None, [username_of(one)])]


def in_words(one: Account) -> list[tuple[str, str, str]]:
    """Return the rights of an account as people read them: what it is called, what it means, where it holds."""
    given = desk.given(one)
    named = {school.pk: school.name or school.sourced_id for school in desk.schools(one.district_id)}
    found = []
    for right in Right:
        if right in given:
            where = given[right]
            places = (
                "in the whole district" if where is None else ", ".join(sorted(named.get(each, "a school") for each in where))
            )
            found.append((MEANINGS[right].title, MEANINGS[right].text, places))
    return found


@needs(Right.ACCOUNTS)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make an account by hand."""
    actor = actor_of(request)
    partly = reach.schools(actor) is not None
    form = forms.NewForm(request.POST or None, initial={"kind": "guardian"} if partly else {}, partly=partly)
    chosen = forms.numbers(request, "children")
    if request.method == "POST" and "find" not in request.POST and form.is_valid():
        typed = forms.values(form, "kind", "name", "username", "email")
        try:
            made = people.make(actor, **typed, children=chosen if typed["kind"] == "guardian" else ())
        except ConfigError as error:
            form.complain(error)
        else:
            then = "It has no password yet: its holder asks for one at the sign-in page." if made.email else ""
            messages.success(request, f"The account is made, and active. {then}".strip())
            return redirect("account", made.pk)
    if "find" in request.POST:
        form = forms.NewForm(initial={name: request.POST.get(name, "") for name in forms.NewForm.base_fields}, partly=partly)
    page = {"rail": "accounts", "form": form, "guardians": True, "partly": partly, **choosing(request, actor, chosen)}
    return render(request, "accounts/desk_new.html", page)


def choosing(request: HttpRequest, actor: Actor, chosen: list[int]) -> dict[str, Any]:
    """Return what the choice of students shows: those who are chosen, and those who are found."""
    words = request.POST.get("words", "").replace("\0", "").strip()[:200]
    where = reach.schools(actor)
    kept = list(desk.students(actor.district, where).filter(pk__in=chosen[:100])) if chosen else []
    found = [each for each in desk.students_like(actor.district, where, words) if each.pk not in {one.pk for one in kept}]
    return {"chosen": kept, "found": found, "words": words, "sought": "find" in request.POST}


@needs(Right.ACCOUNTS)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, account: int) -> HttpResponse:
    """Change an account; one that follows the roster gets values by hand over the source's."""
    actor = actor_of(request)
    one = reach.get(actor, account)
    reach.must_change(actor, one)
    return _edit_by_hand(request, actor, one) if one.by_hand else _edit_over(request, actor, one)


def _edit_by_hand(request: HttpRequest, actor: Actor, one: Account) -> HttpResponse:
    posted = request.method == "POST"
    now = {"name": one.name, "username": one.username or "", "email": one.email}
    finding = "find" in request.POST
    had = [child.pk for child in desk.children_of(one)]
    chosen = forms.numbers(request, "children") if posted else had
    if finding:
        form = forms.ByHandForm(initial={name: request.POST.get(name, "") for name in now})
    else:
        form = forms.ByHandForm(request.POST if posted else None, initial=now)
    if posted and not finding and form.is_valid():
        try:
            people.edit(actor, one, **forms.values(form, *now), children=chosen)
        except ConfigError as error:
            form.complain(error)
        else:
            messages.success(request, "Saved.")
            return redirect("account", one.pk)
    page = {"rail": "accounts", "one": one, "form": form, "guardians": one.kind == "guardian", **choosing(request, actor, chosen)}
    page["chosen"] = [
        *page["chosen"],
        *(child for child in desk.children_of(one) if child.pk in chosen and child not in page["chosen"]),
    ]
    return render(request, "accounts/desk_edit.html", page)


def _edit_over(request: HttpRequest, actor: Actor, one: Account) -> HttpResponse:
    person = desk.person_of(one)
    if person is None:
        raise Http404
    form = forms.FollowsForm(request.POST if request.method == "POST" else None, initial=overrides.values(one, person))
    if request.method == "POST" and form.is_valid():
        try:
            changed = overrides.change(actor, one, forms.values(form, *overrides.FIELDS, USERNAME))
        except ConfigError as error:
            form.complain(error)
        else:
            messages.success(
                request, "Saved. Imports leave it as you set it, until you give it back." if changed else "Nothing was changed."
            )
            return redirect("account", one.pk)
    page = {"rail": "accounts", "one": one, "form": form, "person": person, "overrides": _set_by_hand(one, person)}
    return render(request, "accounts/desk_edit.html", page)


@needs(Right.ACCOUNTS)
@require_POST
def act(request: HttpRequest, account: int) -> HttpResponse:
    """Do what a button says: activate, deactivate, unlock and the like."""
    actor = actor_of(request)
    one = reach.get(actor, account)
    name = request.POST.get("act", "")
    if name == "give-back":
        overrides.give_back(actor, one, request.POST.get("field", ""))
        messages.success(request, "It is what the source, or the rule for usernames, makes it again.")
    elif name in ACTS:
        does, said = ACTS[name]
        does(actor, one)
        messages.success(request, said)
    else:
        raise Http404
    return redirect("account", one.pk)


@needs(Right.ACCOUNTS)
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, account: int) -> HttpResponse:
    """Ask whether an account is to be removed for good, and remove it."""
    actor = actor_of(request)
    one = reach.get(actor, account)
    reach.must_change(actor, one)
    if request.method == "POST":
        people.delete(actor, one)
        messages.success(request, "The account is deleted.")
        return redirect("accounts")
    page = {"rail": "accounts", "one": one, "reason": people.not_deletable(actor, one), "own": actor.account == one.pk}
    return render(request, "accounts/desk_delete.html", page)


@needs(Right.ACCOUNTS)
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, account: int) -> HttpResponse:
    """Adopt an account: find its person by id, see what would change, and join the two."""
    actor = actor_of(request)
    one = reach.get(actor, account)
    reach.must_change(actor, one)
    if request.method == "POST":
        sent = forms.numbers(request, "person")
        if not sent:
            raise Http404
        adopt.adopt(actor, one, sent[0])
        messages.success(request, "The account belongs to its person in the roster now, and follows the source.")
        return redirect("account", one.pk)
    key = request.GET.get("key", "").replace("\0", "").strip()[:200]
    found = [adopt.preview(actor, one, person.pk) for person in adopt.candidates(actor, key)]
    return render(request, "accounts/desk_adopt.html", {"rail": "accounts", "one": one, "key": key, "found": found})
