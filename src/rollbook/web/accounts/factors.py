"""Second factors on the screen: given at the door, added, and removed."""

import json
from typing import Any

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rollbook.actions import factors, own, passkeys, sessions
from rollbook.domain.errors import ConfigError
from rollbook.web.access import account_of, secret, signed_in
from rollbook.web.accounts.entering import PASSED, passed
from rollbook.web.accounts.owed import onwards, owed
from rollbook.web.accounts.staying import since

#: Where the challenge of a passkey waits for its one answer.
KEPT = "passkey"


@signed_in
@secret
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("code")
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor."""
    if owed(request) != "factor":
        return onwards(request)
    error = None
    if request.method == "POST":
        try:
            factors.check(account_of(request), request.POST.get("code", ""))
        except factors.CodeRefused as refused:
            error = refused
        else:
            return _passed(request)
    return _asks(request, error)


@signed_in
@secret
@require_POST
def ask_passkey(request: HttpRequest) -> HttpResponse:
    """Take a passkey's answer as the second factor."""
    if owed(request) != "factor":
        return onwards(request)
    try:
        passkeys.check(account_of(request), request.session.pop(KEPT, None), _answer(request))
    except factors.CodeRefused as refused:
        return _asks(request, refused)
    return _passed(request)


def _asks(request: HttpRequest, error: factors.CodeRefused | None) -> HttpResponse:
    account = account_of(request)
    kinds = {each.kind for each in factors.of(account)}
    page: dict[str, Any] = {"fault": error, "app": "app" in kinds}
    if "passkey" in kinds and passkeys.usable():
        options, request.session[KEPT] = passkeys.ask(account)
        page["passkey"] = json.dumps(options)
    return render(request, "accounts/second_factor.html", page, status=401 if error else 200)


def _passed(request: HttpRequest) -> HttpResponse:
    passed(request)
    return onwards(request)


@signed_in
@secret
@require_safe
def first(request: HttpRequest) -> HttpResponse:
    """Say that a second factor is needed now, and how to get one."""
    if owed(request) != "first factor":
        return onwards(request)
    return render(request, "accounts/first_factor.html", {"passkeys": passkeys.usable()})


@signed_in
@secret
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """List their own second factors."""
    return _list(request)


def _list(request: HttpRequest, wrong: dict[str, str] | None = None) -> HttpResponse:
    account = account_of(request)
    page = {
        "factors": factors.of(account),
        "left": factors.codes_left(account),
        "passkeys": passkeys.usable(),
        "wrong": wrong or {},
        "tab": "factors",
    }
    return render(request, "accounts/factors.html", page, status=400 if wrong else 200)


@signed_in
@secret
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("code", "password")
def add_app(request: HttpRequest) -> HttpResponse:
    """Add an app that shows codes."""
    account = account_of(request)
    wrong: dict[str, str] = {}
    if request.method == "POST":
        try:
            given = (request.POST.get(name, "") for name in ("code", "name"))
            codes = factors.confirm_app(account, *given, since=since(request), password=request.POST.get("password", ""))
        except ConfigError as error:
            wrong = error.fields
        else:
            return _added(request, codes)
    secret, address = factors.begin_app(account)
    picture = segno.make(address, error="m").svg_data_uri(scale=4, border=4, dark="#000", light="#fff")
    spelled = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    page = {
        "wrong": wrong,
        "picture": picture,
        "spelled": spelled,
        "given": request.POST,
        "tab": "factors",
        "owes": owed(request),
        "asks": not own.is_fresh(since(request)),
    }
    return render(request, "accounts/add_app.html", page, status=400 if wrong else 200)


@signed_in
@secret
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Add a passkey."""
    if not passkeys.usable():
        return redirect("my-factors")
    account = account_of(request)
    wrong: dict[str, str] = {}
    if request.method == "POST":
        try:
            kept, name, password = request.session.pop(KEPT, None), request.POST.get("name", ""), request.POST.get("password", "")
            codes = passkeys.add(account, kept, _answer(request), name, since=since(request), password=password)
        except ConfigError as error:
            wrong = error.fields
        else:
            return _added(request, codes)
    options, request.session[KEPT] = passkeys.begin(account)
    page = {
        "wrong": wrong,
        "options": json.dumps(options),
        "name": request.POST.get("name", ""),
        "owes": owed(request),
        "asks": not own.is_fresh(since(request)),
    }
    return render(request, "accounts/add_passkey.html", page, status=400 if wrong else 200)


def _added(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """Go on; but recovery codes are shown now and never again."""
    passed(request)
    if codes:
        return render(request, "accounts/recovery_codes.html", {"codes": codes, "tab": "factors"})
    messages.success(request, "The second factor is added.")
    return redirect("my-factors")


@signed_in
@secret
@require_POST
@sensitive_post_parameters("password")
def new_codes(request: HttpRequest) -> HttpResponse:
    """Replace the recovery codes."""
    try:
        codes = factors.new_codes(account_of(request), request.POST.get("password", ""))
    except ConfigError as error:
        return _list(request, {"codes": error.fields["password"]})
    return render(request, "accounts/recovery_codes.html", {"codes": codes, "tab": "factors"})


@signed_in
@secret
@require_POST
@sensitive_post_parameters("password")
def remove(request: HttpRequest) -> HttpResponse:
    """Remove one of their own second factors."""
    number = request.POST.get("factor", "")
    try:
        factors.remove(account_of(request), int(number) if number.isdecimal() else 0, request.POST.get("password", ""))
    except ConfigError as error:
        if "password" not in error.fields:
            raise
        return _list(request, {number: error.fields["password"]})
    messages.success(request, "The second factor is removed.")
    if not factors.of(account_of(request)):
        request.session.pop(PASSED, None)
        sessions.end_others(account_of(request), request.session.session_key or "")  # they have passed with what is gone
    return redirect("my-factors")


def _answer(request: HttpRequest) -> dict[str, Any]:
    try:
        found = json.loads(request.POST.get("answer", ""))
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}
