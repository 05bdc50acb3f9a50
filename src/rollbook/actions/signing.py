"""Sign-in: who somebody is, by name and password, with patience for those who err and a rest for those who guess."""

import secrets
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import transaction

from rollbook.actions import factors, passwords
from rollbook.domain.errors import RollbookError
from rollbook.lib import clock
from rollbook.store import accounts, audit, failures
from rollbook.store.models import Account

#: So many failures within WINDOW close the door: of one name from one address, and of one address.
WINDOW = timedelta(minutes=15)
PAIR, ADDRESS = 10, 100
#: So many failures in a row, from wherever, and the account rests; so many from a known device, and the device is unknown.
ACCOUNT, DEVICE = 10, 10
#: Among so many accounts of one name the password is tried: each costs a hash.
SEVERAL = 10
#: So long a device is known after somebody signed in with it.
KNOWN = timedelta(days=365)


class SignInRefused(RollbookError):
    """The name and the password are not those of an account, or the account rests: nobody is told which."""

    left_alone = "Nobody was signed in."
    next_step = (
        "Check both and try again. After ten failures an account rests for a quarter of an hour or longer; "
        "an administrator of your district can end that, and can tell whether you have an account."
    )
    exit_code = 2


class TooManyFailures(SignInRefused):
    """Somebody is guessing, or has forgotten."""

    next_step = "Wait a quarter of an hour, then try again."


class WhichDistrict(SignInRefused):
    """Too many accounts have this name to try the password on all of them."""

    next_step = "Use the other one of the two, or go to the sign-in address that your school gives you."


def sign_in(name: str, password: str, address: str, device: str = "", district: int = 0) -> Account:
    """Return the account of this username or email and password. Raises SignInRefused, TooManyFailures, WhichDistrict.

    Where several accounts are called so, in one district or in several, the password tells which is meant, but not among more
    than SEVERAL: then the district has to be known, by the address of the sign-in page.

    Guessers meet three things. One name from one address has ten tries in a quarter of an hour, and one address has a hundred.
    After ten failures in a row from wherever the account rests, for a quarter of an hour and then twice as long with each failure
    more, up to a day. What they do not get is somebody else locked out: a device with which the account has signed in before
    carries `device`, and neither the rest nor what others do at the same address counts for it. It has ten tries of its own;
    then it is a device like any other.

    Shape: each account of that name costs one hash, no account costs one, too, and so does one that rests.
    """
    name = name.strip().lower()[:254]
    password = password if len(password) <= passwords.LONGEST else ""
    candidates = accounts.called(name, SEVERAL + 1, district)
    if len(candidates) > SEVERAL:
        raise WhichDistrict(f"More than {SEVERAL} accounts have this username or email")
    number, known = _known(device)
    trusted = bool(known & {each.pk for each in candidates}) and failures.count(f"device {number}") < DEVICE
    keys = {f"device {number}": DEVICE} if trusted else {f"{name} {address}": PAIR, f"from {address}": ADDRESS}
    if not trusted and any(failures.count(key, WINDOW) >= most for key, most in keys.items()):
        raise TooManyFailures("There were too many failed sign-ins in a short time")
    now = clock.now()
    resting = {each.pk for each in candidates if each.locked_until and each.locked_until > now}
    fitting = [each for each in candidates if each.check_password(password)]
    if not candidates:
        make_password(password)  # so that the time it takes does not tell who has an account
    account = next((each for each in fitting if each.pk not in resting or (trusted and each.pk in known)), None)
    if account is None:
        _count([each for each in candidates if each.pk not in resting and not trusted], list(keys), candidates, address)
        raise SignInRefused("This name and password do not belong to an account, or it rests")
    failures.forget(f"{name} {address}", f"device {number}")
    unlock(account)
    if len(password) < passwords.ALONE and not factors.demanded(account) and not factors.of(account):
        Account.objects.filter(pk=account.pk).update(must_change_password=True)  # it was good enough beside a second factor
        account.must_change_password = True
    return account


def unlock(account: Account) -> None:
    """End the rest of an account, and forget its failures. Needs: whoever calls it has asked who may, and writes it down."""
    failures.forget(f"of {account.pk}")
    if account.locked_until is not None:
        Account.objects.filter(pk=account.pk).update(locked_until=None)
        account.locked_until = None


def remember(account: Account, device: str = "") -> str:
    """Return what a device carries from now on, so that it is known to have signed in with this account."""
    number, known = _known(device)
    kept = [*sorted(known - {account.pk})[-9:], account.pk]
    return signing.dumps({"number": number or secrets.token_urlsafe(12), "accounts": kept}, salt="device")


def _known(device: str) -> tuple[str, frozenset[int]]:
    try:
        found: dict[str, Any] = signing.loads(device, salt="device", max_age=KNOWN) if device else {}
    except signing.BadSignature:
        found = {}
    return found.get("number", ""), frozenset(found.get("accounts", ()))


@transaction.atomic
def _count(counted: list[Account], keys: list[str], candidates: list[Account], address: str) -> None:
    """Write a failure down, and let the accounts rest that have had too many in a row."""
    failures.add(*keys, *(f"of {each.pk}" for each in counted))
    for each in candidates:
        audit.note(each.district_id, "somebody", "sign-in.failed", concerns=each.pk, address=address)
    for each in counted:
        if rest := failures.rest_after(failures.count(f"of {each.pk}"), ACCOUNT):
            Account.objects.filter(pk=each.pk).update(locked_until=clock.now() + rest)
            minutes = int(rest.total_seconds() // 60)
            audit.note(each.district_id, "somebody", "account.locked", concerns=each.pk, minutes=minutes)
