"""What each version of the plugin changed, and what a district has to do about it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Release:
    """One version of the plugin. Updating keeps the credentials; only deleting and installing anew makes others."""

    version: str  # digits and dots; PowerSchool takes an update only if it is higher
    day: date
    changed: str
    enable_again: bool  # it asks for more fields, and these are granted when the plugin is enabled
    copy_credentials: bool


#: Newest first. Whatever changes in `queries` is a release: write it on top of this list, with a higher version.
HISTORY = (
    Release(
        "1.0",
        date(2026, 11, 22),
        "The first version: schools, years, terms, courses, staff, students, classes, their teachers and students; and, if"
        " wanted, guardians.",
        enable_again=True,
        copy_credentials=True,
    ),
)

VERSION = HISTORY[0].version
