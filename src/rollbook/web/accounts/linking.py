"""The accounts of one human on the screen: chosen, changed, linked and unlinked."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rollbook.actions import linking, links
from rollbook.web.access import account_of, secret, signed_in
from rollbook.web.accounts.entering import CHOOSE, OTHERS, enter, spoken
from rollbook.web.accounts.owed import onwards, owed


@signed_in
@secret
@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Ask which of their own accounts somebody wants to be."""
    if owed(request) != "choice":
        return onwards(request)
    account = account_of(request)
    page = {"all": [(each.pk, spoken(each)) for each in (account, *linking.others(account))]}
    return render(request, "accounts/choose.html", page)


@signed_in
@secret
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Go on as another of their own accounts, in a new session; or, at the door, as the one that is here."""
    number = _number(request)
    request.session.pop(CHOOSE, None)
    if number == account_of(request).pk:
        return onwards(request)
    return enter(request, linking.switch(account_of(request), number), chosen=True)


@signed_in
@secret
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """List their own accounts."""
    others = [(each, spoken(each)) for each in linking.others(account_of(request))]
    return render(request, "accounts/linked.html", {"others": others, "tab": "accounts"})


@signed_in
@secret
@require_POST
def by_mail(request: HttpRequest) -> HttpResponse:
    """Have the letter sent by which accounts are linked."""
    linking.ask_for_link(account_of(request))
    messages.success(request, "A letter is on its way to your email. Open the link in it in this browser, within an hour.")
    return redirect("my-accounts")


@signed_in
@secret
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, clear: str) -> HttpResponse:
    """Show what a link from a letter would link, and link it."""
    account = account_of(request)
    try:
        if request.method == "POST":
            count = linking.link(account, clear)
            _renew(request)
            said = (
                "Your accounts are linked."
                if count
                else "There is no other account with your email. Your email counts as verified."
            )
            messages.success(request, said)
            return redirect("my-accounts")
        ready, others = ([spoken(each) for each in some] for some in linking.proposed(account, clear))
    except links.LinkIsSpent as error:
        return render(request, "accounts/link_is_spent.html", {"error": error, "again": "my-accounts"}, status=404)
    return render(request, "accounts/link.html", {"ready": ready, "others": others, "tab": "accounts"})


@signed_in
@secret
@require_POST
def unlink(request: HttpRequest) -> HttpResponse:
    """Take one account out of their own ones."""
    linking.unlink(account_of(request), _number(request))
    _renew(request)
    messages.success(request, "The account is unlinked. It keeps its own sign-in.")
    return redirect("my-accounts")


def _number(request: HttpRequest) -> int:
    text = request.POST.get("account", "")
    return int(text[:18]) if text.isdecimal() else 0


def _renew(request: HttpRequest) -> None:
    account = account_of(request)
    account.refresh_from_db(fields=["one"])
    request.session[OTHERS] = [[each.pk, spoken(each)] for each in linking.others(account)]
