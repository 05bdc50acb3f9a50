"""The way in: first start, sign-in and sign-out."""

from collections.abc import Iterable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from rollbook.actions import setup, signing
from rollbook.domain.errors import ConfigError, Conflict
from rollbook.web.access import anyone
from rollbook.web.accounts.entering import DEVICE, district_of, enter, safe
from rollbook.web.address import address_of
from rollbook.web.manage.forms import zones

#: What is offered first: the zones that most districts are in.
USUAL = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
)


@anyone
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password", "again")
def first_start(request: HttpRequest) -> HttpResponse:
    """Make the district and its first administrator, once."""
    if not setup.needs_first_start():
        messages.info(request, "This Rollbook has its district already. Sign in.")
        return redirect("sign-in")
    given = {name: request.POST.get(name, "").strip() for name in ("district", "email", "time_zone")}
    wrong: dict[str, str] = {}
    if request.method == "POST":
        password = request.POST.get("password", "")
        if password != request.POST.get("again", ""):
            wrong["again"] = "is not the same as the first one"
        else:
            try:
                _, account = setup.first_start(given["district"], given["email"], password, time_zone=given["time_zone"])
            except ConfigError as error:
                wrong = error.fields
            except Conflict as error:
                messages.info(request, error.sentence)
                return redirect("sign-in")
            else:
                return enter(request, account)
    page = {"given": given, "wrong": wrong, "usual": _spoken(USUAL), "zones": [each for each in zones() if each[0] not in USUAL]}
    return render(request, "accounts/first_start.html", page, status=400 if wrong else 200)


def _spoken(zones: Iterable[str]) -> list[tuple[str, str]]:
    return [(zone, zone.replace("_", " ")) for zone in zones]


@anyone
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask who somebody is."""
    then = safe(request, request.POST.get("next") or request.GET.get("next", ""))
    if request.user.is_authenticated and request.method == "GET":
        return redirect(then or "home")
    error = None
    name, district = request.POST.get("email", ""), district_of(request)
    if request.method == "POST":
        address, device = address_of(request), request.COOKIES.get(DEVICE, "")
        try:
            account = signing.sign_in(name, request.POST.get("password", ""), address, device, district)
        except signing.SignInRefused as refused:
            error = refused
        else:
            return enter(request, account, then)
    status = 200 if error is None else 429 if isinstance(error, signing.TooManyFailures) else 401
    page = {"then": then, "name": name, "fault": error, "example": settings.DEMO, "district_wanted": district}
    return render(request, "accounts/sign_in.html", page, status=status)


@anyone
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Forget who somebody is."""
    logout(request)
    messages.success(request, "You are signed out.")
    return redirect("sign-in")
