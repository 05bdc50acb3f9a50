"""Brings up what a command needs, and no more: settings, database, district."""

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollbook.domain.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from rollbook.actions.actor import Actor

SETTINGS = "rollbook.server.settings"


def config() -> Any:
    """Read the settings that the operator gave. Raises ConfigError with every complaint at once."""
    # By name, as Django finds its settings: the server is the floor above.
    return import_module("rollbook.server.config").Config.read()


def django() -> None:
    """Bring up Django with Rollbook's settings."""
    from django.conf import settings

    if settings.configured:
        return
    config()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    import django as framework

    try:
        framework.setup()
    except OSError as error:
        raise ConfigError(
            fields={"ROLLBOOK_DATA_DIR": f"{error.filename} cannot be used: {error.strerror}"},
            next_step="Set ROLLBOOK_DATA_DIR to a folder that may be written to.",
        ) from error


def django_without_database() -> None:
    """Bring up as much of Django as the code of the pipeline is written with: no database, no data folder, no key."""
    from django.conf import settings

    if settings.configured:
        return
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rollbook.store"],
        AUTH_USER_MODEL="store.Account",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    import django as framework

    framework.setup()


def prepare() -> None:
    """Make the data folder, and bring the database to this version of Rollbook."""
    django()
    from django.conf import settings

    from rollbook.actions import setup

    database = settings.DATABASES["default"]
    folders = [Path(settings.DATA_DIR)]
    if database["ENGINE"].endswith("sqlite3"):
        folders.append(Path(database["NAME"]).parent)
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"The folder {folder} cannot be made: {error.strerror}") from error
    _answers(setup.prepare)


def begin(district: str | None = None) -> "Actor":
    """Bring up everything and say who asks: whoever may run commands on this machine, in one district."""
    django()
    from rollbook.actions import setup
    from rollbook.actions.actor import of_command_line
    from rollbook.store.models import District

    if not _answers(setup.is_prepared):
        raise ConfigError("There is no database yet, or it is of an earlier version of Rollbook", next_step="Type: rollbook init")
    known = list(District.objects.order_by("name"))
    if not known:
        raise ConfigError("There is no district yet", next_step="Type: rollbook init")
    chosen = [each for each in known if district is None or each.name.casefold() == district.casefold()]
    names = ", ".join(each.name for each in known)
    if not chosen:
        raise NotFound(f"There is no district called '{district}'; known: {names}")
    if len(chosen) > 1:
        raise ConfigError(fields={"--district": f"choose one of {names}"})
    return of_command_line(chosen[0])


def _answers(ask: Callable[[], Any]) -> Any:
    from django.db import Error, connection

    from rollbook.store import trouble

    try:
        return ask()
    except Error as error:
        if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).parent.exists():
            return False
        raise trouble.unusable(error) from error
