"""The one table of what a roster is made of; everything else reads it or is tested to equal it."""

from dataclasses import dataclass
from enum import IntEnum


class Pii(IntEnum):
    """How private a column is. Nothing above ID may reach a log line or a mail: a test of the house looks for each."""

    NONE = 0
    ID = 1
    NAME = 2
    CONTACT = 3
    SENSITIVE = 4


@dataclass(frozen=True)
class Column:
    """One column. All values are text; dates are YYYY-MM-DD, booleans true or false, empty is null."""

    name: str
    required: bool = False
    refers_to: str | None = None
    many: bool = False  # a list, written with commas
    pii: Pii = Pii.NONE
    means: str = ""


@dataclass(frozen=True)
class Entity:
    """One kind of row. `key` names the columns that make its `sourced_id`, where no system gives one."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def references(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.refers_to)

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


METADATA = Column("metadata", pii=Pii.SENSITIVE, means="Columns of the source outside the standard, as one JSON object.")

ORG = Entity(
    "org",
    (
        Column("name", required=True, means="Name of the district, school or department."),
        Column("type", required=True, means="district, school, department, local, state or national."),
        Column("identifier", pii=Pii.ID, means="The number that people use for it."),
        Column("parent", refers_to="org", means="The org that it belongs to."),
        METADATA,
    ),
)
ACADEMIC_SESSION = Entity(
    "academic_session",
    (
        Column("title", required=True, means="Name of the year, semester, term or grading period."),
        Column("type", required=True, means="schoolYear, semester, term or gradingPeriod."),
        Column("start_date", required=True, means="First day."),
        Column("end_date", required=True, means="The day after the last day."),
        Column("parent", refers_to="academic_session", means="The longer session that it is a part of."),
        Column("school_year", required=True, means="The calendar year in which the school year ends."),
        METADATA,
    ),
)
COURSE = Entity(
    "course",
    (
        Column("title", required=True, means="Name of the course."),
        Column("course_code", means="Its code in the course catalogue."),
        Column("grades", many=True, means="Grades that it is taught in."),
        Column("subjects", many=True, means="Names of its subjects."),
        Column("subject_codes", many=True, means="Codes of its subjects, in the order of their names."),
        Column("school_year", refers_to="academic_session", means="The year that it is offered in."),
        Column("org", required=True, refers_to="org", means="The district or school that offers it."),
        METADATA,
    ),
)
SECTION = Entity(
    "section",
    (
        Column("title", required=True, means="Name of the class."),
        Column("section_code", means="Its code."),
        Column("section_type", required=True, means="homeroom or scheduled."),
        Column("location", means="Room."),
        Column("grades", many=True, means="Grades of its students."),
        Column("subjects", many=True, means="Names of its subjects."),
        Column("subject_codes", many=True, means="Codes of its subjects, in the order of their names."),
        Column("periods", many=True, means="Periods of the day that it meets in."),
        Column("course", required=True, refers_to="course", means="The course that it teaches."),
        Column("school", required=True, refers_to="org", means="Its school."),
        Column("terms", required=True, refers_to="academic_session", many=True, means="The sessions that it runs in."),
        METADATA,
    ),
)
PERSON = Entity(
    "person",
    (
        Column("enabled", required=True, means="Whether the source lets this person's account be used."),
        Column("username", pii=Pii.CONTACT, means="Name to sign in with."),
        Column("user_ids", many=True, pii=Pii.ID, means="Ids in other systems, each as {type:id}."),
        Column("given_name", required=True, pii=Pii.NAME, means="First name."),
        Column("family_name", required=True, pii=Pii.NAME, means="Last name."),
        Column("middle_name", pii=Pii.NAME, means="Middle names."),
        Column("identifier", pii=Pii.ID, means="Student or staff number: shown and searched, never a key."),
        Column("email", pii=Pii.CONTACT, means="Email address."),
        Column("sms", pii=Pii.CONTACT, means="Mobile number."),
        Column("phone", pii=Pii.CONTACT, means="Telephone number."),
        Column("grades", many=True, pii=Pii.ID, means="Grades of a student."),
        Column("master_identifier", pii=Pii.ID, means="One id for this person over all systems."),
        Column("preferred_given_name", pii=Pii.NAME, means="First name that the person goes by."),
        Column("preferred_middle_name", pii=Pii.NAME, means="Middle name that the person goes by."),
        Column("preferred_family_name", pii=Pii.NAME, means="Last name that the person goes by."),
        Column("primary_org", refers_to="org", means="The school that they mainly belong to."),
        Column("pronouns", pii=Pii.SENSITIVE, means="Pronouns."),
        METADATA,
    ),
)
ROLE = Entity(
    "role",
    (
        Column("person", required=True, refers_to="person", pii=Pii.ID, means="Who."),
        Column("org", required=True, refers_to="org", means="Where."),
        Column("role", required=True, means="student, teacher, guardian, parent, aide, principal …"),
        Column("role_type", required=True, means="primary or secondary."),
        Column("begin_date", means="First day."),
        Column("end_date", means="The day after the last day."),
        METADATA,
    ),
    key=("person", "org", "role"),
)
ENROLLMENT = Entity(
    "enrollment",
    (
        Column("section", required=True, refers_to="section", means="The class."),
        Column("school", required=True, refers_to="org", means="The school of the class."),
        Column("person", required=True, refers_to="person", pii=Pii.ID, means="Who."),
        Column("role", required=True, means="student, teacher, proctor or administrator."),
        Column("primary", means="Whether this is the main teacher of the class."),
        Column("begin_date", means="First day."),
        Column("end_date", means="The day after the last day."),
        METADATA,
    ),
)
GUARDIANSHIP = Entity(
    "guardianship",
    (
        Column("student", required=True, refers_to="person", pii=Pii.ID, means="The child."),
        Column("guardian", required=True, refers_to="person", pii=Pii.ID, means="The adult."),
        Column("relationship", means="parent, guardian or relative, as the adult's role says."),
    ),
    key=("student", "guardian", "relationship"),
)

#: Parents first: every reference points to the same entity or to one further up.
ENTITIES: tuple[Entity, ...] = (ORG, ACADEMIC_SESSION, COURSE, SECTION, PERSON, ROLE, ENROLLMENT, GUARDIANSHIP)


def entity(name: str) -> Entity:
    """Return the entity of that name. Raises KeyError."""
    return BY_NAME[name]


BY_NAME = {each.name: each for each in ENTITIES}
