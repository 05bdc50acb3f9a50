"""Sign-in by a provider on the screen: the way there and back, their own ways in, and where an administrator sets them up."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from rollbook.actions import identities, own, providers
from rollbook.actions.identities import Proven, SignInRefused, TakenElsewhere
from rollbook.domain.errors import ConfigError, NotFound
from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.lib.openid import Flow
from rollbook.store import providers as reads
from rollbook.store.models import SignInProvider
from rollbook.web.access import account_of, actor_of, anyone, needs, secret, signed_in
from rollbook.web.accounts.entering import district_of, enter, safe
from rollbook.web.accounts.staying import since
from rollbook.web.address import address_of
from rollbook.web.manage.forms import Secret, Spoken

#: In the session: sign-ins under way, and what a provider has proved about whoever is about to connect it.
FLOWS, PROVEN = "flows", "proven"
#: Units: seconds. So long a sign-in may be under way, and so many in one browser.
LASTS, MOST = 600, 5


# --- there and back ---


@anyone
@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Begin where a link in a portal leads: at once with the provider that it names, else with the choice."""
    district, wanted = district_of(request), request.GET.get("with", "")
    offered = reads.offered(district or None)
    fitting = [each for each in offered if each.kind == wanted]
    if len(fitting) == 1:
        return _begin(request, fitting[0], {})
    if not offered:
        return redirect(f"{reverse('sign-in')}?district={district}" if district else "sign-in")
    return render(
        request, "accounts/providers_choice.html", {"district_wanted": district, "missing": bool(wanted and not fitting)}
    )


@anyone
@require_GET
def sign_in_with(request: HttpRequest, provider: int) -> HttpResponse:
    """Lead to a provider, from the sign-in page or to connect it to the account that is signed in."""
    found = next((each for each in reads.offered() if each.pk == provider), None)
    if found is None:
        messages.info(request, "That way to sign in is not offered any more.")
        return redirect("sign-in")
    more: dict[str, Any] = {"then": safe(request, request.GET.get("next", ""))}
    if request.GET.get("connect") and request.user.is_authenticated:
        more["connect"] = account_of(request).pk
    return _begin(request, found, more, choose=True)


@anyone
@require_GET
def back(request: HttpRequest) -> HttpResponse:
    """Take what a provider answered to the browser, once, and let in whom it proves.

    An answer to nothing that we asked, as Clever's portal gives, is dropped, and asked for anew: else anybody could sign a
    visitor in as somebody of his own choice.
    """
    if not request.GET.get("state"):
        from_portal = [each for each in reads.offered() if each.kind == "clever"]
        return _begin(request, from_portal[0], {}) if len(from_portal) == 1 else redirect("start")
    begun = _taken(request, request.GET["state"])
    found = next((each for each in reads.offered() if begun and each.pk == begun["provider"]), None)
    if begun is None or found is None:
        return _refused(request, SignInRefused("This sign-in was begun in another window, or more than ten minutes ago"), None)
    try:
        if not request.GET.get("code") or request.GET.get("error"):
            raise SignInRefused(f"You did not sign in at {found.title}")
        flow = Flow(request.GET["state"], begun["nonce"], begun["verifier"])
        code, said_by = request.GET["code"][:4096], request.GET.get("iss", "")
        proven = identities.prove(found, back_address(), flow, code, said_by, address_of(request))
        if "connect" in begun:
            return _ask_to_connect(request, begun["connect"], proven)
        return enter(request, identities.enter(proven), begun.get("then", ""))
    except SignInRefused as error:
        return _refused(request, error, found)


def back_address() -> str:
    """Return where providers send people back to: what is pasted into each provider's settings."""
    return f"{settings.PUBLIC_URL}{reverse('sign-in-back')}"


def _begin(request: HttpRequest, provider: SignInProvider, more: dict[str, Any], *, choose: bool = False) -> HttpResponse:
    try:
        flow, leads = identities.begin(provider, back_address(), address_of(request), choose=choose)
    except SignInRefused as error:
        return _refused(request, error, provider)
    now = clock.now().timestamp()
    begun = {"state": flow.state, "nonce": flow.nonce, "verifier": flow.verifier, "provider": provider.pk, "at": now, **more}
    younger = [each for each in request.session.get(FLOWS, []) if now - each["at"] < LASTS]
    request.session[FLOWS] = [*younger[1 - MOST :], begun]
    if not request.user.is_authenticated:
        request.session.set_expiry(LASTS)  # who never comes back leaves a row
    response = redirect(leads)
    response.headers["Cache-Control"] = "no-store"
    return response


