"""Second factors: who must have one, an app that shows codes, and recovery codes for the day on which all is lost."""

import hashlib
import secrets
from datetime import datetime

import pyotp
from django.conf import settings
from django.db import transaction

from rollbook.actions import letters, own, reach, sessions
from rollbook.actions.actor import Actor
from rollbook.domain.errors import ConfigError, NotFound, RollbookError
from rollbook.lib import clock
from rollbook.store import audit, failures
from rollbook.store.models import Account, AccountRight, Factor, RecoveryCode

#: So many wrong codes in a row, and no code is looked at for a while: there are only a million of them.
WRONG = 10
CODES = 10
STEP = 30  # seconds that a code of an app is shown
AT_MOST = 10  # factors of one account


class CodeRefused(RollbookError):
    """The second factor did not fit."""

    left_alone = "You are not signed in yet."
    next_step = "Take the code that the app shows now, or one of your recovery codes."
    exit_code = 2


def demanded(account: Account) -> bool:
    """Say whether an account must have a second factor: it does as soon as it holds a right over others."""
    return not settings.DEMO and AccountRight.objects.filter(account=account).exists()


def of(account: Account) -> list[Factor]:
    """Return the second factors that an account has; one that is being made has none."""
    return list(Factor.objects.filter(account_id=account.pk).exclude(confirmed_at=None).order_by("pk"))


def codes_left(account: Account) -> int:
    """Return how many recovery codes have not been used."""
    return RecoveryCode.objects.filter(account=account).count()


# --- an app that shows codes


def begin_app(account: Account) -> tuple[str, str]:
    """Return the secret for an app that is not confirmed yet, and the address that a phone reads from a picture."""
    begun = Factor.objects.filter(account=account, confirmed_at=None).first()
    if begun is None:
        fresh = {"kind": "app", "name": "", "secret": pyotp.random_base32(), "made_at": clock.now()}
        begun, _ = Factor.objects.get_or_create(account=account, confirmed_at=None, defaults=fresh)
    called = f"{account.district.name}: {account.username or account.email or account}"
    return begun.secret, pyotp.TOTP(begun.secret).provisioning_uri(name=called, issuer_name="Rollbook")


def confirm_app(account: Account, code: str, name: str = "", *, since: datetime, password: str = "") -> list[str]:
    """Keep the app if it shows the right code. Return recovery codes, if these are the first. Raises ConfigError.

    Who has not signed in a moment ago gives the password again: else a stolen session could shut its holder out.
    """
    must_be_holder(account, since, password)
    begun = Factor.objects.filter(account=account, confirmed_at=None).first()
    if begun is None:
        raise ConfigError(fields={"code": "belongs to a picture that is gone; scan the one that is shown now"})
    step = _step(begun, _digits(code))
    if step is None:
        raise ConfigError(fields={"code": "is not the one that this app shows now. Is the clock of the phone right?"})
    with transaction.atomic():
        room(account)
        now = clock.now()
        kept = Factor.objects.filter(pk=begun.pk, confirmed_at=None)
        kept.update(confirmed_at=now, used_at=now, last_step=step, name=name.strip()[:60] or "App on a phone")
        return added(account, "app")


# --- at the door


def check(account: Account, code: str) -> None:
    """Return if this is a code of the app, or a recovery code. Each is good once. Raises CodeRefused.

    Shape: recovery codes are too long to be guessed, so they work while an app's codes rest. Whoever only has the password can
    make the app's codes rest, but nothing else.
    """
    key = f"code {account.pk}"
    digits = _digits(code)
    if len(digits) == 6:
        if failures.rests_until(key, WRONG):
            raise CodeRefused(
                "There were too many wrong codes", next_step="Wait a quarter of an hour or longer, or use a recovery code."
            )
        with transaction.atomic():
            for factor in Factor.objects.filter(account=account, kind="app").exclude(confirmed_at=None):
                step = _step(factor, digits)
                fresh = Factor.objects.filter(pk=factor.pk, last_step__lt=step or 0)
                if step is not None and fresh.update(last_step=step, used_at=clock.now()):
                    failures.forget(key)
                    return
    elif RecoveryCode.objects.filter(account=account, digest=_digest(account, code)).delete()[0]:
        failures.forget(key)
        own.note(account, "second-factor.recovery", left=codes_left(account))
        return
    failures.add(key)
    own.note(account, "second-factor.failed")
    raise CodeRefused("This code does not fit, or was used already")


