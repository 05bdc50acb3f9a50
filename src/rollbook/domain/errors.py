"""Every exception of Rollbook: one tree, arranged by who has to act.

A bad row is a finding and a closed gate is a verdict; an exception means that the run can say nothing true any more.
The message says what happened and where. The class says what was left alone and what to do next.
"""

UNTOUCHED = "The roster is as it was."


class RollbookError(Exception):
    """Something went wrong on our side."""

    retryable = False
    left_alone = UNTOUCHED
    next_step = "This is a fault of Rollbook. Please report it with the number of the import."
    exit_code = 1

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        if next_step:
            self.next_step = next_step

    @property
    def sentence(self) -> str:
        """What happened, what was left untouched, what to do next."""
        return " ".join(part for part in (f"{str(self).rstrip('.')}.", self.left_alone, self.next_step) if part)


class IllegalTransition(RollbookError):
    """The state machine has no such arrow."""


class SourceError(RollbookError):
    """The source did not give what we need."""

    next_step = "Look at the source, then run the import again."
    exit_code = 4


class SourceUnavailable(SourceError):
    """The source is down or busy."""

    retryable = True
    next_step = "It will be tried again by itself."


class SourceRefused(SourceError):
    """The source turned our credentials down."""

    next_step = "Renew the credentials in the source's system and enter them under Setup."


class SourceBroken(SourceError):
    """The source breaks its own format, so that nothing of it can be trusted."""

    next_step = "Mend the export, then run the import again."


class IncompleteExtract(SourceError):
    """Fewer rows came than were promised."""

    retryable = True
    next_step = "It will be tried again by itself."


class ConfigError(RollbookError):
    """A setting is missing or wrong. `fields` says which, all at once."""

    next_step = "Correct the settings."
    exit_code = 2

    def __init__(self, message: str = "", *, fields: dict[str, str] | None = None, next_step: str = "") -> None:
        self.fields = fields or {}
        super().__init__(message or "; ".join(f"{name}: {text}" for name, text in self.fields.items()), next_step=next_step)


class NotFound(ConfigError):
    """What was asked for is not there, or is not yours to see."""

    next_step = "Check the name or number."


class NotAllowed(RollbookError):
    """This account may not do that."""

    next_step = "Ask an administrator of your district."
    exit_code = 2


class Conflict(RollbookError):
    """Somebody else was first, or what was looked at is out of date."""

    next_step = "Look at the import again, then decide."
    exit_code = 6


class StaleChangeset(Conflict):
    """The roster moved since this changeset was made."""

    next_step = "A new import has been queued; look at that one."