def _taken(request: HttpRequest, state: str) -> dict[str, Any] | None:
    """Take what this browser began out of its session: what it brings is good for one time."""
    begun: list[dict[str, Any]] = request.session.get(FLOWS, [])
    found = next((each for each in begun if each["state"] == state), None)
    if found is None:
        return None
    request.session[FLOWS] = [each for each in begun if each is not found]
    request.session.save()  # whatever becomes of the rest
    return found if clock.now().timestamp() - found["at"] < LASTS else None


def _refused(request: HttpRequest, error: SignInRefused, provider: SignInProvider | None) -> HttpResponse:
    page = {"error": error, "provider": provider}
    status = 429 if isinstance(error, identities.TooManyBegun) else 403
    return render(request, "accounts/providers_refused.html", page, status=status)


# --- their own ways to sign in ---


@signed_in
@secret
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def mine(request: HttpRequest) -> HttpResponse:
    """Show by which providers one signs in; connect one that has just proved who somebody is, and disconnect."""
    account = account_of(request)
    kept = request.session.get(PROVEN) or {}
    asks = kept if kept.get("account") == account.pk and _is_fresh(kept) else None
    wrong: dict[str, str] = {}
    if request.method == "POST":
        if request.POST.get("do") == "connect" and asks:
            found = next((each for each in reads.offered(account.district_id) if each.pk == asks["provider"]), None)
            if found is None:
                raise NotFound("There is no such way to sign in")
            proven = Proven(found, asks["issuer"], asks["subject"])
            try:
                identities.connect(account, proven, request.POST.get("password", ""), since(request))
            except TakenElsewhere:
                request.session.pop(PROVEN)
                raise
            except ConfigError as error:
                wrong = error.fields
            else:
                messages.success(request, f"Connected: from now on you can sign in with {found.title}.")
        elif request.POST.get("do") == "disconnect":
            identities.disconnect(account, _number(request.POST.get("identity", "")))
            messages.success(request, "Disconnected.")
        if not wrong:
            request.session.pop(PROVEN, None)
            return redirect("my-providers")
    page = {
        "connected": reads.of(account),
        "offered": reads.offered(account.district_id),
        "asks": asks,
        "title": next((each.title for each in reads.offered(account.district_id) if asks and each.pk == asks["provider"]), ""),
        "has_password": own.has_password(account),
        "wrong": wrong,
        "tab": "providers",
    }
    return render(request, "accounts/providers_mine.html", page, status=400 if wrong else 200)


def _ask_to_connect(request: HttpRequest, account: int, proven: Proven) -> HttpResponse:
    """Keep what was proved until whoever is signed in has seen it and says yes: it may be somebody else's account there."""
    if not request.user.is_authenticated or account_of(request).pk != account:
        raise SignInRefused("Somebody else has signed in here meanwhile")
    kept = {"account": account, "provider": proven.provider.pk, "issuer": proven.issuer, "subject": proven.subject}
    request.session[PROVEN] = kept | {"shown": proven.shown, "at": clock.now().timestamp()}
    return redirect("my-providers")


def _is_fresh(proved: dict[str, Any]) -> bool:
    return bool(clock.now().timestamp() - proved["at"] < LASTS)


# --- where it is set up ---


@needs(Right.IMPORTS)
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """List the ways to sign in of the district, who waits for an answer, and which sign-ins were unclear."""
    actor = actor_of(request)
    page = {
        "rail": "settings",
        "providers": providers.all_of(actor),
        "kinds": providers.KINDS.items(),
        "waiting": reads.waiting(actor.district),
        "unclear": reads.unclear(actor.district),
    }
    return render(request, "accounts/providers.html", page)


@needs(Right.IMPORTS)
@secret
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("client_secret")
def new(request: HttpRequest, kind: str) -> HttpResponse:
    """Ask for a new provider."""
    if kind not in providers.KINDS:
        raise NotFound("There is no such way to sign in")
    form = _form(kind, None)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = providers.add(actor_of(request), kind, form.cleaned_data)
        except ConfigError as error:
            form.complain(error)
        else:
            messages.success(request, f"People can sign in with {made.title} now. Try it once yourself, in a private window.")
            return redirect("provider", made.pk)
    return _page(request, kind, form, None)


