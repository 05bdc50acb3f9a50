"""What a faithful import finds in the tables, worked out a second time: connectors are compared with it.

The rules it assumes, in words:

- The year is that of the term that today lies in, the latest if there are several; between two terms, that of the next.
  Only terms of that year come, each school's own, the district office's too.
- Every school comes but the graduated one (999999); number 0 is the district office. Every course comes, taught or not.
- A section comes if its term, looked up by id and school, comes. It need not have begun, nor have a teacher.
- A student comes with ENROLL_STATUS 0 (active) or -1 (not here yet, with the day of entry); with no other number, never at school
  999999 or in grade 99, and not if EXITDATE is ENTRYDATE (never came). No address, no sign-in name: comes all the same.
- A member of staff comes with one SCHOOLSTAFF row of STATUS 1 or more, and is at the schools of those rows.
- A place in a section (CC) comes if its student and its section come, whatever school either is at. A negative SECTIONID is
  a place that has ended: it comes as ended if DATELEFT is later than DATEENROLLED, otherwise nobody ever sat there. DATELEFT
  is exclusive, and comes as it stands.
- A teacher of a section comes if both come, with the dates as they stand: one before and one after a hand-over.
- A guardian is an active person with an active detail of a relation other than Self to a student who comes; a pair comes once.
"""

from dataclasses import dataclass, fields
from datetime import date

import polars as pl

from rollbook.sandbox.powerschool.frames import Tables


@dataclass(frozen=True)
class Truth:
    """The rows that come, by the ids of their own table."""

    schools: pl.DataFrame  # SCHOOL_NUMBER, NAME
    terms: pl.DataFrame  # ID, SCHOOLID
    courses: pl.DataFrame  # DCID, COURSE_NUMBER
    sections: pl.DataFrame  # DCID, SCHOOLID, COURSE (its DCID)
    students: pl.DataFrame  # DCID, SCHOOLID, ENTRYDATE, EMAIL
    staff: pl.DataFrame  # DCID (of USERS), EMAIL_ADDR
    staff_at: pl.DataFrame  # USERS_DCID, SCHOOLID
    enrollments: pl.DataFrame  # DCID, STUDENT, SECTION (their DCIDs), SCHOOLID, begin, end, ended
    teaching: pl.DataFrame  # ID, USERS_DCID, SECTION (its DCID), ROLE, START_DATE, END_DATE
    guardians: pl.DataFrame  # PERSONID, EMAIL
    guardianships: pl.DataFrame  # STUDENTDCID, PERSONID

    def counts(self) -> dict[str, int]:
        return {each.name: getattr(self, each.name).height for each in fields(self)}


def year_of(tables: Tables, today: date) -> int:
    """Return the YEARID whose rows come on that day."""
    terms, day = tables["TERMS"], today.isoformat()
    now = terms.filter((pl.col("FIRSTDAY") <= day) & (pl.col("LASTDAY") >= day))
    if now.height:
        return int(now.select(pl.col("YEARID").max()).item())
    coming = terms.filter(pl.col("FIRSTDAY") > day).sort("FIRSTDAY")
    return int(coming["YEARID"][0]) if coming.height else int(terms.select(pl.col("YEARID").max()).item())


