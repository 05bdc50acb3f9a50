"""Districts, those who sign in, and what they did."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class District(models.Model):
    """One school district. One installation holds one, or thousands."""

    name = models.TextField(unique=True)
    time_zone = models.TextField(default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Accounts(BaseUserManager["Account"]):
    """Finds accounts the way people type them: without regard to case."""

    def get_by_natural_key(self, username: str | None) -> "Account":
        return self.get(email=(username or "").strip().lower())


class Account(AbstractBaseUser):
    """Somebody who signs in. People of the roster are elsewhere: not everybody in a roster has an account."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    email = models.EmailField(unique=True)  # kept in lower case
    name = models.TextField(blank=True)
    is_administrator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[Accounts] = Accounts()

    def __str__(self) -> str:
        return self.name or self.email


class AuditEntry(models.Model):
    """One act that matters. Only ever added: triggers in the database refuse change and removal."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    at = models.DateTimeField()
    by = models.TextField()  # who: an account's email, "command line", "schedule" or "worker"
    act = models.TextField()  # what: run.approved, limit.changed …
    about = models.TextField(blank=True)  # to what: "import 12", "source lincoln"
    detail = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["district", "-at"], name="audit_when")]


class SignInFailure(models.Model):
    """A sign-in that did not succeed. Many in a short time, and the door waits. Of no district: there may be no such account."""

    key = models.TextField()  # whom or where it counts against
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["key", "at"], name="failure_key")]
