"""Who else may say who somebody is: the providers of a district, and the people that they know."""

from typing import Any, ClassVar

from django.db import models

from rollbook.store.fields import SecretField
from rollbook.store.models.accounts import Account, District


class SignInProvider(models.Model):
    """One provider by which people of a district sign in."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    kind = models.TextField()  # google, microsoft, openid, clever
    title = models.TextField()
    issuer = models.TextField()  # where it is, and what it calls itself
    tenant = models.TextField(blank=True)  # of Microsoft the tenant, of Clever the district: nobody else's people are let in
    client_id = models.TextField()
    client_secret = SecretField(blank=True)
    domains = models.JSONField(default=list)  # in lower case: whose addresses are those of the district's people
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["district", "enabled"], name="provider_of")]

    def __str__(self) -> str:
        return self.title


class Identity(models.Model):
    """One person as a provider knows him, and the account that is his. What he is called there, and by which mail, may change."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    provider = models.ForeignKey(SignInProvider, on_delete=models.CASCADE)
    issuer = models.TextField()  # of Microsoft and Clever with the tenant: a subject means something there only
    subject = models.TextField()
    confirmed = models.BooleanField(default=True)  # else it waits for another administrator
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["provider", "issuer", "subject"], name="identity_subject")
        ]
