"""What the door keeps: sessions, second factors, links sent by mail, and letters that wait for the worker."""

from typing import Any, ClassVar

from django.db import models

from rollbook.store.fields import SecretField
from rollbook.store.models.accounts import Account


class Session(models.Model):
    """Somebody signed in, in one browser. Gone when it ends; the session itself is Django's, with the same key."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    key = models.TextField(unique=True)
    started = models.DateTimeField()
    seen = models.DateTimeField()  # to within five minutes
    agent = models.TextField(blank=True)  # what the browser calls itself
    address = models.TextField(blank=True)
    viewed = models.BigIntegerField(null=True)  # Account.id: as whom somebody sees Rollbook in it
    viewed_until = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["viewed_until"], condition=models.Q(viewed__isnull=False), name="session_viewing")
        ]


class Factor(models.Model):
    """Something that an account has beside its password: an app that shows codes, or a passkey."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    kind = models.TextField()  # app, passkey
    name = models.TextField()
    secret = SecretField()  # of an app its secret, of a passkey its public key
    credential = models.TextField(null=True, unique=True)  # noqa: DJ001 - of a passkey its number, in hex; several apps have none
    last_step = models.BigIntegerField(default=0)  # of an app: the half minute whose code was used last
    made_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)  # null: shown, and no code of it was given yet
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["account"], condition=models.Q(confirmed_at=None), name="one_unconfirmed_factor")
        ]


class RecoveryCode(models.Model):
    """A code that takes the place of a lost second factor, once. Gone when it was used."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    digest = models.TextField()

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["account", "digest"], name="recovery_code")]


class MailedLink(models.Model):
    """A link in a letter that may be used once, for a while. Gone when it was used."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    purpose = models.TextField()  # password, link
    digest = models.TextField(unique=True)
    email = models.EmailField()  # where it was sent: whoever has it reads the mail of this address
    until = models.DateTimeField()


class Letter(models.Model):
    """A mail to one account holder, until the worker has sent it. What it says lies encrypted: there may be a link in it."""

    to = models.EmailField()
    subject = models.TextField()
    text = SecretField()
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