def roster(tables: Tables, today: date) -> Truth:
    """Return what a faithful import of the whole of the tables finds on that day."""
    schools = tables["SCHOOLS"].filter(pl.col("SCHOOL_NUMBER") != 999_999).select("SCHOOL_NUMBER", "NAME")
    terms = tables["TERMS"].filter(pl.col("YEARID") == year_of(tables, today)).select("ID", "SCHOOLID")
    courses = tables["COURSES"].select("DCID", "COURSE_NUMBER")

    number = courses.select(COURSE="DCID", number=pl.col("COURSE_NUMBER").str.to_lowercase())
    sections = (
        tables["SECTIONS"]
        .join(terms, left_on=["TERMID", "SCHOOLID"], right_on=["ID", "SCHOOLID"], how="semi")
        .with_columns(number=pl.col("COURSE_NUMBER").str.to_lowercase())
        .join(number, on="number", how="left")
        .select("DCID", "ID", "SCHOOLID", "COURSE")
    )

    emails = _emails(tables)
    students = (
        tables["STUDENTS"]
        .filter(
            pl.col("ENROLL_STATUS").is_in([0, -1])
            & (pl.col("SCHOOLID") != 999_999)
            & (pl.col("GRADE_LEVEL") != 99)
            & pl.col("EXITDATE").ne_missing(pl.col("ENTRYDATE"))
        )
        .join(emails, left_on="PERSON_ID", right_on="PERSONID", how="left")
        .select("DCID", "ID", "SCHOOLID", "ENTRYDATE", "EMAIL")
    )

    staff_at = tables["SCHOOLSTAFF"].filter(pl.col("STATUS") == 1).select("USERS_DCID", "SCHOOLID").unique()
    staff = tables["USERS"].join(staff_at, left_on="DCID", right_on="USERS_DCID", how="semi").select("DCID", "EMAIL_ADDR")

    places = tables["CC"].with_columns(ended=pl.col("SECTIONID") < 0, SECTIONID=pl.col("SECTIONID").abs())
    enrollments = (
        places.filter(~pl.col("ended") | (pl.col("DATELEFT") > pl.col("DATEENROLLED")))
        .join(students.select(STUDENTID="ID", STUDENT="DCID"), on="STUDENTID")
        .join(sections.select(SECTIONID="ID", SECTION="DCID"), on="SECTIONID")
        .select("DCID", "STUDENT", "SECTION", "SCHOOLID", "ended", begin="DATEENROLLED", end="DATELEFT")
    )

    whose = tables["SCHOOLSTAFF"].select(TEACHERID="ID", USERS_DCID="USERS_DCID")
    teaching = (
        tables["SECTIONTEACHER"]
        .join(whose, on="TEACHERID")
        .join(staff, left_on="USERS_DCID", right_on="DCID", how="semi")
        .join(sections.select(SECTIONID="ID", SECTION="DCID"), on="SECTIONID")
        .join(tables["ROLEDEF"].select(ROLEID="ID", ROLE="NAME"), on="ROLEID", how="left")
        .select("ID", "USERS_DCID", "SECTION", "ROLE", "START_DATE", "END_DATE")
    )

    is_self = tables["CODESET"].filter((pl.col("CODETYPE") == "Relationship") & (pl.col("CODE") == "Self"))
    guardianships = (
        tables["STUDENTCONTACTDETAIL"]
        .filter(pl.col("ISACTIVE") == 1)
        .join(is_self, left_on="RELATIONSHIPTYPECODESETID", right_on="CODESETID", how="anti")
        .join(tables["STUDENTCONTACTASSOC"], on="STUDENTCONTACTASSOCID")
        .join(tables["PERSON"].filter(pl.col("ISACTIVE") == 1), left_on="PERSONID", right_on="ID", how="semi")
        .join(students, left_on="STUDENTDCID", right_on="DCID", how="semi")
        .select("STUDENTDCID", "PERSONID")
        .unique()
    )
    guardians = guardianships.select("PERSONID").unique().join(emails, on="PERSONID", how="left")
    return Truth(
        *(schools, terms, courses, sections.drop("ID"), students.drop("ID"), staff, staff_at),
        *(enrollments, teaching, guardians, guardianships),
    )


def _emails(tables: Tables) -> pl.DataFrame:
    """Return one address a person: the primary one, or else the first by order."""
    return (
        tables["PERSONEMAILADDRESSASSOC"]
        .join(tables["EMAILADDRESS"], on="EMAILADDRESSID")
        .sort(pl.col("ISPRIMARYEMAILADDRESS") != 1, "EMAILADDRESSPRIORITYORDER", "PERSONEMAILADDRESSASSOCID")
        .unique("PERSONID", keep="first", maintain_order=True)
        .select("PERSONID", EMAIL="EMAILADDRESS")
    )
