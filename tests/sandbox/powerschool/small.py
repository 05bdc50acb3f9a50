"""A district small enough to know by heart, and plugins made by hand."""

import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import polars as pl

#: The day on which the tests of the small district stand still.
TODAY = datetime(2025, 10, 15, 12, tzinfo=UTC)

TABLES: dict[str, pl.DataFrame] = {
    "SCHOOLS": pl.DataFrame(
        {
            "DCID": [2, 3, 4, 5, 6],
            "ID": [92, 93, 94, 95, 96],
            "SCHOOL_NUMBER": [0, 100, 200, 999999, 300],
            "NAME": ["District Office", "Oak", "Elm", "Graduated Students", "Hollow"],
        }
    ),
    "STUDENTS": pl.DataFrame(
        {
            "DCID": [501, 502, 503, 504, 505],
            "ID": [601, 602, 603, 604, 605],
            "STUDENT_NUMBER": [10004, 10005, 10006, 10007, 10008],
            "STATE_STUDENTNUMBER": ["990001", "0990002", None, None, None],
            "STUDENT_WEB_ID": ["ana.rivas04", "78654", "050010", "", None],
            "FIRST_NAME": ["Ana", "Bo", "Cleo", "Dee", "Eli"],
            "LAST_NAME": ["Rivas", "O'Neil", "Łukasz", "Day", "Ek"],
            "GRADE_LEVEL": [6, 7, 6, 8, 0],
            "ENROLL_STATUS": [0, 0, -1, 2, 0],
            "SCHOOLID": [100, 100, 100, 100, 200],
            "ENTRYDATE": ["2025-08-18", "2025-08-18", "2026-01-12", "2025-08-18", "2025-08-18"],
            "EXITDATE": ["2026-06-05", "2026-06-05", "2026-06-05", "2025-09-30", "2026-06-05"],
            "GUARDIANEMAIL": ["m.rivas@mail.example", None, None, None, None],
        }
    ),
    "USERS": pl.DataFrame(
        {
            "DCID": [63, 64],
            "FIRST_NAME": ["Jo", "Tam"],
            "LAST_NAME": ["Lee", "Roe"],
            "EMAIL_ADDR": ["jlee@example.org", None],
            "TEACHERNUMBER": ["5", "t.lee"],
            "HOMESCHOOLID": [100, 100],
        }
    ),
    "SCHOOLSTAFF": pl.DataFrame(
        {
            "DCID": [65, 66, 67, 68],
            "ID": [75, 76, 77, 78],
            "USERS_DCID": [63, 63, 64, 64],
            "SCHOOLID": [100, 0, 100, 200],
            "STATUS": [1, 1, 1, 2],
            "STAFFSTATUS": [1, 2, 1, 1],
        }
    ),
    "TERMS": pl.DataFrame(
        {
            "DCID": [881, 882, 883, 871],
            "ID": [3500, 3500, 3501, 3400],
            "NAME": ["2025-2026", "2025-2026", "Semester 1", "2024-2025"],
            "FIRSTDAY": ["2025-08-18", "2025-08-18", "2025-08-18", "2024-08-18"],
            "LASTDAY": ["2026-06-05", "2026-06-05", "2025-12-20", "2025-06-05"],
            "YEARID": [35, 35, 35, 34],
            "SCHOOLID": [100, 200, 100, 100],
            "ISYEARREC": [1, 1, 0, 1],
            "PORTION": [1, 1, 2, 1],
        }
    ),
    "COURSES": pl.DataFrame({"DCID": [31], "COURSE_NUMBER": ["MAT6"], "COURSE_NAME": ["Mathematics 6"], "SCHOOLID": [0]}),
    "SECTIONS": pl.DataFrame(
        {
            "DCID": [701, 702, 703],
            "ID": [801, 802, 803],
            "COURSE_NUMBER": ["mat6", "MAT6", "MAT6"],
            "SECTION_NUMBER": ["5", "01", "1"],
            "TERMID": [3500, 3501, 3400],
            "SCHOOLID": [100, 100, 100],
            "TEACHER": [75, 77, 75],
        }
    ),
    "CC": pl.DataFrame(
        {
            "DCID": [9001, 9002, 9003],
            "ID": [9101, 9102, 9103],
            "STUDENTID": [601, 602, 602],
            "SECTIONID": [801, -801, 801],
            "TERMID": [3500, -3500, 3500],
            "SCHOOLID": [100, 100, 100],
            "DATEENROLLED": ["2025-08-18", "2025-08-18", "2025-09-15"],
            "DATELEFT": ["2026-06-06", "2025-08-25", "2026-06-06"],
        }
    ),
    "PREFS": pl.DataFrame({"DCID": [11, 12], "NAME": ["districtname", "districtnumber"], "VALUE": ["Oak Valley", "100"]}),
    "U_STUDENTSUSERFIELDS": pl.DataFrame({"STUDENTSDCID": [501], "EMAIL": ["ana@oak.example"], "DEVICE": ["Chromebook"]}),
}

