"""The roster: what each source says, one table an entity, in the columns of `domain.entities`.

Every key, unique index and join begins with the district. Rows point to each other by the source's own keys, so that a row is
written as it came and read as it stands; nothing is ever deleted, rows become inactive.
"""

import uuid
from typing import Any, ClassVar

from django.db import models

from rollbook.store.fields import KeyField
from rollbook.store.models.accounts import District
from rollbook.store.models.sources import Source


class RosterRow(models.Model):
    """What all rows of the roster have besides their values."""

    district = models.ForeignKey(District, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    sourced_id = KeyField()
    uuid = models.UUIDField(default=uuid.uuid4)
    status = models.TextField(default="active")  # active, inactive
    last_run = models.BigIntegerField()
    changed_at = models.DateTimeField()

    objects: ClassVar[models.Manager[Any]]

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.sourced_id)


def _indexes(table: str, *columns: str) -> dict[str, Any]:
    # Written as an expression, so that SQLite gets an index of its own: then a first import can put it off until the rows are in.
    unique = models.UniqueConstraint("district", "source", "sourced_id", name=f"{table}_key")
    return {
        "constraints": [unique],
        "indexes": [models.Index(fields=["district", "source", column], name=f"{table}_{column}") for column in columns],
    }


class Org(RosterRow):
    """A district, school or department."""

    name = models.TextField(null=True)
    type = models.TextField(null=True)
    identifier = models.TextField(null=True)
    parent = KeyField(null=True)
    metadata = models.TextField(null=True)

    class Meta:
        db_table = "roster_org"
        constraints: ClassVar[list[Any]] = _indexes("org")["constraints"]


class AcademicSession(RosterRow):
    """A school year, semester, term or grading period."""

    title = models.TextField(null=True)
    type = models.TextField(null=True)
    start_date = models.TextField(null=True)
    end_date = models.TextField(null=True)
    parent = KeyField(null=True)
    school_year = models.TextField(null=True)
    metadata = models.TextField(null=True)

    class Meta:
        db_table = "roster_academic_session"
        constraints: ClassVar[list[Any]] = _indexes("academic_session")["constraints"]


class Course(RosterRow):
    """A course of the catalogue."""

    title = models.TextField(null=True)
    course_code = models.TextField(null=True)
    grades = models.TextField(null=True)
    subjects = models.TextField(null=True)
    subject_codes = models.TextField(null=True)
    school_year = KeyField(null=True)
    org = KeyField(null=True)
    metadata = models.TextField(null=True)

    class Meta:
        db_table = "roster_course"
        constraints: ClassVar[list[Any]] = _indexes("course")["constraints"]
        indexes: ClassVar[list[Any]] = _indexes("course", "org")["indexes"]


class Section(RosterRow):
    """A class: a course taught at a school, in some sessions."""

    title = models.TextField(null=True)
    section_code = models.TextField(null=True)
    section_type = models.TextField(null=True)
    location = models.TextField(null=True)
    grades = models.TextField(null=True)
    subjects = models.TextField(null=True)
    subject_codes = models.TextField(null=True)
    periods = models.TextField(null=True)
    course = KeyField(null=True)
    school = KeyField(null=True)
    terms = models.TextField(null=True)
    metadata = models.TextField(null=True)

    class Meta:
        db_table = "roster_section"
        constraints: ClassVar[list[Any]] = _indexes("section")["constraints"]
        indexes: ClassVar[list[Any]] = _indexes("section", "school", "course")["indexes"]


class Person(RosterRow):
    """Somebody: student, teacher, guardian, staff, or several of these."""

    enabled = models.TextField(null=True)
    username = models.TextField(null=True)
    user_ids = models.TextField(null=True)
    given_name = models.TextField(null=True)
    family_name = models.TextField(null=True)
    middle_name = models.TextField(null=True)
    identifier = models.TextField(null=True)
    email = models.TextField(null=True)
    sms = models.TextField(null=True)
    phone = models.TextField(null=True)
    grades = models.TextField(null=True)
    master_identifier = models.TextField(null=True)
    preferred_given_name = models.TextField(null=True)
    preferred_middle_name = models.TextField(null=True)
    preferred_family_name = models.TextField(null=True)
    primary_org = KeyField(null=True)
    pronouns = models.TextField(null=True)
    metadata = models.TextField(null=True)

    class Meta:
        db_table = "roster_person"
        constraints: ClassVar[list[Any]] = _indexes("person")["constraints"]
        indexes: ClassVar[list[Any]] = _indexes("person", "family_name")["indexes"]


class Role(RosterRow):
    """A person at an org, as something."""

    person = KeyField(null=True)
    org = KeyField(null=True)
    role = models.TextField(null=True)
    role_type = models.TextField(null=True)
    begin_date = models.TextField(null=True)
    end_date = models.TextField(null=True)
    metadata = models.TextField(null=True)

    class Meta:
        db_table = "roster_role"
        constraints: ClassVar[list[Any]] = _indexes("role")["constraints"]
        indexes: ClassVar[list[Any]] = _indexes("role", "person", "org")["indexes"]


class Enrollment(RosterRow):
    """A person in a class."""

    section = KeyField(null=True)
    school = KeyField(null=True)
    person = KeyField(null=True)
    role = models.TextField(null=True)
    primary = models.TextField(null=True)
    begin_date = models.TextField(null=True)
    end_date = models.TextField(null=True)
    metadata = models.TextField(null=True)

    class Meta:
        db_table = "roster_enrollment"
        constraints: ClassVar[list[Any]] = _indexes("enrollment")["constraints"]
        indexes: ClassVar[list[Any]] = _indexes("enrollment", "section", "person")["indexes"]


class Guardianship(RosterRow):
    """A guardian of a student."""

    student = KeyField(null=True)
    guardian = KeyField(null=True)
    relationship = models.TextField(null=True)

    class Meta:
        db_table = "roster_guardianship"
        constraints: ClassVar[list[Any]] = _indexes("guardianship")["constraints"]
        indexes: ClassVar[list[Any]] = _indexes("guardianship", "student", "guardian")["indexes"]


MODELS: dict[str, type[RosterRow]] = {
    "org": Org,
    "academic_session": AcademicSession,
    "course": Course,
    "section": Section,
    "person": Person,
    "role": Role,
    "enrollment": Enrollment,
    "guardianship": Guardianship,
}


class SamePerson(models.Model):
    """Says that several rows are one person. A person or a sure key decides that, never a name alone."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    person = models.BigIntegerField()  # Person.id
    one = models.BigIntegerField()  # the same number for all rows of one person

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["district", "person"], name="same_person_row")]


class Override(models.Model):
    """A value that a person set over what the source says. Imports go on underneath and never see it."""

    district = models.ForeignKey(District, on_delete=models.PROTECT)
    entity = models.TextField()
    row = models.BigIntegerField()  # id of the roster row
    field = models.TextField()
    value = models.TextField(null=True)
    by = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["district", "entity", "row", "field"], name="override_field")
        ]
