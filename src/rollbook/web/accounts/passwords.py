"""Passwords on the screen: change one, or get a new one by mail."""

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from rollbook.actions import links, passwords, sessions
from rollbook.domain.errors import ConfigError
from rollbook.store.models import Account
from rollbook.web.access import account_of, anyone, secret, signed_in
from rollbook.web.accounts.entering import district_of
from rollbook.web.accounts.owed import onwards, owed
from rollbook.web.address import address_of

#: Where the secret of a link waits, so that it does not stay in the address.
LINK = "password_link"


@signed_in
@secret
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("old", "new", "again")
def change(request: HttpRequest) -> HttpResponse:
    """Change their own password."""
    account = account_of(request)
    owes = owed(request) == "password"
    wrong: dict[str, str] = {}
    if request.method == "POST":
        key = request.session.session_key or ""
        try:
            passwords.change(account, *(request.POST.get(name, "") for name in ("old", "new", "again")), session=key)
        except ConfigError as error:
            wrong = error.fields
        else:
            update_session_auth_hash(request, account)
            sessions.renamed(key, request.session.session_key or "")
            messages.success(request, "Your password is changed. Sessions in other browsers are ended.")
            return onwards(request) if owes else redirect("my-account")
    page = {"wrong": wrong, "owes": owes, "rule": _rule(account), "tab": "password"}
    return render(request, "accounts/change_password.html", page, status=400 if wrong else 200)


@anyone
@require_http_methods(["GET", "POST"])
def forgot(request: HttpRequest) -> HttpResponse:
    """Ask for a link to a new password. The answer is the same for everybody."""
    district = district_of(request)
    if request.method == "POST":
        passwords.ask_for_link(request.POST.get("email", ""), address_of(request), district)
    page = {"asked": request.method == "POST", "district_wanted": district}
    return render(request, "accounts/forgot_password.html", page)


@anyone
@require_safe
def link(request: HttpRequest, clear: str) -> HttpResponse:
    """Take the secret of a link out of the address."""
    request.session[LINK] = clear
    return redirect("new-password")


@anyone
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("new", "again")
def new(request: HttpRequest) -> HttpResponse:
    """Choose a new password, by a link that came by mail."""
    clear = request.session.get(LINK, "")
    wrong: dict[str, str] = {}
    try:
        account = links.look(clear, "password").account
        if request.method == "POST":
            passwords.set_by_link(clear, request.POST.get("new", ""), request.POST.get("again", ""))
            logout(request)  # whoever was signed in here, and the link with them
            messages.success(request, "Your password is changed. Sign in with it.")
            return redirect("sign-in")
    except links.LinkIsSpent as error:
        return render(request, "accounts/link_is_spent.html", {"error": error, "again": "forgot-password"}, status=404)
    except ConfigError as error:
        wrong = error.fields
    page = {"wrong": wrong, "of": account, "rule": _rule(account)}
    return render(request, "accounts/new_password.html", page, status=400 if wrong else 200)


def _rule(account: Account) -> str:
    return f"At least {passwords.shortest(account)} characters. Four words that only you would put together do well."
