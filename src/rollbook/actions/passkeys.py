"""Passkeys: a second factor that a browser or a phone keeps, and that can't be given to the wrong site."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from fido2.server import Fido2Server
from fido2.webauthn import AttestedCredentialData, PublicKeyCredentialRpEntity, PublicKeyCredentialUserEntity

from rollbook.actions import factors, own
from rollbook.domain.errors import ConfigError
from rollbook.lib import clock
from rollbook.store.models import Account, Factor


def usable() -> bool:
    """Say whether browsers allow passkeys at this installation's address: it needs a name, and https or localhost."""
    where = urlsplit(settings.PUBLIC_URL)
    host = where.hostname or ""
    return host == "localhost" or (where.scheme == "https" and any(each.isalpha() for each in host) and ":" not in host)


def begin(account: Account) -> tuple[dict[str, Any], Any]:
    """Return what the browser is asked to make a passkey from, and what has to be kept until it has."""
    user = PublicKeyCredentialUserEntity(
        id=hashlib.sha256(f"rollbook account {account.pk}".encode()).digest(),
        name=account.username or account.email or str(account),
        display_name=str(account),
    )
    options, state = _server().register_begin(user, _credentials(account))
    return dict(options), state


def add(
    account: Account, kept: Any, answer: Mapping[str, Any], name: str = "", *, since: datetime, password: str = ""
) -> list[str]:
    """Keep the passkey that the browser has made. Return recovery codes, if these are the first. Raises ConfigError.

    As with an app, who has not signed in a moment ago gives the password again.
    """
    factors.must_be_holder(account, since, password)
    try:
        made = _server().register_complete(kept, answer).credential_data
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(fields={"name": "could not be kept: the browser's answer does not fit. Try again"}) from error
    if made is None:
        raise ConfigError(fields={"name": "could not be kept: the browser made no passkey"})
    number = made.credential_id.hex()
    with transaction.atomic():
        factors.room(account)
        if Factor.objects.filter(credential=number).exists():
            raise ConfigError(fields={"name": "could not be kept: this passkey is known already"})
        now = clock.now()
        called = name.strip()[:60] or "Passkey"
        Factor.objects.create(
            account=account,
            kind="passkey",
            name=called,
            secret=bytes(made).hex(),
            credential=number,
            made_at=now,
            confirmed_at=now,
        )
        return factors.added(account, "passkey")


def ask(account: Account) -> tuple[dict[str, Any], Any]:
    """Return what the browser is asked to sign, and what has to be kept until it has."""
    options, state = _server().authenticate_begin(_credentials(account))
    return dict(options), state


def check(account: Account, kept: Any, answer: Mapping[str, Any]) -> None:
    """Return if one of the account's passkeys has signed. Raises factors.CodeRefused. Needs: `kept` is used once."""
    try:
        used = _server().authenticate_complete(kept, _credentials(account), answer)
    except Exception as error:  # its libraries raise errors of their own for a signature that does not fit
        own.note(account, "second-factor.failed")
        raise factors.CodeRefused("This passkey did not fit", next_step="Try again, or use a code.") from error
    Factor.objects.filter(account=account, credential=used.credential_id.hex()).update(used_at=clock.now())


def _server() -> Fido2Server:
    return Fido2Server(PublicKeyCredentialRpEntity(id=urlsplit(settings.PUBLIC_URL).hostname or "", name="Rollbook"))


def _credentials(account: Account) -> list[AttestedCredentialData]:
    return [AttestedCredentialData(bytes.fromhex(each.secret)) for each in factors.of(account) if each.kind == "passkey"]
