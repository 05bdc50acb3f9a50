"""The one list of what is read from a PowerSchool: each query, each field, and why it is needed."""

from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = "org.rollbook.roster"

#: The students who come: enrolled (0) or registered for a day to come (-1), and not at the school of those who graduated.
WHO_COMES = "st.enroll_status IN (0, -1) AND st.schoolid <> 999999"

#: One address a person: the primary one, else the first by the school's own order, else the oldest.
#: No comparison with an empty text: Oracle takes that for null, and null equals nothing.
ONE_ADDRESS = """(
  SELECT pe.personid, ea.emailaddress,
    ROW_NUMBER() OVER (
      PARTITION BY pe.personid
      ORDER BY CASE WHEN pe.isprimaryemailaddress = 1 THEN 0 ELSE 1 END,
        COALESCE(pe.emailaddresspriorityorder, 999999), pe.personemailaddressassocid
    ) AS place
  FROM personemailaddressassoc pe
  JOIN emailaddress ea ON ea.emailaddressid = pe.emailaddressid
  WHERE ea.emailaddress IS NOT NULL
)"""


@dataclass(frozen=True)
class Column:
    """A column of an answer. `field` is the real one that grants it and gives its type; `sql` is what is selected."""

    field: str
    alias: str
    sql: str
    why: str


@dataclass(frozen=True)
class Used:
    """A field that does not come, but that a query joins, filters or sorts by; it must be granted, too."""

    field: str
    why: str


@dataclass(frozen=True)
class Argument:
    """What the caller fills in; `field` gives its type."""

    name: str
    field: str
    means: str


@dataclass(frozen=True)
class Query:
    """One named query. Its first column is its key: the answer is sorted by it, so that pages neither repeat nor skip rows.

    Shape: one row for each key; the columns in their order are the SELECT list, so the two cannot differ.
    """

    name: str
    title: str
    core_table: str
    means: str
    columns: tuple[Column, ...]
    source: str  # FROM, JOIN and WHERE
    used: tuple[Used, ...] = ()
    args: tuple[Argument, ...] = ()

    @property
    def area(self) -> str:
        return self.name.split(".")[3]

    @property
    def aliases(self) -> tuple[str, ...]:
        return tuple(column.alias for column in self.columns)

    @property
    def key(self) -> str:
        return self.columns[0].alias

    @property
    def sql(self) -> str:
        selected = ",\n  ".join(f"{column.sql} AS {column.alias}" for column in self.columns)
        return f"SELECT\n  {selected}\n{self.source.strip()}\nORDER BY {self.columns[0].sql}"


YEAR = Argument("yearid", "TERMS.YEARID", "The school year, counted from 1990-91 as 0: 35 is 2025-26.")

OF_THE_YEAR = (
    Used("SECTIONS.TERMID", "finds the term of a class"),
    Used("TERMS.ID", "finds the term of a class"),
    Used("TERMS.SCHOOLID", "the same term number exists at every school"),
    Used("TERMS.YEARID", "only the classes of the asked year come"),
)
OF_WHO_COMES = (
    Used("STUDENTS.ENROLL_STATUS", "only students who are enrolled or registered come"),
    Used("STUDENTS.SCHOOLID", "leaves out the school of those who graduated"),
)
OF_ONE_ADDRESS = (
    Used("PERSONEMAILADDRESSASSOC.PERSONID", "finds the addresses of a person"),
    Used("PERSONEMAILADDRESSASSOC.EMAILADDRESSID", "finds the addresses of a person"),
    Used("PERSONEMAILADDRESSASSOC.ISPRIMARYEMAILADDRESS", "of several addresses, takes the primary one"),
    Used("PERSONEMAILADDRESSASSOC.EMAILADDRESSPRIORITYORDER", "without a primary address, takes the first"),
    Used("PERSONEMAILADDRESSASSOC.PERSONEMAILADDRESSASSOCID", "of equal addresses, takes the same one every night"),
    Used("EMAILADDRESS.EMAILADDRESSID", "finds the addresses of a person"),
)

SCHOOLS = Query(
    f"{PREFIX}.core.schools",
    "Schools",
    "SCHOOLS",
    "The schools of the district, and its office where that has a row; not the school of those who graduated.",
    (
        Column("SCHOOLS.DCID", "school_dcid", "sc.dcid", "tells schools apart"),
        Column("SCHOOLS.SCHOOL_NUMBER", "school_number", "sc.school_number", "by this number everything else names its school"),
        Column("SCHOOLS.NAME", "name", "sc.name", "name of the school"),
    ),
    """
FROM schools sc
WHERE sc.school_number <> 999999
""",
)

