"""The resources of v1: what each is read from, and how its XML looks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollbook.sandbox.powerschool.fiql import Column
from rollbook.sandbox.powerschool.tables import Kind

Row = Mapping[str, Any]

#: The letters of ENROLL_STATUS; any other number is inactive.
STATUSES = {
    0: ("A", "Active"),
    -1: ("P", "Pre-registered"),
    2: ("T", "Transferred Out"),
    3: ("G", "Graduated"),
    4: ("H", "Historical"),
}
_STATUS_LETTER = (
    "CASE s.ENROLL_STATUS WHEN 0 THEN 'A' WHEN -1 THEN 'P' WHEN 2 THEN 'T' WHEN 3 THEN 'G' WHEN 4 THEN 'H' ELSE 'I' END"
)


@dataclass(frozen=True)
class Resource:
    """One kind of thing in v1: its name for one, where its rows are, and how one of them is written."""

    name: str
    source: str
    key: str
    order: str
    write: Callable[[Row, frozenset[str]], dict[str, Any]]
    expansions: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    fields: Mapping[str, Column] = field(default_factory=dict)

    @property
    def plural(self) -> str:
        """Its name for a list."""
        return f"{self.name}s"


def _student(row: Row, wanted: frozenset[str]) -> dict[str, Any]:
    letter, words = STATUSES.get(row["ENROLL_STATUS"], ("I", "Inactive"))
    made: dict[str, Any] = {
        "id": row["DCID"],
        "local_id": row["STUDENT_NUMBER"],
        "state_province_id": row["STATE_STUDENTNUMBER"],
        "student_username": row["STUDENT_WEB_ID"],
        "name": _name(row),
    }
    expanded: dict[str, Any] = {
        "demographics": {"gender": row["GENDER"], "birth_date": row["DOB"]},
        "phones": {"main": _some({"number": row["HOME_PHONE"]})},
        "school_enrollment": {
            "enroll_status": letter,
            "enroll_status_description": words,
            "enroll_status_code": row["ENROLL_STATUS"],
            "grade_level": row["GRADE_LEVEL"],
            "entry_date": row["ENTRYDATE"],
            "exit_date": row["EXITDATE"],
            "school_number": row["SCHOOLID"],
            "school_id": row["SCHOOL_DCID"],
            "full_time_equivalency": _some({"fteid": row["FTEID"]}),
        },
        "contact": {"guardian_email": row["GUARDIANEMAIL"]},
        "contact_info": {"email": row["CONTACT_EMAIL"]},
        "schedule_setup": {"next_school": row["NEXT_SCHOOL"], "sched_next_year_grade": row["SCHED_NEXTYEARGRADE"]},
    }
    return made | {name: _some(expanded.get(name, {})) or "" for name in STUDENT.expansions if name in wanted}


def _staff(row: Row, wanted: frozenset[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": row["DCID"],
        "local_id": row["TEACHERNUMBER"],
        "users_dcid": row["USERS_DCID"],
        "admin_username": row["LOGINID"],
        "teacher_username": row["TEACHERLOGINID"],
        "name": _name(row),
    }
    places = [dict(zip(("school_id", "type", "status"), place.split(","), strict=True)) for place in row["PLACES"].split(" ")]
    expanded: dict[str, Any] = {
        "emails": {"work_email": row["EMAIL_ADDR"]},
        "school_affiliations": {"school_affiliation": places},
    }
    return made | {name: _some(expanded.get(name, {})) or "" for name in STAFF.expansions if name in wanted}


def _school(row: Row, wanted: frozenset[str]) -> dict[str, Any]:
    address = {"street": row["SCHOOLADDRESS"], "city": row["SCHOOLCITY"], "state_province": row["SCHOOLSTATE"]}
    return {
        "id": row["DCID"],
        "name": row["NAME"],
        "school_number": row["SCHOOL_NUMBER"],
        "low_grade": row["LOW_GRADE"],
        "high_grade": row["HIGH_GRADE"],
        "alternate_school_number": row["ALTERNATE_SCHOOL_NUMBER"],
        "addresses": _some({"physical": _some({**address, "postal_code": row["SCHOOLZIP"]})}) or "",
        "phones": _some({"main": _some({"number": row["SCHOOLPHONE"]})}) or "",
        "principal": _some({"email": row["PRINCIPALEMAIL"], "name": _some({"last_name": row["PRINCIPAL"]})}),
    }


def _section(row: Row, wanted: frozenset[str]) -> dict[str, Any]:
    names = ("SECTION_NUMBER", "EXPRESSION", "EXTERNAL_EXPRESSION", "GRADEBOOKTYPE")
    made = {
        "id": row["DCID"],
        "school_id": row["SCHOOL_DCID"],
        "course_id": row["COURSE_DCID"],
        "term_id": row["TERM_DCID"],
        "staff_id": row["STAFF_DCID"],
        **{name.lower(): row[name] for name in names},
    }
    term = {name: row[f"TERM_{name.upper()}"] for name in ("local_id", "name", "abbreviation", "start_date", "end_date")}
    return made | ({"term": {"id": row["TERM_DCID"], **term}} if "term" in wanted else {})


def _enrollment(row: Row, wanted: frozenset[str]) -> dict[str, Any]:
    return {
        "id": row["DCID"],
        "section_id": row["SECTION_DCID"],
        "student_id": row["STUDENT_DCID"],
        "entry_date": row["DATEENROLLED"],
        "exit_date": row["DATELEFT"],
        "dropped": row["SECTIONID"] < 0,
    }


def _term(row: Row, wanted: frozenset[str]) -> dict[str, Any]:
    return {
        "id": row["DCID"],
        "local_id": row["ID"],
        "school_id": row["SCHOOL_DCID"],
        "start_year": row["START_YEAR"],
        "portion": row["PORTION"],
        "start_date": row["FIRSTDAY"],
        "end_date": row["LASTDAY"],
        "abbreviation": row["ABBREVIATION"],
        "name": row["NAME"],
    }


def _course(row: Row, wanted: frozenset[str]) -> dict[str, Any]:
    return {"id": row["DCID"], "course_number": row["COURSE_NUMBER"], "course_name": row["COURSE_NAME"]}


def _name(row: Row) -> dict[str, Any]:
    return _some({name.lower(): row[name] for name in ("FIRST_NAME", "MIDDLE_NAME", "LAST_NAME")})


def _some(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {})}


def _columns(prefix: str, names: Sequence[tuple[str, str, Kind]]) -> dict[str, Column]:
    return {name: Column(f"{prefix}.{column}" if column.isupper() else column, kind) for name, column, kind in names}


STUDENT = Resource(
    "student",
    """STUDENTS s LEFT JOIN (SELECT SCHOOL_NUMBER AS NUMBER, DCID AS SCHOOL_DCID FROM SCHOOLS) o ON o.NUMBER = s.SCHOOLID
    LEFT JOIN (SELECT m.STUDENTSDCID AS OWNER, MIN(p.EMAIL) AS CONTACT_EMAIL FROM SYNC_STUDENTMAP m
        JOIN PSM_STUDENTCONTACT p ON p.STUDENTID = m.STUDENTID JOIN PSM_STUDENTCONTACTTYPE t ON t.ID = p.STUDENTCONTACTTYPEID
        WHERE t.NAME = 'Self' GROUP BY m.STUDENTSDCID) e ON e.OWNER = s.DCID""",
    "s.DCID",
    "s.DCID",
    _student,
    expansions=(
        *("demographics", "addresses", "alerts", "phones", "school_enrollment", "ethnicity_race", "contact", "contact_info"),
        *("initial_enrollment", "schedule_setup", "fees", "lunch"),
    ),
    extensions=("u_studentsuserfields",),
    fields=_columns(
        "s",
        (
            ("id", "DCID", "number"),
            ("local_id", "STUDENT_NUMBER", "number"),
            ("student_username", "STUDENT_WEB_ID", "text"),
            ("state_province_id", "STATE_STUDENTNUMBER", "text"),
            ("name.last_name", "LAST_NAME", "text"),
            ("name.first_name", "FIRST_NAME", "text"),
            ("school_enrollment.enroll_status_code", "ENROLL_STATUS", "number"),
            ("school_enrollment.entry_date", "ENTRYDATE", "date"),
        ),
    )
    | {"school_enrollment.enroll_status": Column(_STATUS_LETTER)},
)
STAFF = Resource(
    "staff",
    """TEACHERS s LEFT JOIN (SELECT SCHOOL_NUMBER AS NUMBER, DCID AS SCHOOL_DCID FROM SCHOOLS) o ON o.NUMBER = s.SCHOOLID
    JOIN (SELECT USERS_DCID AS PERSON, group_concat(CASE WHEN SCHOOLID = 0 THEN 0 ELSE IFNULL(c.DCID, 0) END || ',' ||
        IFNULL(STAFFSTATUS, 0) || ',' || IFNULL(STATUS, 0), ' ') AS PLACES
        FROM SCHOOLSTAFF LEFT JOIN SCHOOLS c ON c.SCHOOL_NUMBER = SCHOOLSTAFF.SCHOOLID GROUP BY USERS_DCID) a
        ON a.PERSON = s.USERS_DCID""",
    "s.DCID",
    "s.DCID",
    _staff,
    expansions=("addresses", "emails", "phones", "school_affiliations"),
)
SCHOOL = Resource("school", "SCHOOLS s", "s.DCID", "s.NAME, s.DCID", _school)
SECTION = Resource(
    "section",
    """(SELECT n.*, o.DCID AS SCHOOL_DCID, c.DCID AS COURSE_DCID, t.DCID AS TERM_DCID, f.DCID AS STAFF_DCID,
        t.ID AS TERM_LOCAL_ID, t.NAME AS TERM_NAME, t.ABBREVIATION AS TERM_ABBREVIATION, t.FIRSTDAY AS TERM_START_DATE,
        t.LASTDAY AS TERM_END_DATE, t.YEARID + 1990 AS START_YEAR
    FROM SECTIONS n LEFT JOIN SCHOOLS o ON o.SCHOOL_NUMBER = n.SCHOOLID LEFT JOIN SCHOOLSTAFF f ON f.ID = n.TEACHER
    LEFT JOIN TERMS t ON t.ID = n.TERMID AND t.SCHOOLID = n.SCHOOLID
    LEFT JOIN COURSES c ON UPPER(c.COURSE_NUMBER) = UPPER(n.COURSE_NUMBER)) s""",
    "s.DCID",
    "s.DCID, s.COURSE_NUMBER, s.TERMID",
    _section,
    expansions=("term",),
    fields=_columns("s", (("id", "DCID", "number"), ("term.start_year", "START_YEAR", "number"))),
)
ENROLLMENT = Resource(
    "section_enrollment",
    """(SELECT c.*, n.DCID AS SECTION_DCID, p.DCID AS STUDENT_DCID FROM CC c JOIN SECTIONS n ON n.ID = ABS(c.SECTIONID)
    JOIN STUDENTS p ON p.ID = c.STUDENTID) s""",
    "s.DCID",
    "s.STUDENT_DCID, s.DATEENROLLED, s.DCID",
    _enrollment,
)
TERM = Resource(
    "term",
    """(SELECT t.*, o.DCID AS SCHOOL_DCID, t.YEARID + 1990 AS START_YEAR FROM TERMS t
    LEFT JOIN SCHOOLS o ON o.SCHOOL_NUMBER = t.SCHOOLID) s""",
    "s.DCID",
    "s.PORTION, s.FIRSTDAY, s.DCID",
    _term,
    fields=_columns("s", (("id", "DCID", "number"), ("start_year", "START_YEAR", "number"))),
)
COURSE = Resource("course", "COURSES s", "s.DCID", "s.COURSE_NUMBER, s.DCID", _course)

RESOURCES = {each.name: each for each in (STUDENT, STAFF, SCHOOL, SECTION, ENROLLMENT, TERM, COURSE)}
