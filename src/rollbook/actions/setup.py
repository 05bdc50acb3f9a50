"""First start: the database, the district and its first administrator."""

from pathlib import Path
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from rollbook.actions import passwords
from rollbook.domain.errors import ConfigError, Conflict
from rollbook.domain.rights import ADMINISTRATOR
from rollbook.store import accounts, audit, migrations
from rollbook.store.models import Account, District


def prepare() -> None:
    """Bring the database to this version of Rollbook."""
    call_command("migrate", interactive=False, verbosity=0)


def is_prepared() -> bool:
    """Say whether the database has the tables of this version of Rollbook."""
    applied = {name for app, name in MigrationRecorder(connection).applied_migrations() if app == "store"}
    return {path.stem for path in Path(migrations.__file__).parent.glob("0*.py")} <= applied


def needs_first_start() -> bool:
    """Say whether there is no district yet."""
    return not District.objects.exists()


def made(name: str | None = None, email: str | None = None) -> District:
    """Return the district that somebody wants made and that is there already; without a name, the first one.

    Errors: Conflict where only others are there; ConfigError where its administrator is to be one who has no account in it.
    """
    known = list(District.objects.order_by("pk"))
    wanted = " ".join((name or known[0].name).split()).casefold()
    there = next((each for each in known if each.name.casefold() == wanted), None)
    if there is None:
        others = ", ".join(each.name for each in known)
        raise Conflict(f"There is a district already: {others}", next_step="Sign in as its administrator.")
    if email and not Account.objects.filter(district=there, email=email.strip().lower()).exists():
        raise ConfigError(
            f"{there.name} is there already, and {email} has no account in it; only the first administrator is made here",
            next_step="An administrator makes the account in the browser and gives it rights.",
        )
    return there


def first_start(name: str, email: str, password: str, *, time_zone: str = "UTC") -> tuple[District, Account]:
    """Make the district and its first administrator.

    Errors: ConfigError with every complaint at once; Conflict where there is a district already.
    """
    name = " ".join(name.split())
    wrong: dict[str, str] = {}
    if not name:
        wrong["district"] = "is required"
    if time_zone not in available_timezones():
        wrong["time_zone"] = f"'{time_zone}' is not a time zone; write it as America/Chicago"
    try:
        validate_email(email)
    except ValidationError:
        wrong["email"] = f"'{email}' is not an email address"
    district = District(name=name, time_zone=time_zone)
    account = Account(district=district, email=email.strip().lower(), name=email.split("@")[0])
    if complaint := passwords.complaint(account, password):
        wrong["password"] = complaint
    if wrong:
        raise ConfigError(fields=wrong)
    with transaction.atomic():
        if District.objects.exists():
            raise Conflict("There is a district already", next_step="Sign in as its administrator.")
        district.save()
        account.district = district
        account.set_password(password)
        account.save()
        accounts.give(account, ADMINISTRATOR)
        audit.note(district.pk, account.email, "district.made", district.name)
    return district, account
