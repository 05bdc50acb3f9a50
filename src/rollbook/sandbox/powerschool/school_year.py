"""The days of a school year: which one a day belongs to, and when its terms begin and end."""

from datetime import date, timedelta

TODAY = date(2026, 10, 14)


def start_year(today: date) -> int:
    """Return the calendar year in which the school year of that day began; a new one begins with August."""
    return today.year if today.month >= 8 else today.year - 1


def year_id(year: int) -> int:
    return year - 1990


def ordinary_terms(year: int) -> list[tuple[int, str, str, date, date, int]]:
    """Return number, name, abbreviation, first day, last day and portion of the terms of an ordinary school."""
    first, last = date(year, 8, 17), date(year + 1, 6, 11)
    winter, spring = date(year + 1, 1, 8), date(year + 1, 1, 11)
    return [
        (0, f"{year}-{year + 1}", f"{year % 100:02}-{(year + 1) % 100:02}", first, last, 1),
        (1, "Semester 1", "S1", first, winter, 2),
        (2, "Semester 2", "S2", spring, last, 2),
        (3, "Quarter 1", "Q1", first, date(year, 10, 16), 4),
        (4, "Quarter 2", "Q2", date(year, 10, 19), winter, 4),
        (5, "Quarter 3", "Q3", spring, date(year + 1, 3, 26), 4),
        (6, "Quarter 4", "Q4", date(year + 1, 3, 29), last, 4),
    ]


def summer_term(year: int) -> tuple[int, str, str, date, date, int]:
    """Return the summer term of a high school: it belongs to the year and lies outside of its days."""
    return (7, "Summer Term", "SU", date(year + 1, 6, 21), date(year + 1, 7, 23), 4)


def summer_year(year: int) -> tuple[int, str, str, date, date, int]:
    """Return the only term of the summer school: a year record of a few weeks, numbered like the others' year."""
    return (0, f"Summer School {year + 1}", f"SS{(year + 1) % 100:02}", date(year + 1, 6, 14), date(year + 1, 7, 30), 1)


def after(day: date) -> str:
    """Return the day after, as text: PowerSchool's ends of enrollments are exclusive, those of terms are not."""
    return (day + timedelta(days=1)).isoformat()
