"""Who may: every view says it with one of these words, and the Doorkeeper keeps it to its word."""

from collections.abc import Callable
from enum import StrEnum
from typing import cast

from django.http import HttpRequest, HttpResponseBase

from rollbook.actions.actor import Actor, of_account
from rollbook.domain.rights import Right
from rollbook.store.models import Account

View = Callable[..., HttpResponseBase]


class May(StrEnum):
    """Who may open a page for which nobody needs a right."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"


def anyone[V: View](view: V) -> V:
    """Open a page to people who are not signed in, too."""
    return _says(view, May.ANYONE)


def signed_in[V: View](view: V) -> V:
    """Open a page to everybody who has an account."""
    return _says(view, May.SIGNED_IN)


def needs[V: View](right: Right) -> Callable[[V], V]:
    """Open a page to those who have a right, be it for one school. What they see there is fetched through `actor_of(request)`."""

    def mark(view: V) -> V:
        return _says(view, right)

    return mark


def who_may(view: View) -> May | Right | None:
    """Return what a view says; None is nobody."""
    return getattr(view, "may", None)


def secret[V: View](view: V) -> V:
    """Keep a page from those who see Rollbook as somebody else: it is for that person alone, or takes much out at once."""
    view.secret = True  # type: ignore[attr-defined]
    return view


def is_secret(view: View) -> bool:
    """Say whether a page is kept from those who see Rollbook as somebody else. What is open to anyone is about who one is."""
    return getattr(view, "secret", False) or who_may(view) is May.ANYONE


def account_of(request: HttpRequest) -> Account:
    """Return who is signed in, or whom they see Rollbook as. Needs: a view that is not open to anyone."""
    return cast(Account, request.user)


def viewer_of(request: HttpRequest) -> Account:
    """Return who really sits there: whoever is signed in. Needs: a view that is not open to anyone."""
    return getattr(request, "viewer", None) or account_of(request)


def actor_of(request: HttpRequest) -> Actor:
    """Return who asks, with the rights that they have at this moment. Needs: a view that is not open to anyone."""
    known = getattr(request, "actor", None)
    if known is None or known.account != account_of(request).pk:
        known = request.actor = of_account(account_of(request))  # type: ignore[attr-defined]
    return cast(Actor, known)


def _says[V: View](view: V, may: May | Right) -> V:
    view.may = may  # type: ignore[attr-defined]
    return view
