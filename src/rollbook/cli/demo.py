"""The demo: a simulated PowerSchool with invented people beside a Rollbook that imports from it, and one import held."""

import io
import json
import os
import secrets
import threading
import webbrowser
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit
from zipfile import ZipFile

import typer

from rollbook.cli import paper
from rollbook.cli.server import keep_serving, refuse_taken
from rollbook.cli.start import prepare
from rollbook.domain.errors import ConfigError

if TYPE_CHECKING:
    from rollbook.actions.actor import Actor
    from rollbook.sandbox.powerschool.server import PowerSchool
    from rollbook.sandbox.powerschool.system import Tables
    from rollbook.store.models import Source

DISTRICT, ADMIN, SOURCE = "Poplar Valley", "dana@poplarvalley.example", "Our PowerSchool"
#: This seed calls the schools' addresses after Poplar Valley.
STUDENTS, SEED = 400, 2
NIGHTLY = ["02:00"]

#: What the demo keeps in its data folder: the sign-in and where PowerSchool is, and all that is in that PowerSchool.
PAGE, SIMULATED = "demo.json", "powerschool.zip"

HERE = """
Rollbook     {rollbook}
Sign in      {email}
Password     {password}
PowerSchool  {powerschool}   simulated; nobody has to sign in
"""
HELD = "An import is held and waits for your decision. Look at it in Rollbook, and at the mails that it sent, under Settings."
TRY = """To try:
- In PowerSchool, under Simulator, press "Go to tomorrow"; then "Import now" in Rollbook.
- Go the way of a district, from step 1 of Settings > Setup in Rollbook: download the plugin, install and enable it in
  PowerSchool, copy its credentials, continue to the import. An earlier version is there; yours is the update.
Ctrl-C stops both; the same command goes on from there."""


def demo(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen at.")] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the addresses.")] = False,
) -> None:
    """Show a whole working example: a simulated PowerSchool, and a Rollbook with a held import to decide on. Ctrl-C stops it."""
    refuse_taken("127.0.0.1", port)
    folder = _own_folder(port)
    _refuse_real_installation(folder)
    prepare()
    page = _page(folder)
    _refuse_real_district(page["email"])
    with _powerschool(folder, port + 1 if port < 65535 else 0) as simulated:
        _tell(folder, simulated)
        rollbook, powerschool = f"http://127.0.0.1:{port}/", f"{simulated.url}/"
        paper.say(HERE.format(rollbook=rollbook, powerschool=powerschool, email=page["email"], password=page["password"]))
        paper.say(*([HELD] if _holds() else []), TRY)
        started = None if no_browser else lambda: _open(powerschool, rollbook)
        keep_serving("127.0.0.1", port, worker=True, started=started)


