"""Configured connections: where rosters come from, when, within which limits, and who is told."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Lower

from rollbook.store.fields import SecretField
from rollbook.store.models.accounts import District


class Source(models.Model):
    """One configured connection to one system."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    name = models.TextField()
    kind = models.TextField()  # the connector's name
    settings = models.JSONField(default=dict)  # texts, by the names of the connector's Config; no secrets
    secrets = SecretField(blank=True, default="")  # the secret ones, as JSON, encrypted
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    times = models.JSONField(default=list)  # ["02:00", …] in the district's time zone; empty: only by hand
    weekdays = models.JSONField(default=list)  # [0, …, 6], Monday is 0; empty: every day
    next_at = models.DateTimeField(null=True, blank=True)

    rollover = models.DateField(null=True, blank=True)  # the day the school year changes
    releases = models.BooleanField(default=False)  # a scheduled run within the limits may close a hold by itself
    keep_days = models.PositiveIntegerField(default=60)  # snapshots
    undo_days = models.PositiveIntegerField(default=365)  # receipts

    #: The run whose rows the roster holds: what an approval is bound to, and the name of the accepted hashes.
    accepted_run = models.BigIntegerField(null=True, blank=True)
    followed = models.BooleanField(default=False)  # whether its people have accounts; from then on only changes are followed
    #: The run that was undone last, and what the data looked like that are waited with, a space between two: until the source
    #: sends other data, runs by the clock are held.
    undone_run = models.BigIntegerField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_data = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint("district", Lower("name"), name="source_name")]

    def __str__(self) -> str:
        return self.name


class Limit(models.Model):
    """A district's own figures for one limit of the gate, in place of the default ones."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE)
    key = models.TextField()  # domain.gate.Threshold.key
    percent = models.FloatField(null=True, blank=True)
    floor = models.PositiveIntegerField(default=1)
    count = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["source", "key"], name="limit_key")]


class Told(models.Model):
    """Somebody who gets the mails about a source."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE)
    email = models.EmailField()

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint("source", Lower("email"), name="told_email")]
