"""The words of OneRoster CSV 1.1 and 1.2: files, headings, values, and the misspellings that are met."""

from dataclasses import dataclass
from enum import Enum

VERSIONS = ("1.1", "1.2")


class Form(Enum):
    """How the cells of a column are written."""

    TEXT = "text"
    KEY = "key"  # a sourcedId, or a reference to one
    BOOLEAN = "boolean"
    DATE = "date"
    YEAR = "year"
    WORD = "word"  # one of a closed list
    LIST = "list"
    KEYS = "keys"  # a list of references
    USER_IDS = "user ids"
    GRADES = "grades"


@dataclass(frozen=True)
class Field:
    """One heading of one file, and the column of our entity that it fills (none: it is read for something else)."""

    heading: str
    column: str | None
    form: Form = Form.TEXT
    due: bool = False  # the header must have it
    filled: bool = False  # OneRoster asks for a value, although our entity can do without
    words: tuple[str, ...] = ()
    closed: bool = False  # 1.2 lets nobody add a word of their own


KEY = Field("sourcedId", "sourced_id", Form.KEY, due=True)
STATUS = Field("status", None)

SESSION_TYPES = ("gradingPeriod", "semester", "schoolYear", "term")
ORG_TYPES = ("department", "school", "district", "local", "state", "national")
CLASS_TYPES = ("homeroom", "scheduled")
USER_ROLES_1_1 = ("administrator", "aide", "guardian", "parent", "proctor", "relative", "student", "teacher")
USER_ROLES_1_2 = (
    "aide",
    "counselor",
    "districtAdministrator",
    "guardian",
    "parent",
    "principal",
    "proctor",
    "relative",
    "siteAdministrator",
    "student",
    "systemAdministrator",
    "teacher",
)
CLASS_ROLES = ("administrator", "proctor", "student", "teacher")
ROLE_TYPES = ("primary", "secondary")

#: The orgs at which 1.1's `administrator` is a district administrator; at all others a site administrator.
WIDE_ORGS = ("district", "local", "state", "national")

#: The adult's role that names a relationship, in the order in which one is preferred.
RELATIONSHIPS = ("guardian", "parent", "relative")

_GRADES = Field("grades", "grades", Form.GRADES)
_SUBJECTS = (
    Field("subjects", "subjects", Form.LIST),
    Field("subjectCodes", "subject_codes", Form.LIST),
)
_ENABLED = Field("enabledUser", "enabled", Form.BOOLEAN, due=True)
_NAMES = (
    Field("username", "username", due=True, filled=True),
    Field("userIds", "user_ids", Form.USER_IDS),
    Field("givenName", "given_name", due=True),
    Field("familyName", "family_name", due=True),
    Field("middleName", "middle_name"),
    Field("identifier", "identifier"),
    Field("email", "email"),
    Field("sms", "sms"),
    Field("phone", "phone"),
    Field("agentSourcedIds", None, Form.KEYS),
    _GRADES,
)

_COMMON: dict[str, tuple[Field, ...]] = {
    "orgs": (
        KEY,
        STATUS,
        Field("name", "name", due=True),
        Field("type", "type", Form.WORD, due=True, words=ORG_TYPES),
        Field("identifier", "identifier"),
        Field("parentSourcedId", "parent", Form.KEY),
    ),
    "academicSessions": (
        KEY,
        STATUS,
        Field("title", "title", due=True),
        Field("type", "type", Form.WORD, due=True, words=SESSION_TYPES),
        Field("startDate", "start_date", Form.DATE, due=True),
        Field("endDate", "end_date", Form.DATE, due=True),
        Field("parentSourcedId", "parent", Form.KEY),
        Field("schoolYear", "school_year", Form.YEAR, due=True),
    ),
    "courses": (
        KEY,
        STATUS,
        Field("schoolYearSourcedId", "school_year", Form.KEY),
        Field("title", "title", due=True),
        Field("courseCode", "course_code"),
        _GRADES,
        Field("orgSourcedId", "org", Form.KEY, due=True),
        *_SUBJECTS,
    ),
    "classes": (
        KEY,
        STATUS,
        Field("title", "title", due=True),
        _GRADES,
        Field("courseSourcedId", "course", Form.KEY, due=True),
        Field("classCode", "section_code"),
        Field("classType", "section_type", Form.WORD, due=True, words=CLASS_TYPES),
        Field("location", "location"),
        Field("schoolSourcedId", "school", Form.KEY, due=True),
        Field("termSourcedIds", "terms", Form.KEYS, due=True),
        *_SUBJECTS,
        Field("periods", "periods", Form.LIST),
    ),
    "enrollments": (
        KEY,
        STATUS,
        Field("classSourcedId", "section", Form.KEY, due=True),
        Field("schoolSourcedId", "school", Form.KEY, due=True),
        Field("userSourcedId", "person", Form.KEY, due=True),
        Field("role", "role", Form.WORD, due=True, words=CLASS_ROLES),
        Field("primary", "primary", Form.BOOLEAN),
        Field("beginDate", "begin_date", Form.DATE),
        Field("endDate", "end_date", Form.DATE),
    ),
}

