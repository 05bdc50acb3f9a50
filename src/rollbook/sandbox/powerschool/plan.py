"""Where everybody goes, as numbers: schools, grades, and a section for each lesson of each student."""

from dataclasses import dataclass

import numpy as np

from rollbook.sandbox import names
from rollbook.sandbox.names import Dice, Ints
from rollbook.sandbox.powerschool.case_rows import ELEMENTARY, HIGH, MIDDLE

FIRST_GRADE = (0, 6, 9)
_FIRST_SCHOOL = (ELEMENTARY, MIDDLE, HIGH)
#: A ninth lesson, beside the eight that every district of the sandbox has.
_NINTH = (
    names.Slot(("Library",), "Library", "22", 30, "8", "sy"),
    names.Slot(("Advisory",), "Advisory", "22", 30, "8", "sy"),
    names.Slot(("Advisory",), "Advisory", "22", 30, "8", "sy"),
)
SLOTS = tuple((*level.slots, ninth) for level, ninth in zip(names.LEVELS, _NINTH, strict=True))
EACH = 9


@dataclass(frozen=True)
class Plan:
    """Where everybody goes, as numbers. A band is the grades of one school that are taught together: mostly one grade."""

    level: Ints  # of each school
    number: Ints  # of each school: SCHOOL_NUMBER
    size: Ints  # of each school
    school: Ints  # of each student
    grade: Ints  # of each student: GRADE_LEVEL
    seat: Ints  # students x slots: which section
    section_school: Ints
    section_band: Ints
    section_grade: Ints  # the first of the band
    section_slot: Ints
    section_group: Ints  # which of the parallel ones


def lay_out(students: int, dice: Dice) -> Plan:
    """Return where so many students go: to the schools of three levels, and to nine lessons each."""
    grades = np.array([len(level.grades) for level in names.LEVELS])
    totals = students * grades // 13
    totals[-1] = students - totals[:-1].sum()
    counts = -(-totals // np.array([level.seats for level in names.LEVELS]))
    level = np.repeat(np.arange(3), counts)
    number = np.array(_FIRST_SCHOOL)[level] + np.arange(len(level)) - names.starts(counts)[level]

    at_level = np.repeat(np.arange(3), totals)
    place = np.arange(students) - names.starts(totals)[at_level]
    school = names.starts(counts)[at_level] + place * counts[at_level] // totals[at_level]
    size = np.bincount(school)
    place = np.arange(students) - names.starts(size)[school]
    bands = np.clip(size // 10, 1, grades[level])
    within = place * grades[at_level] // size[school]
    band = names.starts(bands)[school] + within * bands[school] // grades[at_level]
    heads = np.bincount(band)
    first = names.starts(heads)
    rank = np.arange(students) - first[band]
    grade = within + np.array(FIRST_GRADE)[at_level]

    band_school = np.repeat(np.arange(len(level)), bands)
    seats = np.array([[min(slot.seats, 30) for slot in slots] for slots in SLOTS])[level[band_school]]
    groups = -(-heads[:, None] // seats)
    section = names.starts(groups.reshape(-1)).reshape(groups.shape)
    seat = np.empty((students, EACH), dtype=np.int64)
    for slot in range(EACH):
        mixed = np.empty(students, dtype=np.int64)
        mixed[np.lexsort((dice.roll(f"slot {slot}", students), band))] = rank
        # Young children stay together, older ones meet others in every lesson.
        order = np.where(at_level == 0, rank, mixed)
        seat[:, slot] = section[band, slot] + order * groups[band, slot] // heads[band]
    section_band = np.repeat(np.arange(len(heads)), groups.sum(axis=1))
    section_slot = np.repeat(np.tile(np.arange(EACH), len(heads)), groups.reshape(-1))
    section_group = np.arange(len(section_band)) - section[section_band, section_slot]
    section_school = band_school[section_band]
    return Plan(
        *(level, number, size, school, grade, seat),
        *(section_school, section_band, grade[first[section_band]], section_slot, section_group),
    )
