"""What a person may ask of sign-in by Google, Microsoft, Clever or any OpenID provider: set up, try, stop, remove."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db import transaction

from rollbook.actions.actor import Actor
from rollbook.domain.errors import ConfigError, NotFound
from rollbook.domain.rights import Right
from rollbook.lib.http import Http, Limits
from rollbook.lib.openid import OpenID, Unusable, read_issuer
from rollbook.store import audit
from rollbook.store.models import Identity, SignInProvider


@dataclass(frozen=True)
class Kind:
    """One kind of provider: its name, where it is, and what it calls the part of it that a district is."""

    title: str
    issuer: str = ""  # "": everybody has another one
    tenant: str = ""
    needs_secret: bool = True


KINDS: dict[str, Kind] = {
    "google": Kind("Google", "https://accounts.google.com"),
    "microsoft": Kind("Microsoft", "https://login.microsoftonline.com/{tenant}/v2.0", "Tenant ID"),
    "openid": Kind("OpenID", needs_secret=False),
    "clever": Kind("Clever", "https://clever.com", "District ID"),
}
SETTINGS = ("title", "issuer", "tenant", "client_id", "client_secret", "domains")
SECRET = "client_secret"  # noqa: S105 - a name
GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
#: Microsoft's tenant of everybody who has a private account.
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
CLEVER_ID = re.compile(r"[0-9a-f]{24}")
DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
#: Addresses there belong to whoever asked first, in no school.
EVERYBODYS = {"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "icloud.com"}


def all_of(actor: Actor) -> list[SignInProvider]:
    """Return the providers of the actor's district."""
    actor.must(Right.IMPORTS)
    return list(SignInProvider.objects.filter(district_id=actor.district).order_by("pk"))


def get(actor: Actor, number: int) -> SignInProvider:
    """Return one provider of the actor's district. Raises NotFound."""
    actor.must(Right.IMPORTS)
    found = SignInProvider.objects.filter(district_id=actor.district, pk=number).first()
    if found is None:
        raise NotFound("There is no such way to sign in")
    return found


def add(actor: Actor, kind: str, values: Mapping[str, str]) -> SignInProvider:
    """Set up a provider; from then on people may sign in by it. Raises ConfigError, NotFound."""
    actor.must(Right.IMPORTS)
    if kind not in KINDS:
        raise NotFound("There is no such way to sign in")
    made = SignInProvider(district_id=actor.district, kind=kind)
    _fill(made, values)
    with transaction.atomic():
        made.save()
        audit.note(actor.district, actor.name, "provider.added", made.title, kind=kind, domains=made.domains)
    return made


def change(actor: Actor, provider: SignInProvider, values: Mapping[str, str]) -> SignInProvider:
    """Change a provider. A secret that is left empty stays, unless it would go to another place. Raises ConfigError."""
    found = get(actor, provider.pk)
    before = {name: getattr(found, name) for name in SETTINGS}
    _fill(found, values)
    differs = [name for name in SETTINGS if getattr(found, name) != before[name]]
    if differs:
        with transaction.atomic():
            found.save()
            audit.note(actor.district, actor.name, "provider.changed", found.title, settings=differs, domains=found.domains)
    return found


def set_enabled(actor: Actor, provider: SignInProvider, *, enabled: bool) -> SignInProvider:
    """Let nobody in by a provider any more, or let them in again. Who is whom there stays known."""
    found = get(actor, provider.pk)
    if found.enabled != enabled:
        found.enabled = enabled
        with transaction.atomic():
            found.save(update_fields=["enabled"])
            audit.note(actor.district, actor.name, "provider.enabled" if enabled else "provider.disabled", found.title)
    return found


@transaction.atomic
def remove(actor: Actor, provider: SignInProvider) -> None:
    """Forget a provider, and who is whom there."""
    found = get(actor, provider.pk)
    people = Identity.objects.filter(provider=found).count()
    audit.note(actor.district, actor.name, "provider.removed", found.title, people=people)
    found.delete()


