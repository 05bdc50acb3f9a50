"""Staying in: a session lasts for its time and no longer, and less long if nobody uses it."""

from datetime import UTC, datetime

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest

from rollbook.actions import sessions
from rollbook.lib import clock
from rollbook.web.access import actor_of
from rollbook.web.accounts.entering import SEEN, SINCE

#: Pages that a browser asks for by itself, as long as one of ours is open: nobody need sit there.
BY_ITSELF = ("import-progress",)


def leave_if_over(request: HttpRequest) -> None:
    """Sign out whoever's session is over; the page that was asked for then asks who it is."""
    if not request.user.is_authenticated:
        return
    if sessions.is_over(_moment(request, SINCE), _moment(request, SEEN), rights=bool(actor_of(request).rights)):
        sessions.ended(request.session.session_key or "", "the session was over")
        logout(request)
        if request.method == "GET":  # who has sent something hears of that at the door
            messages.info(request, "You were signed out, because your session was long or was not used. Sign in again to go on.")


def since(request: HttpRequest) -> datetime:
    """Return when whoever sits there has proved who they are."""
    return _moment(request, SINCE)


def seen(request: HttpRequest) -> None:
    """Keep a session that is in use alive, at most every five minutes."""
    now = clock.now().timestamp()
    used = request.resolver_match is None or request.resolver_match.url_name not in BY_ITSELF
    if used and now - request.session.get(SEEN, 0) > sessions.SEEN_EVERY.total_seconds():
        request.session[SEEN] = now
        sessions.seen(request.session.session_key or "")


def _moment(request: HttpRequest, name: str) -> datetime:
    return datetime.fromtimestamp(request.session.get(name, 0), UTC)