# --- afterwards


@transaction.atomic
def new_codes(account: Account, password: str) -> list[str]:
    """Replace the recovery codes; return the new ones. Raises ConfigError at a wrong password, or where there is no factor."""
    own.prove(account, password, "password")
    if not of(account):
        raise ConfigError(fields={"password": "is right, but there is no second factor for which a code could stand in"})
    own.note(account, "second-factor.codes")
    return _codes(account)


def remove(account: Account, number: int, password: str) -> None:
    """Remove one of their own factors; with the last one the recovery codes go. Raises ConfigError, NotFound.

    A password that is short because it was one of two has to be changed then.
    """
    own.prove(account, password, "password")
    with transaction.atomic():
        if not Factor.objects.filter(account=account, pk=number).exclude(confirmed_at=None).delete()[0]:
            raise NotFound("There is no such second factor")
        own.note(account, "second-factor.removed")
        _told(account, "was removed from")
        if not of(account):
            RecoveryCode.objects.filter(account=account).delete()


@transaction.atomic
def take_away(actor: Actor, account: Account) -> int:
    """Remove all factors of somebody who has lost them, and tell them. Raises NotAllowed, NotFound."""
    reach.must_change(actor, account)
    count, _ = Factor.objects.filter(account=account).delete()
    RecoveryCode.objects.filter(account=account).delete()
    failures.forget(f"code {account.pk}")
    sessions.end_all(actor, account)
    audit.note(actor.district, actor.name, "second-factor.taken-away", concerns=account.pk, count=count)
    letters.post(
        account.email,
        "The second factor of your Rollbook account was removed",
        f"An administrator of {account.district.name} has removed the second factor of your account, because it was lost.",
        "Was it not? Then tell them now: somebody else may have asked for it.",
    )
    return count


def must_be_holder(account: Account, since: datetime, password: str) -> None:
    """Return if who is signed in proved it a moment ago, or does so now. Raises ConfigError."""
    if not own.is_fresh(since):
        own.prove_anew(account, password, since)


def added(account: Account, kind: str) -> list[str]:
    """Note and tell that a factor was added. Return recovery codes, if there were none."""
    own.note(account, "second-factor.added", kind=kind)
    _told(account, "was added to")
    return [] if codes_left(account) else _codes(account)


def _told(account: Account, became: str) -> None:
    letters.post(
        account.email,
        f"A second factor {became} your Rollbook account",
        f"A second factor {became} your account in {account.district.name}.",
        "If that was not you, tell an administrator of your district now.",
    )


def room(account: Account) -> None:
    """Return if the account may have one more factor. Raises ConfigError."""
    if Factor.objects.filter(account=account).count() > AT_MOST:
        raise ConfigError(fields={"name": f"is one too many: an account has {AT_MOST} second factors at most. Remove one first"})


def _codes(account: Account) -> list[str]:
    made = ["-".join(pyotp.random_base32(32).lower()[at : at + 4] for at in range(0, 16, 4)) for _ in range(CODES)]
    RecoveryCode.objects.filter(account=account).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(account=account, digest=_digest(account, each)) for each in made])
    return made


def _digest(account: Account, code: str) -> str:
    """Hash a recovery code. It has 80 random bits: nothing slow is needed."""
    plain = "".join(each for each in code.lower() if each.isalnum())
    return hashlib.sha256(f"recovery code of account {account.pk}: {plain}".encode()).hexdigest()


def _digits(code: str) -> str:
    plain = "".join(code.split())
    return plain if plain.isascii() and plain.isdigit() else ""


def _step(factor: Factor, digits: str) -> int | None:
    """Return the half minute to which a code belongs: this one, or the one before or after it, for clocks that differ."""
    now = int(clock.now().timestamp()) // STEP
    app = pyotp.TOTP(factor.secret)
    return next((each for each in (now, now - 1, now + 1) if secrets.compare_digest(app.at(each * STEP), digits)), None)
