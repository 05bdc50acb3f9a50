"""Everything that is kept, by the floor's rooms."""

from rollbook.store.models.accounts import Account, AccountRight, AuditEntry, Child, District, FormerUsername, SignInFailure
from rollbook.store.models.door import Factor, Letter, MailedLink, RecoveryCode, Session
from rollbook.store.models.providers import Identity, SignInProvider
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
    "AccountRight",
    "AuditEntry",
    "Child",
    "Course",
    "District",
    "Enrollment",
    "Factor",
    "FormerUsername",
    "Guardianship",
    "Identity",
    "Letter",
    "Limit",
    "MailedLink",
    "Measure",
    "Notice",
    "Org",
    "Override",
    "Person",
    "RecoveryCode",
    "Role",
    "Run",
    "RunEvent",
    "SamePerson",
    "Section",
    "Session",
    "SignInFailure",
    "SignInProvider",
    "Source",
    "Told",
]
