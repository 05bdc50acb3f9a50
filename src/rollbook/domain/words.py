"""What people call things: the words of screens and mails, next to the words of the code."""

from collections.abc import Mapping

from rollbook.domain.runs import Stage

#: The four kinds of people. An account has exactly one; a person may be several.
KINDS_OF_PEOPLE = ("student", "teacher", "guardian", "staff")

#: Which kind a OneRoster role makes of a person; every other role is staff.
KIND_OF_ROLE = {
    "student": "student",
    "teacher": "teacher",
    "guardian": "guardian",
    "parent": "guardian",
    "relative": "guardian",
}

ENTITY_WORDS = {
    "org": ("school or district", "schools and districts"),
    "academic_session": ("term", "terms"),
    "course": ("course", "courses"),
    "section": ("class", "classes"),
    "person": ("person", "people"),
    "role": ("role at a school", "roles at schools"),
    "enrollment": ("place in a class", "places in classes"),
    "guardianship": ("link from a parent to a child", "links from parents to children"),
}

PEOPLE_WORDS = {
    "student": ("student", "students"),
    "teacher": ("teacher", "teachers"),
    "guardian": ("parent or guardian", "parents and guardians"),
    "staff": ("staff member", "staff members"),
}

#: (entity, role) -> singular, plural: what a limit counts.
COUNTED: dict[tuple[str, str | None], tuple[str, str]] = {
    **{(entity, None): words for entity, words in ENTITY_WORDS.items()},
    **{("person", role): words for role, words in PEOPLE_WORDS.items()},
    **{("role", role): (f"role as {words[0]}", f"roles as {words[0]}") for role, words in PEOPLE_WORDS.items()},
    ("enrollment", "student"): ("student's place in a class", "students' places in classes"),
    ("enrollment", "teacher"): ("teacher's place in a class", "teachers' places in classes"),
}

#: What would become of them, by kind of measure; `{what}` is whom.
WOULD = {
    "vanish": "{what} would become inactive",
    "appear": "{what} would be new or come back",
    "alter": "{what} would change",
    "error": "{what} would be left out as faulty",
    "dates": "{what} would get other dates",
    "teachers": "{what} would come, go or change",
    "identity": "{what} would get another username or email",
}

#: Why an undo changed nothing. It never asks the source, so it can't say that the roster agrees with it.
NOTHING_UNDONE = "Nothing had to be taken back: what that import changed has been changed since, or was taken back already."

#: What an import is doing.
STAGE_WORDS = {
    Stage.EXTRACT: "Reading the source",
    Stage.DIFF: "Comparing with the roster",
    Stage.CHECK: "Checking the rows",
    Stage.GATE: "Holding the changes against your limits",
    Stage.APPLY: "Writing the changes",
}

CHANGE_WORDS = {"appear": "new", "alter": "changes", "vanish": "leaves", "return": "comes back"}


def counted(number: int, one: str, many: str) -> str:
    """Write a number with its noun: 1 class, 2 classes."""
    return f"{number:,} {one if number == 1 else many}"


def unfit(counts: Mapping[str, Mapping[str, int]]) -> int:
    """Count the rows that an import left out: a row may have several findings, and is one row."""
    return sum(each.get("unfit", 0) for each in counts.values())


def left_out(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Say how many rows an import left out and what the roster has of them, or nothing where there was none."""
    number = unfit(counts)
    if not number:
        return ""
    it = "it" if number == 1 else "them"
    said = f"{counted(number, 'row was', 'rows were')} left out as faulty; what the roster had of {it} stays as it was"
    if any(each.get("unfit") and each.get("vanish") for each in counts.values()):
        return said + ", unless it belongs to something that leaves: then it leaves too, and is counted as removed."
    return said + "."


def agreement(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Say why nothing has to change."""
    return f"the source and the roster agree{', but for what was left out as faulty' if unfit(counts) else ''}."


def ended(text: str) -> str:
    """End a sentence with a full stop, unless it ends already: with a question mark, say."""
    return text if text.endswith((".", "?", "!")) else f"{text}."