def _own_folder(port: int) -> Path:
    """Settle where the demo lives. Only the environment counts: a `.env` file may be that of a real installation."""
    import platformdirs

    folder = Path(os.environ.setdefault("ROLLBOOK_DATA_DIR", platformdirs.user_data_dir("rollbook-demo"))).expanduser().absolute()
    own = {
        "ROLLBOOK_DATA_DIR": str(folder),
        "ROLLBOOK_DEMO": "true",
        "ROLLBOOK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ROLLBOOK_EMAIL_URL": f"file://{folder / 'mail'}",
        "ROLLBOOK_ALLOWED_NETWORKS": "127.0.0.1",
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
        _write(folder, {"email": ADMIN, "password": secrets.token_urlsafe(12)})


def _refuse_real_district(email: str) -> None:
    """Refuse a database that was named and has somebody's district in it."""
    from rollbook.store.models import Account, District

    if District.objects.exists() and not Account.objects.filter(email=email).exists():
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


def _powerschool(folder: Path, wished: int) -> "PowerSchool":
    """Return the demo's PowerSchool as it was left, at the port by which Rollbook knows it."""
    from rollbook.lib import clock
    from rollbook.sandbox.powerschool import district, tomorrow
    from rollbook.sandbox.powerschool.server import PowerSchool

    page = _page(folder)
    began = date.fromisoformat(page["began"]) if "began" in page else school_day(clock.now().date())

    def first() -> "Tables":
        return district.tables(STUDENTS, SEED, began)

    def night(tables: "Tables", number: int, today: date) -> "Tables":
        if number == 1:
            return tomorrow.half_a_school_leaves(dict(tables), today=today)
        # The school mends its mistake at once: the second night begins with the students as they were before the first.
        return tomorrow.step(dict(first() if number == 2 else tables), seed=SEED + number, today=today)

    def at(port: int) -> PowerSchool:
        return PowerSchool.kept(folder / SIMULATED, first, port=port, tomorrow=night)

    try:
        simulated = at(page.get("port", wished))
    except OSError as error:
        if "port" in page:
            raise ConfigError(
                f"PowerSchool cannot be simulated at port {page['port']}, where Rollbook knows it: {error.strerror}",
                next_step="Stop what listens there. Perhaps this demo runs already.",
            ) from error
        simulated = at(0)
    _write(folder, {**page, "began": began.isoformat(), "port": urlsplit(simulated.url).port})
    return simulated


def school_day(today: date) -> date:
    """Return the day on which the district is made: early in August nobody has been at school yet, so nobody could leave."""
    return date(today.year, 7, 31) if (8, 1) <= (today.month, today.day) < (8, 20) else today


def _tell(folder: Path, simulated: "PowerSchool") -> None:
    """Tell the story so far: the plugin, a first import, and a night on which half of a school was lost.

    Goes on where it was, if it was stopped on the way.
    """
    from rollbook.actions import setup, sources
    from rollbook.actions.actor import of_account
    from rollbook.domain.runs import RunState
    from rollbook.store.models import Account, Run, Source

    page = _page(folder)
    if page.get("told"):
        return
    paper.say(f"Making {DISTRICT}, a district of invented people, and importing it from a simulated PowerSchool: half a minute …")
    if setup.needs_first_start():
        setup.first_start(DISTRICT, page["email"], page["password"], time_zone="America/Chicago")
    dana = of_account(Account.objects.get(email=page["email"]))
    if not Source.objects.filter(district_id=dana.district, name=SOURCE).exists():
        sources.add(dana, "powerschool", SOURCE, _credentials(simulated))
    source = sources.get(dana, SOURCE)
    sources.set_schedule(dana, source, NIGHTLY, [])
    if not Run.objects.filter(source=source, state=RunState.APPLIED).exists():
        _import(dana, source)
    if simulated.day == 0:
        simulated.tomorrow()
        simulated.keep()
    if not Run.objects.filter(source=source, state=RunState.HELD).exists():
        _import(dana, source)
    _write(folder, {**page, "told": True})


def _holds() -> bool:
    from rollbook.domain.runs import RunState
    from rollbook.store.models import Run

    return Run.objects.filter(state=RunState.HELD).exists()


def _credentials(simulated: "PowerSchool") -> dict[str, str]:
    """Install and enable the plugin, if nobody has; return what the setup of a source asks for."""
    from rollbook.actions import plugin

    installed = next(iter(simulated.plugins), None)
    if installed is None:
        package = _earlier(plugin.package(guardians=False), plugin.version(guardians=False))
        installed = simulated.ready(package).plugin
        simulated.keep()
    keys = {"key": installed.client_id, "secret": installed.client_secret}
    return {"url": simulated.url, **keys, "devices": "mix", "district": DISTRICT}


def _earlier(package: bytes, version: str) -> bytes:
    """Return the plugin as if of an earlier version, since PowerSchool refuses to install a version a second time."""
    packed = io.BytesIO()
    with ZipFile(io.BytesIO(package)) as new, ZipFile(packed, "w") as old:
        for name in new.namelist():
            old.writestr(name, new.read(name).replace(f'version="{version}"'.encode(), b'version="0.9"'))
    return packed.getvalue()


def _import(dana: "Actor", source: "Source") -> None:
    from rollbook.actions import at_once, runs

    runs.sweep()
    asked, _ = at_once.import_now(dana, source)
    ended = at_once.carry_out(asked)
    paper.say(f"  Import {ended.pk}: {ended.state}. {ended.message.split('. ')[0].rstrip('.')}.")


def _open(*addresses: str) -> None:
    """Open a window for each, once the web is there to answer."""

    def open_all() -> None:
        for address in addresses:
            webbrowser.open_new(address)

    threading.Timer(1.0, open_all).start()
