"""Districts, those who sign in, and what they did."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models

from rollbook.store.fields import KeyField


class District(models.Model):
    """One school district. One installation holds one, or thousands."""

    name = models.TextField(unique=True)
    time_zone = models.TextField(default="UTC")
    username_rule = models.TextField(default="source")  # one of domain.usernames: what accounts of the roster are called
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Account(AbstractBaseUser):
    """Somebody who may sign in, as one of the four kinds of people. A person of the roster with two kinds has two accounts."""

    # Every key begins with it. Districts are never deleted; to look up one for each account costs as much as to write them.
    district = models.ForeignKey(District, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    kind = models.TextField(default="staff")  # student, teacher, guardian, staff
    state = models.TextField(default="active")  # pending: nobody can sign in yet; active; inactive
    username = KeyField(null=True)  # in lower case; several may have none, and it is unique
    wanted = KeyField(null=True)  # the username that the rule gives, and somebody else has or had
    email = models.EmailField(blank=True)  # in lower case
    email_verified_at = models.DateTimeField(null=True)
    name = models.TextField(blank=True)
    person = models.BigIntegerField(null=True)  # Person.id; null: known to no source
    by_hand = models.BooleanField(default=True)  # made by somebody: no import touches it
    before_leaving = models.TextField(blank=True)  # the state that an import took away, and gives back if the person returns
    one = models.BigIntegerField(null=True)  # the same number for all accounts of one human
    must_change_password = models.BooleanField(default=False)
    locked_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[BaseUserManager[Any]] = BaseUserManager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            # The name first: somebody who signs in says no district. Both written as expressions, so that SQLite gets indexes
            # of their own: then a first import can put them off until the rows are in.
            models.UniqueConstraint("username", "district", name="account_username"),
            models.UniqueConstraint("district", "person", "kind", name="account_person"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["email"], name="account_email"),
            models.Index(fields=["district"], condition=models.Q(wanted__isnull=False), name="account_wanted"),
            models.Index(fields=["district", "name"], name="account_name"),
            models.Index(fields=["district"], condition=models.Q(by_hand=True), name="account_by_hand"),
            models.Index(fields=["one"], condition=models.Q(one__isnull=False), name="account_one"),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.username or f"account {self.pk}"

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether somebody can sign in."""
        return self.state == "active"


class FormerUsername(models.Model):
    """A username that somebody could sign in with once. Nobody else gets it, or would be taken for whoever had it."""

    district = models.ForeignKey(District, on_delete=models.PROTECT, db_index=False)
    username = KeyField()
    account = models.BigIntegerField()  # Account.id, also of one that is gone

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["district", "username"], name="former_username")]


class AccountRight(models.Model):
    """One right of one account, in the whole district or at one school."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    right = models.TextField()  # one of domain.rights
    school = models.BigIntegerField(default=0)  # Org.id; 0: the whole district

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["district", "account", "right", "school"], name="account_right")
        ]


class Child(models.Model):
    """A student of a guardian whom no source knows."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    guardian = models.ForeignKey(Account, on_delete=models.CASCADE)
    student = models.BigIntegerField()  # Person.id

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["district", "guardian", "student"], name="child_of")]


class AuditEntry(models.Model):
    """One act that matters. Only ever added: triggers in the database refuse change and removal."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    at = models.DateTimeField()
    by = models.TextField()  # who: an account's email, "command line", "schedule" or "worker"
    act = models.TextField()  # what: run.approved, limit.changed …
    about = models.TextField(blank=True)  # to what: "import 12", "source lincoln"
    detail = models.JSONField(default=dict)
    concerns = models.BigIntegerField(null=True)  # Account.id: whom it was done to

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["district", "-at"], name="audit_when"),
            models.Index(fields=["district", "concerns", "-at"], name="audit_whom"),
            models.Index(fields=["district", "act", "-at"], name="audit_act"),
            models.Index(fields=["district", "by", "-at"], name="audit_by"),
        ]


class SignInFailure(models.Model):
    """A sign-in that did not succeed. Many in a short time, and the door waits. Of no district: there may be no such account."""

    key = models.TextField()  # whom or where it counts against
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["key", "at"], name="failure_key")]