@needs(Right.IMPORTS)
@secret
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("client_secret")
def show(request: HttpRequest, provider: int) -> HttpResponse:
    """Show a provider; change, try, stop or offer it again."""
    actor = actor_of(request)
    found = providers.get(actor, provider)
    kept = {name: getattr(found, name) for name in ("title", "issuer", "tenant", "client_id")}
    initial = kept | {"domains": "\n".join(found.domains)}
    do = request.POST.get("do", "save")
    form = _form(found.kind, found)(request.POST if request.method == "POST" and do == "save" else None, initial=initial)
    if request.method == "POST" and do in ("enable", "disable"):
        providers.set_enabled(actor, found, enabled=do == "enable")
        messages.success(request, "It is offered on the sign-in page." if do == "enable" else "Nobody gets in by it any more.")
        return redirect("provider", found.pk)
    tried, works = "", False
    if request.method == "POST" and do == "test":
        try:
            tried, works = providers.try_out(actor, found), True
        except ConfigError as error:
            tried = f"{error}."
    elif request.method == "POST" and form.is_valid():
        try:
            providers.change(actor, found, form.cleaned_data)
        except ConfigError as error:
            form.complain(error)
        else:
            messages.success(request, "The settings have been saved.")
            return redirect("provider", found.pk)
    return _page(request, found.kind, form, found, tried=tried, works=works)


@needs(Right.IMPORTS)
@secret
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, provider: int) -> HttpResponse:
    """Ask whether a provider is to be forgotten, and forget it."""
    actor = actor_of(request)
    found = providers.get(actor, provider)
    if request.method == "POST":
        providers.remove(actor, found)
        messages.success(request, f"{found.title} has been removed.")
        return redirect("providers")
    page = {"rail": "settings", "provider": found, "people": reads.people(found)}
    return render(request, "accounts/providers_remove.html", page)


@needs(Right.IMPORTS)
@require_safe
def clever(request: HttpRequest) -> HttpResponse:
    """Show the addresses to paste into Clever's portal, and the steps there."""
    district = actor_of(request).district
    start_at = f"{settings.PUBLIC_URL}{reverse('start')}?district={district}"
    offered = reads.offered(district)
    kinds = {each.kind: each for each in offered if each.kind != "clever"}
    alone = [each for kind, each in kinds.items() if sum(other.kind == kind for other in offered) == 1]
    page = {"rail": "settings", "start": start_at, "links": [(each, f"{start_at}&with={each.kind}") for each in alone]}
    return render(request, "accounts/clever.html", page)


@needs(Right.RIGHTS)
@secret
@require_POST
def answer(request: HttpRequest, identity: int) -> HttpResponse:
    """Confirm or turn down somebody who waits."""
    confirmed = request.POST.get("do") == "confirm"
    identities.answer(actor_of(request), identity, confirmed=confirmed)
    messages.success(request, "Confirmed: from now on that opens the account." if confirmed else "Turned down.")
    return redirect("providers" if actor_of(request).may(Right.IMPORTS) else "home")


def _page(
    request: HttpRequest, kind: str, form: Spoken, provider: SignInProvider | None, *, tried: str = "", works: bool = False
) -> HttpResponse:
    page = {
        "rail": "settings",
        "kind": kind,
        "name": providers.KINDS[kind].title,
        "provider": provider,
        "form": form,
        "back": back_address(),
        "tried": tried,
        "works": works,
    }
    return render(request, "accounts/providers_one.html", page, status=400 if form.errors else 200)


def _form(kind: str, provider: SignInProvider | None) -> type[Spoken]:
    """Make the form of one kind of provider."""
    known = providers.KINDS[kind]
    plain = forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"})
    kept = bool(provider and provider.client_secret)
    fields: dict[str, forms.Field] = {
        "title": forms.CharField(
            label="Name",
            initial=known.title,
            max_length=40,
            help_text="What the button on the sign-in page says: Sign in with …",
        )
    }
    if not known.issuer:
        fields["issuer"] = forms.CharField(
            label="Address", widget=plain, help_text="The issuer, such as https://login.maple.example."
        )
    if known.tenant:
        words = {
            "microsoft": "Directory (tenant) ID, on the overview page of your app in Microsoft Entra.",
            "clever": "The number of your district at Clever; Clever's support or your application's page names it.",
        }
        fields["tenant"] = forms.CharField(label=known.tenant, widget=plain, help_text=words[kind])
    fields["client_id"] = forms.CharField(label="Client ID", widget=plain)
    fields["client_secret"] = Secret(
        label="Client secret",
        kept=kept,
        required=known.needs_secret and not kept,
        help_text="One is stored and never shown. Leave empty to keep it."
        if kept
        else "Stored encrypted, and never shown again.",
    )
    fields["domains"] = forms.CharField(
        label="Domains of your school",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=DOMAINS[kind],
    )
    return type("ProviderForm", (Spoken,), fields)


DOMAINS = {
    "google": "One a line, as Google Admin lists them. Only Workspace accounts of these domains are let in.",
    "microsoft": "One a line. The first time, only an address in one of them says whose account it is.",
    "openid": "One a line. The first time, only a verified address in one of them says whose account it is.",
    "clever": "One a line. The first time, only an address in one of them says whose account it is.",
}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else 0
