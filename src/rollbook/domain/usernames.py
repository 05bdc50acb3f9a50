"""What people of a roster are called when they sign in: the rules that a district chooses from."""

from dataclasses import dataclass
from enum import StrEnum


class UsernameRule(StrEnum):
    """What a username is made of."""

    SOURCE = "source"
    EMAIL = "email"
    NAME = "name"
    INITIAL = "initial"
    ID = "id"


@dataclass(frozen=True)
class Meaning:
    """A rule in words, and what it makes of Zoë Núñez, number 0012345, with the address zoe.n@maple.example."""

    title: str
    text: str
    example: str


MEANINGS: dict[UsernameRule, Meaning] = {
    UsernameRule.SOURCE: Meaning(
        "As the source says", "The username that the school system sends. When it changes there, it changes here.", "znunez"
    ),
    UsernameRule.EMAIL: Meaning("From the email", "What stands before the @.", "zoe.n"),
    UsernameRule.NAME: Meaning("First and last name", "Both, with a dot between.", "zoe.nunez"),
    UsernameRule.INITIAL: Meaning("Initial and last name", "The first letter of the first name, then the last name.", "znunez"),
    UsernameRule.ID: Meaning("Number", "The student or staff number; without one, the source's own id.", "0012345"),
}

#: Longer ones nobody types.
LONGEST = 60
#: The first number that tells two people of the same username apart.
SECOND = 2

#: Letters that are not a plain letter with a mark on it.
SPELLED = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i"}