#: version -> file -> its headings. What is not here is never read: passwords, demographics, user profiles, gradebooks.
FILES: dict[str, dict[str, tuple[Field, ...]]] = {
    "1.1": _COMMON
    | {
        "users": (
            KEY,
            STATUS,
            _ENABLED,
            Field("orgSourcedIds", None, Form.KEYS, due=True),
            Field("role", None, Form.WORD, due=True, words=USER_ROLES_1_1),
            *_NAMES,
        ),
    },
    "1.2": _COMMON
    | {
        "users": (
            KEY,
            STATUS,
            _ENABLED,
            *_NAMES,
            Field("userMasterIdentifier", "master_identifier"),
            Field("preferredGivenName", "preferred_given_name"),
            Field("preferredMiddleName", "preferred_middle_name"),
            Field("preferredFamilyName", "preferred_family_name"),
            Field("primaryOrgSourcedId", "primary_org", Form.KEY),
            Field("pronouns", "pronouns"),
        ),
        "roles": (
            STATUS,
            Field("userSourcedId", "person", Form.KEY, due=True),
            Field("roleType", "role_type", Form.WORD, due=True, words=ROLE_TYPES, closed=True),
            Field("role", "role", Form.WORD, due=True, words=USER_ROLES_1_2),
            Field("beginDate", "begin_date", Form.DATE),
            Field("endDate", "end_date", Form.DATE),
            Field("orgSourcedId", "org", Form.KEY, due=True),
        ),
    },
}

#: Which entity tells what a file as a whole has wrong with it.
OWNER = {
    "orgs": "org",
    "academicSessions": "academic_session",
    "courses": "course",
    "classes": "section",
    "users": "person",
    "roles": "role",
    "enrollments": "enrollment",
}

#: All files of the standard, by version; those that FILES lacks are known and left closed.
STANDARD_FILES = {
    "1.1": [
        "academicSessions",
        "categories",
        "classes",
        "classResources",
        "courses",
        "courseResources",
        "demographics",
        "enrollments",
        "lineItems",
        "orgs",
        "resources",
        "results",
        "users",
    ],
    "1.2": [
        "academicSessions",
        "categories",
        "classes",
        "classResources",
        "courses",
        "courseResources",
        "demographics",
        "enrollments",
        "lineItemLearningObjectiveIds",
        "lineItems",
        "lineItemScoreScales",
        "orgs",
        "resources",
        "resultLearningObjectiveIds",
        "results",
        "resultScoreScales",
        "roles",
        "scoreScales",
        "userProfiles",
        "userResources",
        "users",
    ],
}

#: Headings that the standard has and that we leave alone, in silence. A password is never looked at.
LEFT_CLOSED = {"datelastmodified", "password", "userprofilesourcedid", "sourcedid"}

#: A misspelling or a name of another version -> the heading that it stands for. Lower case.
MISSPELT = {
    "datalastmodified": "dateLastModified",
    "prefferedgivenname": "preferredGivenName",
    "prefferedmiddlename": "preferredMiddleName",
    "prefferedfamilyname": "preferredFamilyName",
    "preferredfirstname": "preferredGivenName",
    "preferredlastname": "preferredFamilyName",
    "grade": "grades",
    "agents": "agentSourcedIds",
    "userid": "userIds",
}

#: What is written for a grade -> the code of the Common Education Data Standards. Lower case, without blanks.
GRADES = {
    **{code.lower(): code for code in ("IT", "PR", "PK", "TK", "KG", "PS", "UG", "Other")},
    **{f"{number:02}": f"{number:02}" for number in range(1, 14)},
    **{str(number): f"{number:02}" for number in range(1, 10)},
    **{
        f"{number}{ending}": f"{number:02}"
        for number in range(1, 14)
        for ending in ({1: "st", 2: "nd", 3: "rd"}.get(number, "th"),)
    },
    **{f"grade{number}": f"{number:02}" for number in range(1, 14)},
    **{
        f"{number}{ending}grade": f"{number:02}"
        for number in range(1, 14)
        for ending in ({1: "st", 2: "nd", 3: "rd"}.get(number, "th"),)
    },
    "k": "KG",
    "kindergarten": "KG",
    "kinder": "KG",
    "pre-k": "PK",
    "prek": "PK",
    "prekindergarten": "PK",
    "pre-kindergarten": "PK",
    "preschool": "PR",
    "infant/toddler": "IT",
    "transitionalkindergarten": "TK",
    "postsecondary": "PS",
    "ungraded": "UG",
}
CEDS = frozenset(GRADES.values())

TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")