def try_out(actor: Actor, provider: SignInProvider) -> str:
    """Ask a provider what it says of itself and by which keys it signs; return a sentence. Raises ConfigError."""
    found = get(actor, provider.pk)
    asks = openid()
    try:
        said = asks.discover(found.issuer, anew=True)
        keys = len(asks.keys(said, anew=True).keys)
    except Unusable as error:
        raise ConfigError(f"{found.title} cannot be used yet: {error}") from None
    signs = "one key" if keys == 1 else f"{keys} keys"
    return f"{found.title} answers at {said.issuer} and signs by {signs}. Whether it takes the client ID, a sign-in shows."


def openid() -> OpenID:
    """Return what asks providers, as this installation may ask."""
    return _openid(tuple(settings.ALLOWED_NETWORKS))


@cache
def _openid(allowed: tuple[str, ...]) -> OpenID:
    # Somebody looks at the screen, and a whole school signs in at eight o'clock.
    limits = Limits(
        connect=5.0, read=8.0, write=5.0, whole=10.0, body=2**20, unpacked=2**21, tries=2, patience=15.0, apart=0.0, at_once=16
    )
    return OpenID(Http(allowed=allowed, limits=limits), allowed)


def _fill(provider: SignInProvider, values: Mapping[str, str]) -> None:
    """Put what was typed into a provider, checked. Raises ConfigError with every complaint at once."""
    kind, wrong = KINDS[provider.kind], dict[str, str]()
    given = {
        name: values.get(name, "").strip() for name in ("title", "issuer", "tenant", "client_id", "client_secret", "domains")
    }
    tenant = given["tenant"].lower() if kind.tenant else ""
    if provider.kind == "microsoft" and (not GUID.fullmatch(tenant) or tenant == PERSONAL):
        wrong["tenant"] = "is the number of your own tenant, such as 1b2c3d4e-…; “common” would let strangers in"
    if provider.kind == "clever" and not CLEVER_ID.fullmatch(tenant):
        wrong["tenant"] = "is the number by which Clever knows your district, a row of 24 signs"
    issuer = kind.issuer.format(tenant=tenant)
    if not kind.issuer:
        try:
            issuer = read_issuer(given["issuer"], settings.ALLOWED_NETWORKS) if given["issuer"] else ""
        except ValueError as error:
            wrong["issuer"] = str(error)
        if not given["issuer"]:
            wrong["issuer"] = "is needed"
    domains = sorted({each.lower().lstrip("@").rstrip(".") for each in re.split(r"[\s,;]+", given["domains"]) if each})
    if unfit := [each for each in domains if not DOMAIN.fullmatch(each)]:
        wrong["domains"] = f"has “{unfit[0]}” in it, which is no domain; write them as maple.example"
    elif everybodys := EVERYBODYS.intersection(domains):
        wrong["domains"] = f"has {min(everybodys)} in it, where anybody may have an address"
    elif not domains:
        wrong["domains"] = "is needed: only addresses there are believed"
    if not re.fullmatch(r"[\x21-\x7e]{1,300}", given["client_id"]):
        wrong["client_id"] = "has a blank in it, or a sign that none has" if given["client_id"] else "is needed"
    secret = given["client_secret"] or (provider.client_secret if issuer == provider.issuer else "")
    if provider.client_secret and not secret:
        wrong[SECRET] = "has to be entered again: the one that is kept is for the provider as it was"
    elif kind.needs_secret and not secret:
        wrong[SECRET] = "is needed"
    if len(given["title"]) > 40:
        wrong["title"] = "is longer than 40 letters"
    if wrong:
        raise ConfigError(fields=wrong)
    provider.title = given["title"] or kind.title
    provider.issuer, provider.tenant, provider.domains = issuer, tenant, domains
    provider.client_id, provider.client_secret = given["client_id"], secret
