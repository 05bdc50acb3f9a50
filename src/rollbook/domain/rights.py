"""What an account may do beyond looking at its own classes, and what each right means in words."""

from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """One thing that somebody may be allowed to do."""

    IMPORTS = "imports"
    ROSTER = "roster"
    EXPORT = "export"
    ACCOUNTS = "accounts"
    RIGHTS = "rights"
    VIEW_AS = "view_as"
    AUDIT = "audit"


@dataclass(frozen=True)
class Meaning:
    """What a right is called, what its holder may do, and whether it can be given for some schools only."""

    title: str
    text: str
    at_schools: bool = False


MEANINGS: dict[Right, Meaning] = {
    Right.IMPORTS: Meaning("Imports", "Set up sources and limits; run, approve, reject and undo imports."),
    Right.ROSTER: Meaning("Roster", "See people, classes and schools, and where each value came from.", at_schools=True),
    Right.EXPORT: Meaning("Export", "Take the roster out of Rollbook as files."),
    Right.ACCOUNTS: Meaning(
        "Accounts", "Make accounts by hand; edit, unlock, deactivate and reactivate them; end their sessions.", at_schools=True
    ),
    Right.RIGHTS: Meaning("Rights", "Give rights to other accounts, and take them away."),
    Right.VIEW_AS: Meaning("View As", "See Rollbook as another account sees it, without changing anything.", at_schools=True),
    Right.AUDIT: Meaning("Audit log", "Read and export what everybody did."),
}

#: Sets of rights that have a name, for people who give them.
ADMINISTRATOR = frozenset(Right)
TECH_COACH = frozenset({Right.ROSTER, Right.ACCOUNTS, Right.VIEW_AS})