YEARS = Query(
    f"{PREFIX}.core.years",
    "School years",
    "TERMS",
    "The record of every school year at every school, from which the current year is found by its dates.",
    (
        Column("TERMS.DCID", "term_dcid", "t.dcid", "tells years apart"),
        Column("TERMS.YEARID", "year_id", "t.yearid", "the year that the other queries are asked for"),
        Column("TERMS.SCHOOLID", "school_number", "t.schoolid", "school of the year"),
        Column("TERMS.NAME", "name", "t.name", "name of the year"),
        Column("TERMS.FIRSTDAY", "first_day", "t.firstday", "finds the current year"),
        Column("TERMS.LASTDAY", "last_day", "t.lastday", "finds the current year"),
    ),
    """
FROM terms t
WHERE t.isyearrec = 1 AND t.schoolid <> 999999
""",
    used=(Used("TERMS.ISYEARREC", "tells years from the terms in them"),),
)

TERMS = Query(
    f"{PREFIX}.core.terms",
    "Terms of a year",
    "TERMS",
    "The year, semesters, quarters and other terms of one school year, at every school.",
    (
        Column("TERMS.DCID", "term_dcid", "t.dcid", "tells terms apart"),
        Column("TERMS.ID", "term_id", "t.id", "number of the term, the same at every school"),
        Column("TERMS.SCHOOLID", "school_number", "t.schoolid", "school of the term"),
        Column("TERMS.YEARID", "year_id", "t.yearid", "school year of the term"),
        Column("TERMS.ISYEARREC", "is_year", "t.isyearrec", "tells years from the terms in them"),
        Column("TERMS.PORTION", "portion", "t.portion", "tells semesters from quarters"),
        Column("TERMS.NAME", "name", "t.name", "name of the term"),
        Column("TERMS.FIRSTDAY", "first_day", "t.firstday", "first day of the term"),
        Column("TERMS.LASTDAY", "last_day", "t.lastday", "last day of the term"),
    ),
    """
FROM terms t
WHERE t.yearid = :yearid AND t.schoolid <> 999999
""",
    args=(YEAR,),
)

COURSES = Query(
    f"{PREFIX}.core.courses",
    "Courses taught in a year",
    "COURSES",
    "The courses of the catalogue that have a class in the asked year.",
    (
        Column("COURSES.DCID", "course_dcid", "co.dcid", "tells courses apart"),
        Column("COURSES.COURSE_NUMBER", "course_number", "co.course_number", "code of the course"),
        Column("COURSES.COURSE_NAME", "course_name", "co.course_name", "name of the course"),
        Column("COURSES.SCHOOLID", "school_number", "co.schoolid", "school that offers the course; 0 is the district"),
    ),
    """
FROM courses co
WHERE UPPER(co.course_number) IN (
  SELECT UPPER(se.course_number)
  FROM sections se
  JOIN terms t ON t.id = se.termid AND t.schoolid = se.schoolid
  WHERE t.yearid = :yearid
)
""",
    used=(
        Used("SECTIONS.COURSE_NUMBER", "finds the course of a class"),
        Used("SECTIONS.SCHOOLID", "the same term number exists at every school"),
        *OF_THE_YEAR,
    ),
    args=(YEAR,),
)

STAFF = Query(
    f"{PREFIX}.core.staff",
    "Staff",
    "USERS",
    "Everybody who works at one of the schools now, once, however many schools there are.",
    (
        Column("USERS.DCID", "user_dcid", "us.dcid", "tells people apart"),
        Column("USERS.FIRST_NAME", "first_name", "us.first_name", "name of the person"),
        Column("USERS.MIDDLE_NAME", "middle_name", "us.middle_name", "name of the person"),
        Column("USERS.LAST_NAME", "last_name", "us.last_name", "name of the person"),
        Column("USERS.EMAIL_ADDR", "email", "us.email_addr", "signs a teacher in; where messages go"),
        Column("USERS.TEACHERNUMBER", "teacher_number", "us.teachernumber", "the number that people use for a teacher"),
        Column("USERS.TEACHERLOGINID", "username", "us.teacherloginid", "signs a teacher in who has no address"),
        Column("USERS.HOMESCHOOLID", "school_number", "us.homeschoolid", "the school that the person mainly belongs to"),
    ),
    """
FROM users us
WHERE EXISTS (
  SELECT 1
  FROM schoolstaff sf
  WHERE sf.users_dcid = us.dcid AND sf.status = 1 AND sf.schoolid <> 999999
)
""",
    used=(
        Used("SCHOOLSTAFF.USERS_DCID", "finds the schools of a person"),
        Used("SCHOOLSTAFF.STATUS", "only people who work there now come"),
        Used("SCHOOLSTAFF.SCHOOLID", "leaves out the school of those who graduated"),
    ),
)

