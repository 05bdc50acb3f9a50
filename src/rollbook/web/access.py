"""Who may: every view says it with one of these words, and the Doorkeeper keeps it to its word."""

from collections.abc import Callable
from enum import StrEnum
from typing import cast

from django.http import HttpRequest, HttpResponseBase

from rollbook.actions.actor import Actor, of_account
from rollbook.store.models import Account

View = Callable[..., HttpResponseBase]


class May(StrEnum):
    """Who may open a page."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"
    ADMINISTRATORS = "administrators"


def anyone[V: View](view: V) -> V:
    """Open a page to people who are not signed in, too."""
    return _says(view, May.ANYONE)


def signed_in[V: View](view: V) -> V:
    """Open a page to everybody who has an account."""
    return _says(view, May.SIGNED_IN)


def administrators[V: View](view: V) -> V:
    """Open a page to the administrators of a district. What they see there is fetched through `actor_of(request)`."""
    return _says(view, May.ADMINISTRATORS)


def who_may(view: View) -> May | None:
    """Return what a view says; None is nobody."""
    return getattr(view, "may", None)


def account_of(request: HttpRequest) -> Account:
    """Return who is signed in. Needs: a view that is not open to anyone."""
    return cast(Account, request.user)


def actor_of(request: HttpRequest) -> Actor:
    """Return who asks. Needs: a view that is not open to anyone."""
    return of_account(account_of(request))


def _says[V: View](view: V, may: May) -> V:
    view.may = may  # type: ignore[attr-defined]
    return view
