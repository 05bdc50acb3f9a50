"""Commands of the first day: make the installation, list its settings."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from rollbook.cli import paper
from rollbook.cli.options import Json
from rollbook.cli.start import config, prepare
from rollbook.domain.errors import ConfigError

if TYPE_CHECKING:
    from rollbook.store.models import District

SECRET = ("secret_key", "field_keys")
ADDRESSES = ("database_url", "email_url")  # they may hold a password


def init(
    district: Annotated[str | None, typer.Option("--district", metavar="NAME", help="Name of the district.")] = None,
    admin: Annotated[str | None, typer.Option("--admin", metavar="EMAIL", help="Email of the first administrator.")] = None,
    password_file: Annotated[Path | None, typer.Option("--password-file", metavar="FILE", help="Holds their password.")] = None,
    time_zone: Annotated[str | None, typer.Option("--time-zone", metavar="ZONE", help="As America/Chicago; else UTC.")] = None,
    as_json: Json = False,
) -> None:
    """Make the database, the district and its first administrator. Asks for what is not given."""
    password = _read_password(password_file)
    prepare()
    from rollbook.actions import setup

    if not setup.needs_first_start():
        _confirm(setup.made(district, admin), as_json)
        return
    terminal = sys.stdin.isatty()
    if not terminal:
        _demand(district, admin, password)
    name = district or paper.ask("Name of the district")
    email = admin or paper.ask("Email of the first administrator")
    zone = time_zone or (paper.ask("Time zone", default="UTC") if terminal else "UTC")
    password = password or paper.ask("Their password (15 letters or more)", secret=True)
    place, who = setup.first_start(name, email, password, time_zone=zone)
    if as_json:
        paper.dump({"made": True, "district": place.name, "time_zone": place.time_zone, "administrator": who.email})
        return
    paper.say(f"{place.name} is made, and {who.email} can sign in.", "", "What comes next:")
    paper.table(
        ("", ""),
        [
            ("rollbook source add oneroster-csv NAME --set path=FOLDER_OR_ZIP", "say where the roster comes from"),
            ("rollbook plan NAME", "see what would be imported"),
            ("rollbook run NAME", "import it"),
            ("rollbook serve", "the same in a browser, and imports by the clock"),
        ],
    )


def _confirm(place: "District", as_json: bool) -> None:
    if as_json:
        paper.dump({"made": False, "district": place.name, "time_zone": place.time_zone, "administrator": None})
    else:
        paper.say(f"{place.name} is there already, and its database is up to date. Nothing else had to be done.")


def settings(as_json: Json = False) -> None:
    """List every setting with its meaning, its default and its value here. Secrets are only said to be there."""
    given = config()
    rows = [
        {
            "name": f"ROLLBOOK_{each.name.upper()}",
            "meaning": each.metadata["meaning"],
            "default": _shown(each.default),
            "value": _value(each.name, getattr(given, each.name)),
            "given": each.name in given.given,
        }
        for each in given.settings()
    ]
    if as_json:
        paper.dump(rows)
        return
    for row in rows:
        now = f"here: {row['value']}" if row["given"] else f"default: {row['default'] or 'empty'}"
        paper.say(str(row["name"]), f"  {row['meaning']}", f"  {now}", "")


def _read_password(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(fields={"--password-file": f"{path} cannot be read: {why}"}) from error


def _demand(district: str | None, admin: str | None, password: str | None) -> None:
    given = {"--district": district, "--admin": admin, "--password-file": password}
    missing = {name: "is required where nobody can be asked" for name, value in given.items() if not value}
    if missing:
        raise ConfigError(fields=missing)


def _value(name: str, value: Any) -> str:
    if name in SECRET:
        return "•••" if value else ""
    if name in ADDRESSES and value:
        parts = urlsplit(value)
        shown = str(value).replace(f":{parts.password}@", ":•••@") if parts.password else str(value)
        return shown.replace(f"?{parts.query}", f"?{re.sub('=[^&]*', '=•••', parts.query)}")
    return _shown(value)


def _shown(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