SCHOOL_STAFF = Query(
    f"{PREFIX}.core.school_staff",
    "Staff at schools",
    "SCHOOLSTAFF",
    "Who works at which school now, and as what: a row for each person and school.",
    (
        Column("SCHOOLSTAFF.DCID", "school_staff_dcid", "sf.dcid", "tells the places of work apart"),
        Column("SCHOOLSTAFF.USERS_DCID", "user_dcid", "sf.users_dcid", "who"),
        Column("SCHOOLSTAFF.SCHOOLID", "school_number", "sf.schoolid", "where"),
        Column("SCHOOLSTAFF.STAFFSTATUS", "staff_status", "sf.staffstatus", "as what: teacher or other staff"),
    ),
    """
FROM schoolstaff sf
WHERE sf.status = 1 AND sf.schoolid <> 999999
""",
    used=(Used("SCHOOLSTAFF.STATUS", "only people who work there now come"),),
)

STUDENTS = Query(
    f"{PREFIX}.core.students",
    "Students",
    "STUDENTS",
    "Every student who is enrolled or registered, once, with one address or none.",
    (
        Column("STUDENTS.DCID", "student_dcid", "st.dcid", "tells students apart"),
        Column("STUDENTS.STUDENT_NUMBER", "student_number", "st.student_number", "the number that people use for a student"),
        Column("STUDENTS.FIRST_NAME", "first_name", "st.first_name", "name of the student"),
        Column("STUDENTS.MIDDLE_NAME", "middle_name", "st.middle_name", "name of the student"),
        Column("STUDENTS.LAST_NAME", "last_name", "st.last_name", "name of the student"),
        Column("STUDENTS.GRADE_LEVEL", "grade_level", "st.grade_level", "grade of the student"),
        Column("STUDENTS.SCHOOLID", "school_number", "st.schoolid", "school of the student"),
        Column("STUDENTS.ENROLL_STATUS", "enroll_status", "st.enroll_status", "tells enrolled from registered for later"),
        Column("STUDENTS.ENTRYDATE", "entry_date", "st.entrydate", "first day at the school"),
        Column("STUDENTS.EXITDATE", "exit_date", "st.exitdate", "the day after the last; tells who never came"),
        Column("STUDENTS.STUDENT_WEB_ID", "username", "st.student_web_id", "signs a student in where there are no Chromebooks"),
        Column("EMAILADDRESS.EMAILADDRESS", "email", "mail.emailaddress", "signs a student in on Chromebooks"),
    ),
    f"""
FROM students st
LEFT JOIN {ONE_ADDRESS} mail ON mail.personid = st.person_id AND mail.place = 1
WHERE {WHO_COMES}
""",
    used=(Used("STUDENTS.PERSON_ID", "finds the addresses of a student"), *OF_ONE_ADDRESS),
)

SECTIONS = Query(
    f"{PREFIX}.core.sections",
    "Classes of a year",
    "SECTIONS",
    "Every class of the asked year, whether its course is found or not.",
    (
        Column("SECTIONS.DCID", "section_dcid", "se.dcid", "tells classes apart"),
        Column("SECTIONS.SECTION_NUMBER", "section_number", "se.section_number", "number of the class within its course"),
        Column("SECTIONS.COURSE_NUMBER", "course_number", "se.course_number", "names the course, should it not be found"),
        Column("COURSES.DCID", "course_dcid", "co.dcid", "course of the class"),
        Column("COURSES.COURSE_NAME", "course_name", "co.course_name", "name of the class"),
        Column("SECTIONS.SCHOOLID", "school_number", "se.schoolid", "school of the class"),
        Column("TERMS.DCID", "term_dcid", "t.dcid", "term of the class"),
        Column("SECTIONS.ROOM", "room", "se.room", "room of the class"),
        Column("SECTIONS.EXTERNAL_EXPRESSION", "expression", "se.external_expression", "periods and days of the class"),
    ),
    """
FROM sections se
JOIN terms t ON t.id = se.termid AND t.schoolid = se.schoolid
LEFT JOIN (
  SELECT UPPER(any_co.course_number) AS course_key, MIN(any_co.dcid) AS course_dcid
  FROM courses any_co
  GROUP BY UPPER(any_co.course_number)
) one_co ON one_co.course_key = UPPER(se.course_number)
LEFT JOIN courses co ON co.dcid = one_co.course_dcid
WHERE t.yearid = :yearid AND se.schoolid <> 999999
""",
    used=(Used("COURSES.COURSE_NUMBER", "finds the course of a class"), *OF_THE_YEAR),
    args=(YEAR,),
)

