"""View As on the web: the session remembers it, every request looks again whether it may go on."""

from datetime import datetime

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from rollbook.actions import viewing
from rollbook.domain.errors import ConfigError
from rollbook.domain.rights import Right
from rollbook.store.models import Session
from rollbook.web.access import account_of, actor_of, needs, secret, signed_in, viewer_of

#: What the session keeps it under.
KEY = "viewing"


@secret
@needs(Right.VIEW_AS)
@require_http_methods(["GET", "POST"])
def view_as(request: HttpRequest, account: int) -> HttpResponse:
    """Ask why, and begin."""
    actor = actor_of(request)
    back = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = ""
    wrong: dict[str, str] = {}
    reason = request.POST.get("reason", "")
    if request.method == "POST":
        try:
            whom, until = viewing.begin(actor, account, reason, request.session.session_key or "")
        except ConfigError as error:
            if not error.fields:
                raise
            wrong = error.fields
        else:
            begun = {"viewer": actor.account, "account": whom.pk, "until": until.isoformat(), "back": back}
            request.session[KEY] = begun
            rotate_token(request)  # a form of before would be sent in the place of somebody else
            return redirect("home")
    page = {"whom": viewing.find(actor, account), "back": back, "reason": reason, "wrong": wrong}
    return render(request, "accounts/view_as.html", page, status=400 if wrong else 200)


@signed_in
@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """End it, and return to where it began."""
    return redirect(take_off(request, "stopped") or "home")


def put_on(request: HttpRequest) -> HttpResponse | None:
    """Put the account that is viewed as into the place of whoever is signed in, who becomes `request.viewer`.

    If that may not go on it ends here, and the answer leads back to where it began: nothing is done by mistake as oneself.
    """
    kept = request.session.get(KEY)
    if kept is None:
        return None
    if not request.user.is_authenticated:  # the viewer's account was shut meanwhile
        request.session.pop(KEY)
        viewing.end(_here(request), "the viewer's account is not active")
        return None
    viewer = account_of(request)
    until = datetime.fromisoformat(kept["until"])
    viewed = viewing.seen(viewer, kept["account"], until) if viewer.pk == kept["viewer"] else None
    if viewed is None:
        back = take_off(request, "it may not go on")
        messages.info(request, "Viewing has ended. You see Rollbook as yourself again.")
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Redirect": back or reverse("home")})
        return redirect(back or "home")
    request.viewer, request.user, request.view_ends = viewer, viewed, until  # type: ignore[attr-defined]
    return None


def take_off(request: HttpRequest, how: str) -> str:
    """End a view, if there is one, and be oneself again; return the page where it began."""
    kept = request.session.pop(KEY, None)
    if kept is None:
        return ""
    viewing.end(_here(request), how)
    request.viewer, request.user = None, viewer_of(request)  # type: ignore[attr-defined]
    rotate_token(request)
    return str(kept["back"])


def refuse(request: HttpRequest) -> viewing.NotAsThem:
    """Write down what was tried within a view, by the name of its address; return what to answer."""
    match = request.resolver_match
    name = (match.url_name or "") if match else ""
    return viewing.refuse(viewer_of(request), account_of(request), request.method or "", name)


def _here(request: HttpRequest) -> QuerySet[Session]:
    return Session.objects.filter(key=request.session.session_key or "")
