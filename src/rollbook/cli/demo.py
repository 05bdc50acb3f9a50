"""The demo: a district of invented people, with imports applied and one held, in a folder of its own."""

import json
import os
import secrets
import shutil
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollbook.cli import paper
from rollbook.cli.server import keep_serving
from rollbook.cli.start import prepare
from rollbook.domain.errors import ConfigError

if TYPE_CHECKING:
    from rollbook.actions.actor import Actor
    from rollbook.store.models import Source

DISTRICT, ADMIN, SOURCE = "Maple Grove District", "dana@maple-grove.example", "maple-grove"
STUDENTS = 600
NIGHTLY = ["02:00"]

#: Where the demo keeps its sign-in, and that it is made; in its data folder.
PAGE = "demo.json"


def demo(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen at.")] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Show a whole working example, with a held import to decide on. Ctrl-C stops it."""
    folder = _own_folder(port)
    _refuse_real_installation(folder)
    prepare()
    _refuse_real_district()
    page = _page(folder)
    if not page["made"]:
        paper.say("Making Maple Grove, a district of invented people …")
        _make(folder, page["password"])
        _write(folder, {**page, "made": True})
    address = f"http://127.0.0.1:{port}/"
    paper.say("", f"Open      {address}", f"Sign in   {ADMIN}", f"Password  {page['password']}", "")
    paper.say("One import is held and waits for your decision. Mails are shown in the demo itself. Ctrl-C stops it.")
    keep_serving("127.0.0.1", port, worker=True, started=None if no_browser else lambda: _open(address))


def _own_folder(port: int) -> Path:
    """Settle where the demo lives. Only the environment counts: a `.env` file may be that of a real installation."""
    import platformdirs

    folder = Path(os.environ.setdefault("ROLLBOOK_DATA_DIR", platformdirs.user_data_dir("rollbook-demo"))).absolute()
    own = {
        "ROLLBOOK_DATA_DIR": str(folder),
        "ROLLBOOK_DEMO": "true",
        "ROLLBOOK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ROLLBOOK_EMAIL_URL": f"file://{folder / 'mail'}",
    }
    os.environ.update(own)
    os.environ.setdefault("ROLLBOOK_DATABASE_URL", f"sqlite:///{folder / 'rollbook.sqlite3'}")
    return folder


def _refuse_real_installation(folder: Path) -> None:
    if not (folder / PAGE).exists() and (folder / "rollbook.sqlite3").exists():
        raise ConfigError(
            f"{folder} is the data folder of a real installation; the demo does not touch it",
            next_step="Leave ROLLBOOK_DATA_DIR out, or name a folder of its own.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / PAGE).exists():
        _write(folder, {"email": ADMIN, "password": secrets.token_urlsafe(12), "made": False})


def _refuse_real_district() -> None:
    """Refuse a database that was named and has somebody's district in it."""
    from rollbook.store.models import Account, District

    if District.objects.exists() and not Account.objects.filter(email=ADMIN).exists():
        raise ConfigError(
            "The database has a district already that is not the demo's", next_step="Name an empty database, or none."
        )


def _page(folder: Path) -> dict[str, Any]:
    page: dict[str, Any] = json.loads((folder / PAGE).read_text())
    return page


def _write(folder: Path, page: dict[str, Any]) -> None:
    half = folder / f".{PAGE}"
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(page, file)
    os.replace(half, folder / PAGE)


def _make(folder: Path, password: str) -> None:
    """Tell the story so far: a first import, a night, and an export that lost half of a school.

    Goes on where it was, if it was stopped on the way.
    """
    from rollbook.actions import setup, sources
    from rollbook.actions.actor import of_account
    from rollbook.domain.runs import RunState
    from rollbook.sandbox.district import write_district, write_next_day, write_without
    from rollbook.store.models import Account, Run, Source

    if setup.needs_first_start():
        setup.first_start(DISTRICT, ADMIN, password, time_zone="America/Chicago")
    dana = of_account(Account.objects.get(email=ADMIN))
    days = folder / "district"
    first, second, third, export = (days / name for name in ("day-1", "day-2", "day-3", "export"))
    write_district(first, students=STUDENTS)
    write_next_day(first, second)
    write_without(second, third)
    if not Source.objects.filter(district_id=dana.district, name=SOURCE).exists():
        shutil.copytree(first, export, dirs_exist_ok=True)
        sources.add(dana, "oneroster-csv", SOURCE, {"path": str(export)})
    source = sources.get(dana, SOURCE)
    sources.set_schedule(dana, source, NIGHTLY, [])
    applied = Run.objects.filter(source=source, state=RunState.APPLIED).count()
    for day in (first, second, third)[applied:]:
        shutil.copytree(day, export, dirs_exist_ok=True)
        _import(dana, source)


def _import(dana: "Actor", source: "Source") -> None:
    from rollbook.actions import at_once

    asked, _ = at_once.import_now(dana, source)
    ended = at_once.carry_out(asked)
    paper.say(f"  Import {ended.pk}: {ended.state}. {ended.message.split('. ')[0].rstrip('.')}.")


def _open(address: str) -> None:
    """Open a browser, once the web is there to answer it."""
    threading.Timer(1.0, webbrowser.open, (address,)).start()