SECTION_TEACHERS = Query(
    f"{PREFIX}.core.section_teachers",
    "Teachers of classes of a year",
    "SECTIONTEACHER",
    "Who teaches which class of the asked year, as what, from when to when; those who handed over, too.",
    (
        Column("SECTIONTEACHER.ID", "section_teacher_id", "ts.id", "tells the teachers of a class apart"),
        Column("SECTIONS.DCID", "section_dcid", "se.dcid", "which class"),
        Column("SECTIONS.SCHOOLID", "school_number", "se.schoolid", "school of the class"),
        Column("SCHOOLSTAFF.USERS_DCID", "user_dcid", "sf.users_dcid", "who"),
        Column("ROLEDEF.NAME", "role_name", "rd.name", "as what: lead teacher, co-teacher or what the district has"),
        Column("SECTIONTEACHER.START_DATE", "start_date", "ts.start_date", "from when"),
        Column("SECTIONTEACHER.END_DATE", "end_date", "ts.end_date", "to when"),
    ),
    """
FROM sectionteacher ts
JOIN sections se ON se.id = ts.sectionid
JOIN terms t ON t.id = se.termid AND t.schoolid = se.schoolid
LEFT JOIN schoolstaff sf ON sf.id = ts.teacherid
LEFT JOIN roledef rd ON rd.id = ts.roleid
WHERE t.yearid = :yearid AND se.schoolid <> 999999
""",
    used=(
        Used("SECTIONTEACHER.SECTIONID", "finds the class"),
        Used("SECTIONTEACHER.TEACHERID", "finds the teacher"),
        Used("SECTIONTEACHER.ROLEID", "finds the name of the role"),
        Used("SECTIONS.ID", "finds the class"),
        Used("SCHOOLSTAFF.ID", "finds the teacher"),
        Used("ROLEDEF.ID", "finds the name of the role"),
        *OF_THE_YEAR,
    ),
    args=(YEAR,),
)

ENROLLMENTS = Query(
    f"{PREFIX}.core.enrollments",
    "Students of classes of a year",
    "CC",
    "Which of the students who come is or was in which class of the asked year, at whatever school that is.",
    (
        Column("CC.DCID", "cc_dcid", "cc.dcid", "tells enrollments apart"),
        Column("STUDENTS.DCID", "student_dcid", "st.dcid", "who"),
        Column("SECTIONS.DCID", "section_dcid", "se.dcid", "which class"),
        Column("SECTIONS.SCHOOLID", "school_number", "se.schoolid", "school of the class"),
        Column("CC.DATEENROLLED", "date_enrolled", "cc.dateenrolled", "first day in the class"),
        Column("CC.DATELEFT", "date_left", "cc.dateleft", "the day after the last in the class"),
        Column(
            "CC.SECTIONID",
            "ended",
            "CASE WHEN cc.sectionid < 0 THEN 1 ELSE 0 END",
            "finds the class; a negative number says that the student has left it",
        ),
    ),
    f"""
FROM cc cc
JOIN students st ON st.id = cc.studentid
JOIN sections se ON se.id = ABS(cc.sectionid)
JOIN terms t ON t.id = se.termid AND t.schoolid = se.schoolid
WHERE t.yearid = :yearid AND se.schoolid <> 999999 AND {WHO_COMES}
""",
    used=(
        Used("CC.STUDENTID", "finds the student"),
        Used("STUDENTS.ID", "finds the student"),
        Used("SECTIONS.ID", "finds the class"),
        *OF_WHO_COMES,
        *OF_THE_YEAR,
    ),
    args=(YEAR,),
)

