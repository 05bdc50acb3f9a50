"""Writes the rows of one edge case out by hand, with ids that never change."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from rollbook.sandbox.powerschool import school_year
from rollbook.sandbox.powerschool.tables import TABLES

#: Ids of cases lie above this one, all others below, so that both stay what they are however big the district is.
FIRST_ID = 9_000_000
#: Ids of one case begin so far from those of the next.
APART = 100
#: DCID, student number and state number lie so far from the ID.
OTHER = 100_000

ELEMENTARY, MIDDLE, HIGH = 101, 301, 501  # the first school of each level, in every district
SUMMER, EMPTY, VOCATIONAL = 901, 902, 903
OFFICE, GRADUATED = 0, 999_999
LEAD, CO_TEACHER = 1, 2
MAIL, MOBILE = 11, 21
RELATIONS = MappingProxyType({"Mother": 31, "Father": 32, "Guardian": 33, "Grandparent": 34, "Self": 35})


@dataclass
class Adding:
    """Collects the rows of one case; the number of the case and the place of a row in it make every id."""

    today: date
    case: int
    #: Every section so far, also those of other cases, by SECTIONS.ID.
    sections: dict[int, dict[str, Any]]
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def year(self) -> int:
        return school_year.start_year(self.today)

    @property
    def year_id(self) -> int:
        return school_year.year_id(self.year)

    def term(self, number: int, back: int = 0) -> int:
        return (self.year_id - back) * 100 + number

    def day(self, days: int) -> str:
        return (date(self.year, 8, 17) + timedelta(days=days)).isoformat()

    @property
    def end(self) -> str:
        return school_year.after(school_year.ordinary_terms(self.year)[0][4])

    def add(self, table: str, **values: Any) -> int:
        """Add a row with ids of its own; return the id that other rows point to."""
        # People have other ids than the students and staff that they are: whoever joins the wrong two finds nobody.
        base = FIRST_ID + self.case * APART + (APART // 2 if table in ("PERSON", "USERS") else 0)
        number = base + len(self.rows.setdefault(table, [])) + 1
        columns, key = TABLES[table].columns, TABLES[table].key
        both = {"DCID", "ID"} <= columns.keys()
        ids = {"DCID": number + OTHER, "ID": number} if both else {key: number}
        self.rows[table].append(ids | values)
        return number

    def student(self, first: str, last: str, *, email: bool = True, **values: Any) -> int:
        """Add an active student of the high school with an address of their own; return STUDENTS.ID."""
        person = self.person(first, last)
        number = self.add(
            "STUDENTS",
            FIRST_NAME=first,
            MIDDLE_NAME=None,
            LAST_NAME=last,
            LASTFIRST=f"{last}, {first}",
            GRADE_LEVEL=9,
            ENROLL_STATUS=0,
            SCHOOLID=HIGH,
            ENTRYDATE=self.day(0),
            EXITDATE=self.end,
            ENTRYCODE="E1",
            DOB=f"{self.year - 14}-03-09",
            FTEID=1,
            PERSON_ID=person,
        )
        row = self.rows["STUDENTS"][-1]
        row |= {"STUDENT_NUMBER": number + 2 * OTHER, "STATE_STUDENTNUMBER": str(number + 3 * OTHER)}
        row |= {"STUDENT_WEB_ID": f"case{number}"} | values
        if email:
            self.email(person, f"case{number}@students.cases.example")
        return number

    def person(self, first: str, last: str) -> int:
        return self.add("PERSON", FIRSTNAME=first, LASTNAME=last, ISACTIVE=1)

    def email(self, person: int, address: str, *, primary: int = 1, order: int = 1) -> None:
        self.add(
            "PERSONEMAILADDRESSASSOC",
            PERSONID=person,
            EMAILADDRESSID=self.add("EMAILADDRESS", EMAILADDRESS=address),
            ISPRIMARYEMAILADDRESS=primary,
            EMAILADDRESSPRIORITYORDER=order,
            EMAILTYPECODESETID=MAIL,
        )

    def contact(self, student: int, person: int, relation: str, **values: Any) -> int:
        """Add a contact of a student, by STUDENTS.ID; return the id of the association."""
        code = RELATIONS[relation]
        link = self.add(
            "STUDENTCONTACTASSOC",
            STUDENTDCID=student + OTHER,
            PERSONID=person,
            CONTACTPRIORITYORDER=1,
            CURRRELTYPECODESETID=code,
        )
        self.detail(link, code, **values)
        return link

    def detail(self, link: int, code: int, **values: Any) -> None:
        flags = ("ISACTIVE", "ISCUSTODIAL", "LIVESWITHFLG", "RECEIVESMAILFLG", "SCHOOLPICKUPFLG")
        row: dict[str, Any] = dict.fromkeys(flags, 1) | {"ISEMERGENCY": 0, "STARTDATE": self.day(0)} | values
        self.add("STUDENTCONTACTDETAIL", STUDENTCONTACTASSOCID=link, RELATIONSHIPTYPECODESETID=code, **row)

    def staff(self, first: str, last: str, school: int, **values: Any) -> int:
        """Add a teacher at a school; return SCHOOLSTAFF.ID."""
        self.add("USERS", FIRST_NAME=first, LAST_NAME=last, LASTFIRST=f"{last}, {first}", HOMESCHOOLID=school)
        row = self.rows["USERS"][-1]
        row |= {"TEACHERNUMBER": str(row["DCID"] + OTHER), "EMAIL_ADDR": f"case{row['DCID']}@cases.example"}
        row |= {"LOGINID": f"case{row['DCID']}", "TEACHERLOGINID": f"case{row['DCID']}"}
        row |= {"PSACCESS": 0, "PTACCESS": 1} | values
        return self.works_at(school)

    def works_at(self, school: int, *, status: int = 1, kind: int = 1) -> int:
        """Let the person added last be at one more school; return SCHOOLSTAFF.ID."""
        person = self.rows["USERS"][-1]["DCID"]
        return self.add("SCHOOLSTAFF", USERS_DCID=person, SCHOOLID=school, STATUS=status, STAFFSTATUS=kind)

    def section(self, course: str, *, term: int = 0, school: int = HIGH, teacher: int | None = None, **values: Any) -> int:
        """Add a section of this year, with its lead teacher if there is one; return SECTIONS.ID."""
        number = self.add("SECTIONS", COURSE_NUMBER=course, SECTION_NUMBER="01", TERMID=self.term(term), SCHOOLID=school)
        ordinary = {"ROOM": "C1", "EXPRESSION": "1(A-E)", "EXTERNAL_EXPRESSION": "1(M-F)", "MAXENROLLMENT": 30}
        self.sections[number] = self.rows["SECTIONS"][-1]
        self.sections[number] |= {"TEACHER": teacher} | ordinary | values
        if teacher is not None:
            self.teaches(number, teacher)
        return number

    def teaches(self, section: int, teacher: int, *, role: int = LEAD, begin: str | None = None, end: str | None = None) -> None:
        row = self.sections[section]
        first, last = self.span(row["TERMID"], row["SCHOOLID"])
        values = {"START_DATE": begin or first.isoformat(), "END_DATE": end or last.isoformat()}
        self.add("SECTIONTEACHER", SECTIONID=section, TEACHERID=teacher, ROLEID=role, **values)

    def span(self, term: int, school: int) -> tuple[date, date]:
        """Return the first and last day of a term."""
        year = term // 100 + 1990
        ordinary = [*school_year.ordinary_terms(year), school_year.summer_term(year)]
        terms = [school_year.summer_year(year)] if school == SUMMER else ordinary
        return next((first, last) for number, _, _, first, last, _ in terms if number == term % 100)

    def seat(self, student: int, section: int, *, begin: str | None = None, end: str | None = None, ended: bool = False) -> None:
        """Add the CC row of a student in a section; one that is ended has its section and term negated."""
        row = self.sections[section]
        first, last = self.span(row["TERMID"], row["SCHOOLID"])
        sign = -1 if ended else 1
        self.add(
            "CC",
            STUDENTID=student,
            SECTIONID=sign * section,
            ORIGSECTIONID=0,
            TERMID=sign * row["TERMID"],
            DATEENROLLED=begin or first.isoformat(),
            DATELEFT=end or school_year.after(last),
            STUDYEAR=student * 100 + row["TERMID"] // 100,
            TEACHERID=row["TEACHER"],
            **{name: row[name] for name in ("SCHOOLID", "COURSE_NUMBER", "SECTION_NUMBER", "EXPRESSION")},
        )

    def terms(self, school: int, year: int, *terms: tuple[int, str, str, date, date, int]) -> None:
        for number, name, short, first, last, portion in terms:
            self.add("TERMS", ID=school_year.year_id(year) * 100 + number, NAME=name, ABBREVIATION=short, SCHOOLID=school)
            self.rows["TERMS"][-1] |= {"FIRSTDAY": first.isoformat(), "LASTDAY": last.isoformat(), "PORTION": portion}
            self.rows["TERMS"][-1] |= {"YEARID": school_year.year_id(year), "ISYEARREC": int(number == 0)}

    def school(self, number: int, name: str, dcid: int, low: int, high: int) -> None:
        short = "".join(word[0] for word in name.split())
        self.add("SCHOOLS", NAME=name, ABBREVIATION=short, SCHOOL_NUMBER=number, LOW_GRADE=low, HIGH_GRADE=high)
        # The DCIDs of schools are small, as everywhere, and no school's number.
        self.rows["SCHOOLS"][-1] |= {"DCID": dcid, "ID": dcid + 40, "ALTERNATE_SCHOOL_NUMBER": number + 7000}
