"""Sign-in: who somebody is, by email and password, with a pause for those who guess."""

from datetime import timedelta

from django.contrib.auth import authenticate
from django.db import transaction

from rollbook.domain.errors import RollbookError
from rollbook.lib import clock
from rollbook.store import audit
from rollbook.store.models import Account, SignInFailure

#: So many failures in WINDOW close the door: of one account from one address, of one address, of one account from anywhere.
#: A school shares one address, and nobody should be able to lock another one out: so the first is low and the others are high.
WINDOW = timedelta(minutes=15)
PAIR, ADDRESS, ACCOUNT = 10, 100, 100


class SignInRefused(RollbookError):
    """The email and the password are not those of an account."""

    left_alone = "Nobody was signed in."
    next_step = "Check both and try again. An administrator of your district can tell whether you have an account."
    exit_code = 2


class TooManyFailures(SignInRefused):
    """Somebody is guessing, or has forgotten."""

    next_step = "Wait a quarter of an hour, then try again."


def sign_in(email: str, password: str, address: str) -> Account:
    """Return the account of this email and password. Raises SignInRefused, TooManyFailures.

    Shape: failures are rows of our own, so that several processes count together, without another service.
    """
    email = email.strip().lower()
    keys = {f"{email} {address}": PAIR, f"from {address}": ADDRESS, f"to {email}": ACCOUNT}
    since = clock.now() - WINDOW
    if any(SignInFailure.objects.filter(key=key, at__gt=since).count() >= limit for key, limit in keys.items()):
        raise TooManyFailures("There were too many failed sign-ins in a short time")
    account = authenticate(username=email, password=password)
    if isinstance(account, Account):
        SignInFailure.objects.filter(key__in=[f"{email} {address}", f"to {email}"]).delete()
        return account
    with transaction.atomic():
        SignInFailure.objects.filter(at__lt=since).delete()
        SignInFailure.objects.bulk_create([SignInFailure(key=key, at=clock.now()) for key in keys])
        known = Account.objects.filter(email=email).first()
        if known is not None:
            audit.note(known.district_id, known.email, "sign-in.failed", address=address)
    raise SignInRefused("This email and password do not belong to an account")
