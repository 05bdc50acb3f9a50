"""What is owed: who has signed in may still have to give a second factor, a new password or a choice, before any page opens."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from rollbook.actions import factors
from rollbook.web.access import May, View, viewer_of, who_may
from rollbook.web.accounts.entering import CHOOSE, PASSED, THEN
from rollbook.web.accounts.staying import seen

#: What is owed -> the pages that are open meanwhile, beside those that are open to anyone; the first is where it is paid.
OWED: dict[str, tuple[str, ...]] = {
    "factor": ("second-factor", "second-factor-passkey"),
    "first factor": ("first-factor", "add-app", "add-passkey"),
    "password": ("change-password",),
    "choice": ("choose-account", "switch-account"),
}


class StillOwed:
    """Leads whoever still owes something to the page where it is given. Needs: the Doorkeeper before it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Let pass, or lead aside."""
        if not request.user.is_authenticated:
            return None
        seen(request)
        if who_may(view) is May.ANYONE:
            return None
        owes = request.owes = owed(request)  # type: ignore[attr-defined] # the frame of the page shows nothing of the inside then
        if not owes or (request.resolver_match and request.resolver_match.url_name in OWED[owes]):
            return None
        where = reverse(OWED[owes][0])
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Redirect": where})
        if request.method == "GET":
            request.session.setdefault(THEN, request.get_full_path())
        return redirect(where)


def owed(request: HttpRequest) -> str:
    """Say what is still asked of whoever signed in; nothing, if nothing is. Who views as another is still who they are."""
    account = viewer_of(request)
    if not request.session.get(PASSED):
        if factors.of(account):
            return "factor"
        if factors.demanded(account):
            return "first factor"
    if account.must_change_password:
        return "password"
    return "choice" if request.session.get(CHOOSE) else ""


def onwards(request: HttpRequest) -> HttpResponse:
    """Lead to where somebody wanted to go before something was owed."""
    return redirect(request.session.pop(THEN, "") or "home")
