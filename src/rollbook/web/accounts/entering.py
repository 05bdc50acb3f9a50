"""Going in: whoever has proved who they are gets a new session here, whichever way they came."""

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from rollbook.actions import linking, sessions, signing
from rollbook.lib import clock
from rollbook.store.models import Account
from rollbook.web.address import address_of

#: What a browser carries that somebody has signed in with. It opens nothing.
DEVICE = "rollbook_device"
#: In the session: that the second factor was given; that other accounts may be chosen; which these are.
PASSED, CHOOSE, OTHERS, THEN = "second_factor", "choose", "others", "then"
#: In the session, in seconds: when somebody last proved who they are; when it was seen last.
SINCE, SEEN = "since", "seen"


def enter(request: HttpRequest, account: Account, then: str = "", *, chosen: bool = False) -> HttpResponse:
    """Begin a session of its own for this account, and lead on. What is still missing is asked for by StillOwed.

    `chosen`: nobody has proved anything anew, so it ends when the one before would have.
    """
    since = request.session.get(SINCE, 0)
    if request.session.session_key:
        sessions.ended(request.session.session_key)
    request.session.flush()
    login(request, account)
    if chosen:
        request.session[SINCE] = since
    others = linking.others(account)
    request.session[OTHERS] = [[each.pk, spoken(each)] for each in others]
    if others and not chosen:
        request.session[CHOOSE] = True
    response = redirect(safe(request, then) or "home")
    carried = signing.remember(account, request.COOKIES.get(DEVICE, ""))
    age, secure = int(signing.KNOWN.total_seconds()), request.is_secure()
    response.set_cookie(DEVICE, carried, max_age=age, httponly=True, secure=secure, samesite="Lax")
    return response


def passed(request: HttpRequest) -> None:
    """Mark the session as having given its second factor. It gets another key with it: whoever saw the old one has nothing."""
    before = request.session.session_key or ""
    request.session.cycle_key()
    request.session[PASSED] = True
    sessions.renamed(before, request.session.session_key or "")


def safe(request: HttpRequest, then: str) -> str:
    """Return an address of our own, or nothing."""
    return then if url_has_allowed_host_and_scheme(then, {request.get_host()}, require_https=request.is_secure()) else ""


def district_of(request: HttpRequest) -> int:
    """Return the district whose people come in here, where an address says it; 0 is any."""
    text = request.POST.get("district") or request.GET.get("district", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def spoken(account: Account) -> str:
    """Say which of one's own accounts this is."""
    return f"{account.kind.capitalize()}, {account.district.name}" + (f" ({account.username})" if account.username else "")


@receiver(user_logged_in, dispatch_uid="rollbook.session.began")
def _began(sender: Any, request: HttpRequest, user: Account, **more: Any) -> None:
    request.session[SINCE] = request.session[SEEN] = clock.now().timestamp()
    agent = request.META.get("HTTP_USER_AGENT", "")
    sessions.began(user, request.session.session_key or "", agent, address_of(request))


@receiver(user_logged_out, dispatch_uid="rollbook.session.ended")
def _ended(sender: Any, request: HttpRequest, **more: Any) -> None:
    if request.session.session_key:
        sessions.ended(request.session.session_key)
