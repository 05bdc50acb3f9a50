"""Runs: what was asked for, what became of it, what was measured and who was told."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from rollbook.domain.runs import RunState
from rollbook.store.models.accounts import District
from rollbook.store.models.sources import Source


class Run(models.Model):
    """One import, from being asked for to its end. `state` is written by `store.runs.move` alone."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    state = models.TextField(default=RunState.QUEUED.value)
    stage = models.TextField(blank=True, default="")
    trigger = models.TextField()
    by = models.TextField()
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    undo_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by")
    also_changed = models.BooleanField(default=False)  # an undo that takes back what was changed since, too
    superseded_by = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    base_run = models.BigIntegerField(null=True, blank=True)  # Source.accepted_run when the changeset was made
    digest = models.TextField(blank=True, default="")
    approved_digest = models.TextField(blank=True, default="")
    answered_by = models.TextField(blank=True, default="")
    because = models.TextField(blank=True, default="")  # of a rejection

    bytes_seen = models.TextField(blank=True, default="")  # fingerprint of the source's bytes
    data_seen = models.TextField(blank=True, default="")  # fingerprint of its rows, whatever their order
    judged_by = models.TextField(blank=True, default="")  # fingerprint of rules, limits and settings
    counts = models.JSONField(default=dict)  # entity -> read, appear, alter, vanish, return, same, unfit
    promised = models.JSONField(default=dict)  # entity -> the source's own count, where it announces one
    summary = models.JSONField(default=list)  # the lines of pipeline.summary
    findings = models.JSONField(default=dict)  # level -> how many
    reasons = models.JSONField(default=list)
    cause = models.TextField(blank=True, default="")
    message = models.TextField(blank=True, default="")
    next_step = models.TextField(blank=True, default="")
    exit_code = models.IntegerField(default=0)
    files_kept = models.BooleanField(default=True)

    worker = models.TextField(blank=True, default="")
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    progress = models.JSONField(default=dict)
    arriving = models.JSONField(default=list)  # what is being fetched: [what, rows so far, rows announced]

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["source"], condition=Q(state="working"), name="one_working_run_a_source"),
            models.UniqueConstraint(
                fields=["source"], condition=Q(state="held") & ~Q(trigger="preview"), name="one_held_run_a_source"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["district", "source", "-id"], name="run_source"),
            models.Index(fields=["state"], condition=Q(state__in=["queued", "working"]), name="run_open"),
        ]

    @property
    def name(self) -> str:
        return f"import {self.pk}"


class RunEvent(models.Model):
    """One arrow of the state machine, taken."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    by = models.TextField()
    event = models.TextField()
    old = models.TextField()
    new = models.TextField()
    note = models.TextField(blank=True, default="")


class Measure(models.Model):
    """One count held against one limit; kept, also when it passed."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="measures")
    key = models.TextField()
    entity = models.TextField()
    kind = models.TextField()
    role = models.TextField(null=True)  # noqa: DJ001  (null is "all roles", as in the JSON)
    scope = models.TextField(null=True)  # noqa: DJ001
    scope_id = models.TextField(null=True)  # noqa: DJ001
    scope_name = models.TextField(null=True)  # noqa: DJ001
    count = models.BigIntegerField()
    of = models.BigIntegerField()
    limit_percent = models.FloatField(null=True)
    limit_count = models.BigIntegerField(null=True)
    floor = models.BigIntegerField()
    closed = models.BooleanField()
    reason = models.TextField()


class Notice(models.Model):
    """One mail to one person about one run; tried again until it is sent or given up."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="notices")
    kind = models.TextField()  # results, check
    outcome = models.TextField()  # the state of the run that it tells of: a held run may be applied later
    to = models.TextField()
    subject = models.TextField()
    text = models.TextField()
    html = models.TextField()
    state = models.TextField(default="waiting")  # waiting, sent, failed
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["run", "kind", "outcome", "to"], name="one_notice_each")
        ]
