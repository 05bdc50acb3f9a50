"""Sign-in by a provider: what it proves about somebody, and whose account that opens. No account is ever made here.

The first time a person is known by an address that the provider vouches for. From then on only the number counts by which the
provider knows that person: addresses change hands.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from rollbook.actions import letters, own, providers, reach
from rollbook.actions.actor import Actor
from rollbook.domain.errors import Conflict, NotAllowed, NotFound, RollbookError
from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.lib import openid as protocol
from rollbook.lib.openid import Client, Flow
from rollbook.store import audit, desk, failures
from rollbook.store import providers as reads
from rollbook.store.models import Account, Identity, SignInProvider

log = logging.getLogger(__name__)

#: So many sign-ins may be begun from one address within WINDOW and not brought to an end: a whole school shares one.
WINDOW, BEGUN = timedelta(minutes=15), 1_000


class SignInRefused(RollbookError):
    """A provider said who somebody is, and that opens nothing here."""

    left_alone = "Nobody was signed in."
    next_step = "Try again, or sign in with your password. An administrator of your district can help."
    exit_code = 2


class TooManyBegun(SignInRefused):
    """Somebody begins and does not come back, again and again."""

    next_step = "Wait a quarter of an hour, then try again, or sign in with your password."


class NotTheirs(SignInRefused):
    """Somebody signed in with an account that does not belong to the district."""

    next_step = "Sign out there, then sign in with the account that your school gave you."


class NoAccount(SignInRefused):
    """Nobody here is known by what the provider says."""

    next_step = "Ask your school whether you have an account here, and by which email."


class NotActive(SignInRefused):
    """The account is pending or inactive."""

    next_step = "An administrator of your district can tell when that changes."


class Unclear(SignInRefused):
    """What the provider says fits several people, or somebody else was there before."""

    next_step = "An administrator of your district has been told, and can help."


class Waits(SignInRefused):
    """The account has rights over others, and is opened in a new way only by its holder or by another administrator."""

    next_step = (
        "Sign in with your password and connect it under “Ways to sign in”, or ask another administrator to confirm it there: "
        "Settings, Sign-in."
    )


class TakenElsewhere(Conflict):
    """Somebody else is known by this already."""

    left_alone = "Nothing was connected."
    next_step = "Sign in with another account at the provider, or ask an administrator."


class LastWay(Conflict):
    """Nobody should shut their own door from outside."""

    left_alone = "It stays connected."
    next_step = "Set a password first, or connect another provider."


@dataclass(frozen=True)
class Proven:
    """What a provider says about a person, as far as it can be believed."""

    provider: SignInProvider
    issuer: str
    subject: str
    emails: tuple[str, ...] = ()  # in lower case, in a domain of the district
    shown: str = ""  # what the person is called there, for the person alone


def begin(provider: SignInProvider, back: str, address: str, *, choose: bool = False) -> tuple[Flow, str]:
    """Return the secrets of a new sign-in, and where the browser goes. `choose`: the provider asks which account it is to be.

    Errors: SignInRefused where the provider cannot be asked; TooManyBegun.
    """
    if failures.count(_begun(address), WINDOW) >= BEGUN:
        raise TooManyBegun("Too many sign-ins were begun at your address and not brought to an end")
    failures.add(_begun(address))
    hints = {}
    if provider.kind == "google":
        hints["hd"] = provider.domains[0] if len(provider.domains) == 1 else "*"  # it only narrows what is offered
    if provider.kind == "clever":
        hints["district_id"] = provider.tenant
    if choose and provider.kind in ("google", "microsoft"):
        hints["prompt"] = "select_account"
    try:
        found = providers.openid().discover(provider.issuer)
    except protocol.Unusable as error:
        raise _failed(provider, error) from None
    flow = protocol.begin()
    return flow, protocol.address(found, _client(provider, back), flow, **hints)


def prove(provider: SignInProvider, back: str, flow: Flow, code: str, said_by: str, address: str) -> Proven:
    """Return who has signed in at a provider. `said_by` is what it called itself in its answer to the browser.

    Errors: SignInRefused.
    """
    asks = providers.openid()
    try:
        found = asks.discover(provider.issuer)
        if (said_by and said_by != found.issuer) or (found.names_itself and not said_by):
            raise protocol.Refused("the answer came from another provider")
        claims = asks.redeem(found, _client(provider, back), flow, code)
    except (protocol.Unusable, protocol.Refused) as error:
        raise _failed(provider, error) from None
    failures.take_back(_begun(address))
    return believed(provider, claims)


def believed(provider: SignInProvider, claims: Mapping[str, Any]) -> Proven:
    """Return what can be believed of a token's claims. Raises NotTheirs, for people who are none of the district's.

    Only the JSON value true is true: the text "false" is not empty, and has let strangers in elsewhere.
    """
    issuer, subject = provider.issuer, str(claims["sub"])
    stated = [claims.get("email")] if claims.get("email_verified") is True else []
    if provider.kind == "google":
        # Not the domain of the address: anybody may have a private Google account with a school's address.
        if claims.get("hd") not in provider.domains:
            raise _not_theirs(provider, "of the domain", claims.get("hd"))
    elif provider.kind == "microsoft":
        tenant, person = claims.get("tid"), claims.get("oid")
        if tenant != provider.tenant or not isinstance(person, str) or not re.fullmatch(r"[0-9a-fA-F-]{30,60}", person):
            raise _not_theirs(provider, "of the tenant", tenant)
        issuer, subject = provider.tenant, person.lower()
        # Addresses of the tenant's own people are its administrator's; those of a guest are the guest's.
        guest = provider.tenant not in str(claims.get("idp", provider.tenant)) or claims.get("acct") == 1
        trusted = claims.get("xms_edov", True) is True and not guest
        stated = [claims.get("email"), claims.get("preferred_username"), claims.get("upn")] if trusted else []
    elif provider.kind == "clever":
        if claims.get("district") != provider.tenant:
            raise _not_theirs(provider, "of the district", claims.get("district"))
        issuer, stated = (
            f"{provider.issuer}/{provider.tenant}",
            [claims.get("email")],
        )  # the district's own, whatever the flag says
    emails = tuple(dict.fromkeys(each for one in stated if (each := _email(one, provider.domains))))
    words = (claims.get(name) for name in ("email", "preferred_username", "name"))
    shown = next(
        (each[:200] for each in words if isinstance(each, str) and each.isprintable() and each), "somebody without a name"
    )
    return Proven(provider, issuer, subject, emails, shown)


def enter(proven: Proven) -> Account:
    """Return the account that is opened: the one that is connected, or, the first time, the one that has the proven address.

    Errors: SignInRefused, as its kind.
    """
    known = reads.known(proven.provider, proven.issuer, proven.subject)
    if known is not None and known.confirmed:
        if not known.account.is_active:
            raise _not_active([known.account])
        account = known.account
        with transaction.atomic():
            Identity.objects.filter(pk=known.pk).update(used_at=clock.now())
            own.note(account, "sign-in.provider", proven.provider.title)
        return account
    return _connected_by_email(proven, _of_one_human(proven))


def connect(account: Account, proven: Proven, password: str, since: datetime) -> Identity:
    """Connect somebody who is signed in, `since` when, with what a provider proved a moment ago.

    Errors: ConfigError at a wrong password; TakenElsewhere, NotFound.
    """
    provider = proven.provider
    if provider.district_id != account.district_id:
        raise NotFound("There is no such way to sign in")
    own.prove_anew(account, password, since)
    with transaction.atomic():
        Identity.objects.filter(
            provider=provider, issuer=proven.issuer, subject=proven.subject, confirmed=False
        ).delete()  # who waits for an administrator is here himself
        made, new = Identity.objects.get_or_create(
            provider=provider,
            issuer=proven.issuer,
            subject=proven.subject,
            defaults={"district_id": account.district_id, "account": account, "made_at": clock.now()},
        )
        if made.account_id != account.pk:
            raise TakenElsewhere(f"This {provider.title} account opens another account here already")
        if new:
            own.note(account, "provider.connected", provider.title)
            letters.post(
                account.email,
                "A new way to sign in to Rollbook",
                f"{provider.title} was connected to your account: whoever signs in there as you is let in here.",
                "If that was not you, sign in, look under “Ways to sign in”, and tell an administrator of your district.",
            )
    return made


@transaction.atomic
def disconnect(account: Account, number: int) -> None:
    """Take one of their own ways to sign in away. Raises NotFound, LastWay."""
    mine = reads.of(account)
    found = next((each for each in mine if each.pk == number), None)
    if found is None:
        raise NotFound("This is not connected")
    if len(mine) == 1 and not own.has_password(account):
        raise LastWay("Your account has no password, so this is the only way in")
    found.delete()
    own.note(account, "provider.disconnected", found.provider.title)


def answer(actor: Actor, number: int, *, confirmed: bool) -> None:
    """Confirm that somebody who waits is the holder of the account, or turn that down.

    Errors: NotFound; NotAllowed for their own account, and for one with rights that the actor lacks.
    """
    actor.must(Right.RIGHTS)
    rows = Identity.objects.select_related("account", "provider")
    found = rows.filter(district_id=actor.district, pk=number, confirmed=False).first()
    if found is None:
        raise NotFound("Nobody waits there any more")
    if found.account_id == actor.account:
        raise NotAllowed("This is your own account. Connect it under “Ways to sign in”, or let another administrator confirm it")
    if confirmed and not reach.covers_human(actor, found.account):
        raise NotAllowed("This account has rights that you do not have")
    with transaction.atomic():
        still = Identity.objects.filter(pk=found.pk, confirmed=False)
        if not (still.update(confirmed=True) if confirmed else still.delete()[0]):
            raise NotFound("Nobody waits there any more")
        act = "provider.confirmed" if confirmed else "provider.turned-down"
        audit.note(actor.district, actor.name, act, found.provider.title, concerns=found.account_id)


def _of_one_human(proven: Proven) -> list[Account]:
    """Return the active accounts of the one person who has a proven address. Raises SignInRefused, as its kind."""
    provider = proven.provider
    if not proven.emails:
        audit.note(provider.district_id, "somebody", "sign-in.refused", provider.title, because="no address that is proven")
        raise NoAccount(f"{provider.title} does not vouch for an email address of your school")
    found = reads.reached_at(provider.district_id, proven.emails)
    active = [each for each in found if each.is_active]
    if found and not active:
        raise _not_active(found)
    if not active:
        audit.note(provider.district_id, "somebody", "sign-in.refused", provider.title, because="no account")
        raise NoAccount("There is no account here for the email that you signed in with")
    several = len(active) > 1 and not any(
        len({getattr(each, name) for each in active}) == 1 and getattr(active[0], name) is not None for name in ("one", "person")
    )
    if several or reads.taken(active, provider, proven.issuer, proven.subject):
        because = "several accounts have the address" if several else "the account is connected to somebody else there"
        raise _unclear(provider, active, because)
    return active


def _connected_by_email(proven: Proven, active: list[Account]) -> Account:
    """Connect the first of these accounts, or let that wait for an administrator where rights come with it."""
    provider, now = proven.provider, clock.now()
    waits = any(desk.given_to_one_human(each) or desk.has_rights_elsewhere(each) for each in active)
    with transaction.atomic():
        # Two people with one address at the same moment: the second one sees the first one's connection.
        account: Account = Account.objects.select_for_update(of=("self",)).select_related("district").get(pk=active[0].pk)
        taken = reads.taken(active, provider, proven.issuer, proven.subject)
        if not taken and account.is_active:
            made, _ = Identity.objects.get_or_create(
                provider=provider,
                issuer=proven.issuer,
                subject=proven.subject,
                defaults={"district_id": provider.district_id, "account": account, "confirmed": not waits, "made_at": now},
            )
            taken = made.confirmed and made.account_id != account.pk
            if not taken:  # whoever waited so far may have become another one
                made.account, made.confirmed, made.used_at = account, made.confirmed or not waits, None if waits else now
                made.save(update_fields=["account", "confirmed", "used_at"])
                own.note(account, "provider.waits" if waits else "sign-in.provider", provider.title)
                if not waits:
                    return account
    if taken:
        raise _unclear(provider, active, "the account is connected to somebody else there")
    if not account.is_active:
        raise _not_active([account])
    raise Waits(f"Your account has rights over others, so {provider.title} does not open it by itself")


def _unclear(provider: SignInProvider, accounts: list[Account], because: str) -> Unclear:
    numbers = [each.pk for each in accounts[:10]]
    audit.note(provider.district_id, "somebody", "sign-in.unclear", provider.title, because=because, accounts=numbers)
    return Unclear("It is not clear which account here is yours")


def _not_active(accounts: list[Account]) -> NotActive:
    pending = any(each.state == "pending" for each in accounts)
    for each in accounts:
        own.note(each, "sign-in.refused", because=each.state)
    return NotActive("Your account here is not open yet" if pending else "Your account here is closed")


def _not_theirs(provider: SignInProvider, what: str, value: Any) -> NotTheirs:
    said = value if isinstance(value, str) and re.fullmatch(r"[\w.-]{1,80}", value, re.ASCII) else "none"
    audit.note(provider.district_id, "somebody", "sign-in.refused", provider.title, because=f"{what} {said}")
    return NotTheirs(f"The {provider.title} account that you signed in with does not belong to your school")


def _failed(provider: SignInProvider, error: Exception) -> SignInRefused:
    log.warning("sign-in by provider %d: %s", provider.pk, error)
    return SignInRefused(f"The sign-in with {provider.title} did not come to an end")


def _begun(address: str) -> str:
    return f"begun at {address}"


def _client(provider: SignInProvider, back: str) -> Client:
    return Client(provider.client_id, provider.client_secret, back)


def _email(said: Any, domains: list[str]) -> str:
    """Return an address in lower case if it is in one of these domains, else nothing.

    Letters beyond ASCII are none of an address here: some of them become plain ones in lower case, and would be somebody else.
    """
    if not isinstance(said, str) or not re.fullmatch(r"[\x21-\x3f\x41-\x7e]{1,64}@[A-Za-z0-9.-]{1,189}", said):
        return ""
    email = said.lower()
    return email if email.rpartition("@")[2] in domains else ""
