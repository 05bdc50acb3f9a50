"""The own account, and where it is signed in."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from rollbook.actions import sessions
from rollbook.web.access import account_of, secret, signed_in


@signed_in
@secret
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Show who one is here."""
    return render(request, "accounts/mine.html", {"tab": "mine"})


@signed_in
@secret
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """List their own sessions."""
    found = [(each, browser(each.agent)) for each in sessions.of(account_of(request))]
    page = {"sessions": found, "here": request.session.session_key, "tab": "sessions"}
    return render(request, "accounts/sessions.html", page)


@signed_in
@secret
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End one of their own sessions, or all but this one."""
    number = request.POST.get("session", "")
    if number.isdecimal():
        sessions.end(account_of(request), int(number))
        messages.success(request, "That session is ended.")
    else:
        count = sessions.end_others(account_of(request), request.session.session_key or "")
        messages.success(request, "All other sessions are ended." if count else "There is no other session.")
    return redirect("my-sessions")


#: What browsers and systems call themselves, the more special first: each claims to be several others, too.
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "CriOS": "Chrome", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {
    "CrOS": "a Chromebook",
    "Android": "Android",
    "iPhone": "an iPhone",
    "iPad": "an iPad",
    "Windows": "Windows",
    "Mac OS": "a Mac",
    "Linux": "Linux",
}


def browser(agent: str) -> str:
    """Say which browser somebody used, as far as it tells."""
    name = next((said for mark, said in BROWSERS.items() if mark in agent), "A browser")
    where = next((said for mark, said in SYSTEMS.items() if mark in agent), "")
    return f"{name} on {where}" if where else name
