"""Names what broke beneath Rollbook: the disk, the memory, the database. What it does not know is a fault of ours."""

import errno

from django.db import DatabaseError, DataError, Error, IntegrityError, InterfaceError, InternalError, OperationalError, connection

from rollbook.domain.errors import ConfigError, RollbookError

FULL = ("No space left on device", "Disk quota exceeded", "database or disk is full")
#: A folder or file is read-only, another's, or of the wrong kind; or its disk is ill.
SHUT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EIO)
#: PostgreSQL's own codes for: it is shutting down, it crashed, it is starting.
ENDS = ("57P01", "57P02", "57P03")
#: And for: no right to, and read-only.
BARRED = ("42501", "25006")

#: What SQLite says of a file that it cannot use, and what helps.
OF_FILE = {
    "readonly database": "Let the account that Rollbook runs under write to that file and its folder.",
    "unable to open": "Let the account that Rollbook runs under write to that file and its folder.",
    "not a database": "Name another file in ROLLBOOK_DATABASE_URL, or bring this one back from a backup.",
    "malformed": "Bring it back from a backup.",
    "disk I/O error": "See that its disk works and has room.",
    "locked": "Another process is writing to it. Try again in a moment.",
}


def beneath(error: BaseException) -> RollbookError | None:
    """Say in words what broke beneath Rollbook; None if it is not known, or ours.

    A driver is quoted only where it cannot speak of a row.
    """
    if any(words in str(error) for words in FULL):
        return RollbookError("The disk is full", next_step="Free some space for its data, then try again.")
    if isinstance(error, MemoryError):
        return RollbookError("There is not enough memory for this", next_step="Try a machine with more memory.")
    if isinstance(error, OSError) and error.errno in SHUT:
        next_step = "Let the account that Rollbook runs under read and write there, then try again."
        return ConfigError(f"{error.filename} cannot be used: {error.strerror}", next_step=next_step)
    if not isinstance(error, Error):
        return None
    if went_away(error):
        return RollbookError("The database went away", next_step="See that it answers, then try again.")
    if _code(error) in BARRED or _helps(error):
        return unusable(error)
    return None


def went_away(error: Error) -> bool:
    """Say whether PostgreSQL cannot be reached, or is not there any more."""
    code = _code(error)
    if connection.vendor != "postgresql" or not isinstance(error, OperationalError | InterfaceError):
        return False
    return not code or code in ENDS or code.startswith("08")  # without a code: it is the client who says so


def unusable(error: Error) -> ConfigError:
    """Say why the database that the settings name cannot be used. Raises the error again if it is of another kind."""
    if not isinstance(error, DatabaseError) or isinstance(error, DataError | IntegrityError | InternalError):
        raise error
    where = connection.settings_dict["HOST"] or connection.settings_dict["NAME"]
    said = str(error).strip()
    if connection.vendor == "sqlite":
        helps = _helps(error) or "Correct ROLLBOOK_DATABASE_URL."
        return ConfigError(f"The database at {where} cannot be used: {said}", next_step=helps)
    # A server that refuses us says so behind this word; before it stand the many ways to its address that were tried.
    _, answered, reason = said.rpartition("FATAL:")
    if went_away(error) and not answered:
        why = said.partition("\n")[0].rpartition("failed: ")[2]
        return ConfigError(
            f"The database at {where} does not answer: {why}", next_step="Start it, or correct ROLLBOOK_DATABASE_URL."
        )
    return ConfigError(
        f"The database at {where} answers, but cannot be used: {reason.strip().partition('\n')[0]}",
        next_step="Correct ROLLBOOK_DATABASE_URL, or the rights of its user.",
    )


def _code(error: Error) -> str:
    return getattr(error.__cause__, "sqlstate", None) or ""


def _helps(error: Error) -> str:
    """Say what helps against something that SQLite said of its file; nothing where it said something else."""
    return next((remedy for words, remedy in OF_FILE.items() if words in str(error)), "") if connection.vendor == "sqlite" else ""
