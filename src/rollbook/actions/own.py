"""What an account does to itself: it is written down, and what matters asks for the password again."""

from datetime import datetime, timedelta
from typing import Any

from rollbook.domain.errors import ConfigError
from rollbook.lib import clock
from rollbook.store import audit, failures
from rollbook.store.models import Account

#: So many wrong answers to "your password, once more" in a row, and there is a rest: somebody found an open browser.
WRONG = 10

#: So long a sign-in stands for the password that an account does not have.
FRESH = timedelta(minutes=10)


def name_of(account: Account) -> str:
    """Return what the audit log calls an account."""
    return account.email or account.username or f"account {account.pk}"


def note(account: Account, act: str, about: str = "", **detail: Any) -> None:
    """Write down what somebody did to their own account."""
    audit.note(account.district_id, name_of(account), act, about, concerns=account.pk, **detail)


def prove(account: Account, password: str, field: str = "old") -> None:
    """Return if this is the account's password. Raises ConfigError, at the field that it was typed into."""
    key = f"proof {account.pk}"
    if failures.rests_until(key, WRONG):
        raise ConfigError(fields={field: "was wrong too often. Wait a quarter of an hour or longer, then try again"})
    if not account.check_password(password[:256]):
        failures.add(key)
        raise ConfigError(fields={field: "is not right"})
    failures.forget(key)


def has_password(account: Account) -> bool:
    """Say whether somebody can sign in to an account with a password."""
    return bool(account.password) and account.has_usable_password()


def is_fresh(since: datetime) -> bool:
    """Say whether somebody has signed in a moment ago."""
    return since > clock.now() - FRESH


def prove_anew(account: Account, password: str, since: datetime) -> None:
    """Return if the holder sits there still: who knows the password or, where there is none, has signed in a moment ago.

    Errors: ConfigError, at `password`. Whoever has found or stolen a session opens no second way in with it.
    """
    if has_password(account):
        prove(account, password, "password")
    elif not is_fresh(since):
        said = "is not there to be asked for. Sign out, sign in again, and do it within ten minutes"
        raise ConfigError(fields={"password": said})
