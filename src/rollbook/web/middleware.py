"""The door: a page is shut to everybody unless its view says who may."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from rollbook.actions import setup
from rollbook.domain.errors import RollbookError
from rollbook.domain.rights import Right
from rollbook.web import problems
from rollbook.web.access import May, View, account_of, actor_of, is_secret, who_may
from rollbook.web.accounts import staying, viewing
from rollbook.web.accounts.entering import safe

#: No row of a database has a larger number.
LARGEST = 2**63 - 1


class Doorkeeper:
    """Refuses every view that does not say who may, and everybody whom it does not name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(None):  # the next request of this thread may be of a district elsewhere
            staying.leave_if_over(request)
            response = viewing.put_on(request) or self.get_response(request)
            if isinstance(response, HttpResponseNotAllowed):
                response = _in_words(request, response)
        if request.user.is_authenticated:
            response.setdefault("Cache-Control", "no-store")  # a roster does not belong into a shared computer's cache
        return response

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Let in, send to the sign-in page, or refuse."""
        if any("\0" in str(each) or (isinstance(each, int) and each > LARGEST) for each in kwargs.values()):
            raise Http404  # neither database can even look for it
        may = who_may(view)
        if may is None:
            raise PermissionDenied
        if not request.user.is_authenticated:
            if setup.needs_first_start() and request.path != reverse("first-start"):
                return redirect("first-start")
            return None if may is May.ANYONE else _sign_in(request)
        timezone.activate(ZoneInfo(account_of(request).district.time_zone))
        if isinstance(may, Right) and not actor_of(request).may(may):
            raise PermissionDenied
        return self._within_a_view(request, view) if getattr(request, "viewer", None) else None

    def _within_a_view(self, request: HttpRequest, view: View) -> HttpResponseBase | None:
        """Refuse what nobody may do in the place of somebody else."""
        name = request.resolver_match.url_name if request.resolver_match else ""
        if name == "sign-out":
            viewing.take_off(request, "signed out")
        elif name != "view-as-stop" and (request.method not in ("GET", "HEAD") or is_secret(view)):
            return problems.answer(request, viewing.refuse(request))
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer what went wrong in words, where we know any."""
        return problems.answer(request, error) if isinstance(error, RollbookError) else None


def _sign_in(request: HttpRequest) -> HttpResponse:
    looks = request.method in ("GET", "HEAD")
    if not looks:
        messages.warning(request, "Your session had ended. What you sent was not done; sign in and send it again.")
    if request.headers.get("HX-Request"):  # a fragment cannot hold the sign-in page: the whole page has to go there
        return HttpResponse(headers={"HX-Redirect": reverse("sign-in")})
    if looks:
        return redirect_to_login(request.get_full_path())
    stood = urlsplit(safe(request, request.headers.get("Referer", "")))  # what a button sends to is no page to come back to
    return redirect_to_login(stood._replace(scheme="", netloc="", fragment="").geturl() or reverse("home"))


def _in_words(request: HttpRequest, refused: HttpResponseNotAllowed) -> HttpResponse:
    refused.content = render(request, "405.html").content
    return refused