GUARDIANS = Query(
    f"{PREFIX}.contacts.guardians",
    "Contacts of students",
    "STUDENTCONTACTDETAIL",
    "The active relations between the students who come and other people, each with one address or none. A relation that was"
    " dated anew has a row for each pair of dates.",
    (
        Column(
            "STUDENTCONTACTDETAIL.STUDENTCONTACTDETAILID", "relation_id", "de.studentcontactdetailid", "tells relations apart"
        ),
        Column("STUDENTS.DCID", "student_dcid", "st.dcid", "the child"),
        Column("PERSON.ID", "person_id", "pn.id", "tells contacts apart"),
        Column("PERSON.FIRSTNAME", "first_name", "pn.firstname", "name of the contact"),
        Column("PERSON.MIDDLENAME", "middle_name", "pn.middlename", "name of the contact"),
        Column("PERSON.LASTNAME", "last_name", "pn.lastname", "name of the contact"),
        Column("EMAILADDRESS.EMAILADDRESS", "email", "mail.emailaddress", "signs a guardian in; where messages go"),
        Column("CODESET.CODE", "relation", "cs.code", "parent, guardian or other relative"),
        Column("STUDENTCONTACTDETAIL.ISCUSTODIAL", "is_custodial", "de.iscustodial", "whether the contact has custody"),
        Column(
            "STUDENTCONTACTDETAIL.RECEIVESMAILFLG", "receives_mail", "de.receivesmailflg", "whether letters go to the contact"
        ),
        Column("STUDENTCONTACTDETAIL.STARTDATE", "start_date", "de.startdate", "since when"),
        Column("STUDENTCONTACTDETAIL.ENDDATE", "end_date", "de.enddate", "until when"),
    ),
    f"""
FROM studentcontactdetail de
JOIN studentcontactassoc ca ON ca.studentcontactassocid = de.studentcontactassocid
JOIN students st ON st.dcid = ca.studentdcid
JOIN person pn ON pn.id = ca.personid
LEFT JOIN codeset cs ON cs.codesetid = de.relationshiptypecodesetid
LEFT JOIN {ONE_ADDRESS} mail ON mail.personid = pn.id AND mail.place = 1
WHERE de.isactive = 1 AND pn.isactive = 1 AND {WHO_COMES}
  AND (st.person_id IS NULL OR st.person_id <> pn.id)
""",
    used=(
        Used("STUDENTCONTACTASSOC.STUDENTCONTACTASSOCID", "finds the contacts of a student"),
        Used("STUDENTCONTACTASSOC.STUDENTDCID", "finds the contacts of a student"),
        Used("STUDENTCONTACTASSOC.PERSONID", "finds the contacts of a student"),
        Used("STUDENTCONTACTDETAIL.STUDENTCONTACTASSOCID", "finds the contacts of a student"),
        Used("STUDENTCONTACTDETAIL.RELATIONSHIPTYPECODESETID", "finds the name of the relation"),
        Used("STUDENTCONTACTDETAIL.ISACTIVE", "only active contacts come"),
        Used("PERSON.ISACTIVE", "only active contacts come"),
        Used("CODESET.CODESETID", "finds the name of the relation"),
        Used("STUDENTS.PERSON_ID", "leaves out students who are their own contact"),
        *OF_WHO_COMES,
        *OF_ONE_ADDRESS,
    ),
)

#: In the order in which they are best asked: what others point to comes first.
CORE = (SCHOOLS, YEARS, TERMS, COURSES, STAFF, SCHOOL_STAFF, STUDENTS, SECTIONS, SECTION_TEACHERS, ENROLLMENTS)
CONTACTS = (GUARDIANS,)
QUERIES = (*CORE, *CONTACTS)


def chosen(*, guardians: bool) -> tuple[Query, ...]:
    """Return the queries of the plugin with or without guardians."""
    return QUERIES if guardians else CORE


def fields(queries: Iterable[Query] = QUERIES) -> list[tuple[str, str, str]]:
    """Return each table and field that these queries read, sorted, with every reason for it."""
    reasons: dict[str, dict[str, None]] = {}
    for query in queries:
        both: tuple[Column | Used, ...] = (*query.columns, *query.used)
        for each in both:
            reasons.setdefault(each.field, {})[each.why] = None
    return [(*_split(field), "; ".join(why)) for field, why in sorted(reasons.items())]


def _split(field: str) -> tuple[str, str]:
    table, _, name = field.partition(".")
    return table, name