NAME = "org.example.roster.core.students"

STUDENTS = f"""
<query name="{NAME}" coreTable="STUDENTS" flattened="true">
  <summary>Students</summary>
  <args>
    <arg name="schoolid" column="STUDENTS.SCHOOLID" required="false"/>
    <arg name="grades" column="STUDENTS.GRADE_LEVEL" type="array" required="false" default="0,6,7,8"/>
  </args>
  <columns>
    <column column="STUDENTS.DCID">STUDENTS.DCID</column>
    <column column="STUDENTS.LAST_NAME">STUDENTS.Last_Name</column>
    <column column="STUDENTS.GRADE_LEVEL">STUDENTS.GRADE_LEVEL</column>
    <column column="STUDENTS.GUARDIANEMAIL">STUDENTS.GUARDIANEMAIL</column>
    <column column="SCHOOLS.NAME">SCHOOLS.SCHOOL_NAME</column>
  </columns>
  <sql><![CDATA[
    SELECT s.dcid, NVL(s.last_name, '?') AS last_name, s.grade_level, s.guardianemail, o.name
    FROM students s JOIN schools o ON o.school_number = s.schoolid
    WHERE s.schoolid = NVL(:schoolid, s.schoolid) AND s.grade_level IN (:grades) AND TRUNC(SYSDATE) > TO_DATE('2000-01-01')
    ORDER BY s.dcid
  ]]></sql>
</query>"""

#: The same for a caller who wants rows by table.
BY_TABLE = STUDENTS.replace("core.students", "core.by_table").replace('flattened="true"', 'flattened="false"')

REQUIRED = """
<query name="org.example.roster.core.enrollments" coreTable="CC" flattened="true">
  <args><arg name="yearid" column="TERMS.YEARID" required="true"/></args>
  <columns>
    <column column="CC.DCID">CC.DCID</column>
    <column column="CC.SECTIONID">CC.ENDED</column>
  </columns>
  <sql>SELECT cc.dcid, CASE WHEN cc.sectionid &lt; 0 THEN 1 ELSE 0 END AS ended FROM cc
    JOIN terms t ON t.id = ABS(cc.termid) AND t.schoolid = cc.schoolid WHERE t.yearid = :yearid</sql>
</query>"""

FIELDS = (
    *("STUDENTS.DCID", "STUDENTS.LAST_NAME", "STUDENTS.GRADE_LEVEL", "STUDENTS.GUARDIANEMAIL", "SCHOOLS.NAME"),
    *("CC.DCID", "CC.SECTIONID"),
)


def plugin_xml(
    *,
    name: str = "Example Roster",
    version: str = "1.0.0",
    fields: tuple[str, ...] = FIELDS,
    level: str = 'accessLevelV1Api="READ"',
    publisher: str = '<publisher name="Example"><contact email="admin@example.org"/></publisher>',
    namespace: str = "http://plugin.powerschool.pearson.com",
    more: str = "",
) -> str:
    """Return a plugin.xml."""
    asked = "".join(
        f'<field table="{table}" field="{field}" access="ViewOnly"/>' for table, field in (each.split(".") for each in fields)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<plugin xmlns="{namespace}" name="{name}" version="{version}">'
        f"<oauth {level}/><access_request>{asked}</access_request>{publisher}{more}</plugin>"
    )


def zipped(plugin: str | None = None, *queries: str, files: dict[str, str] | None = None, **of_plugin: Any) -> bytes:
    """Return a package: plugin.xml, the queries in one file, and whatever else."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("plugin.xml", plugin or plugin_xml(**of_plugin))
        if queries:
            archive.writestr("queries_root/org_example.named_queries.xml", f"<queries>{''.join(queries)}</queries>")
        for name, text in (files or {}).items():
            archive.writestr(name, text)
    return made.getvalue()


def package(**of_plugin: Any) -> bytes:
    """Return the package that most tests install."""
    return zipped(None, STUDENTS, BY_TABLE, REQUIRED, **of_plugin)
