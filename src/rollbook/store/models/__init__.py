"""Everything that is kept, by the floor's rooms."""

from rollbook.store.models.accounts import Account, AuditEntry, District, SignInFailure
from rollbook.store.models.roster import (
    MODELS,
    AcademicSession,
    Course,
    Enrollment,
    Guardianship,
    Org,
    Override,
    Person,
    Role,
    SamePerson,
    Section,
)
from rollbook.store.models.runs import Measure, Notice, Run, RunEvent
from rollbook.store.models.sources import Limit, Source, Told

__all__ = [
    "MODELS",
    "AcademicSession",
    "Account",
    "AuditEntry",
    "Course",
    "District",
    "Enrollment",
    "Guardianship",
    "Limit",
    "Measure",
    "Notice",
    "Org",
    "Override",
    "Person",
    "Role",
    "Run",
    "RunEvent",
    "SamePerson",
    "Section",
    "SignInFailure",
    "Source",
    "Told",
]
