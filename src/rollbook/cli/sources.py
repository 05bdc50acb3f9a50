"""Commands about sources: add, show, test, disable."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollbook.cli import paper
from rollbook.cli.options import District, Json, SourceName
from rollbook.cli.start import begin
from rollbook.domain.errors import ConfigError

if TYPE_CHECKING:
    from rollbook.store.models import Source

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of this kind; repeat.")]

source = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Add, show, disable or enable one source.")


def sources(district: District = None, as_json: Json = False) -> None:
    """List the configured sources."""
    actor = begin(district)
    from rollbook.actions.sources import shown
    from rollbook.store.models import Source

    found = [shown(each) for each in Source.objects.filter(district_id=actor.district).order_by("name")]
    if as_json:
        paper.dump(found)
    elif found:
        rows = [(each["name"], each["kind"], "enabled" if each["enabled"] else "disabled", _times(each)) for each in found]
        paper.table(("source", "kind", "", "runs by itself"), rows)
    else:
        paper.say(
            "No source has been added yet. The shortest way:", "  rollbook source add oneroster-csv NAME --set path=FOLDER_OR_ZIP"
        )


@source.command()
def add(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="oneroster-csv, powerschool …")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    settings: Settings = None,
    district: District = None,
    as_json: Json = False,
) -> None:
    """Add a source. A secret may be in a file, --set secret=@FILE, or come by a pipe, --set secret=@-; else it is asked for."""
    actor = begin(district)
    from rollbook.actions import sources

    values = _values(kind, settings or [])
    needed = [each.name for each in sources.options(kind) if each.metadata["secret"] and sources.required(each)]
    added = sources.add(actor, kind, name, values | _asked_for(kind, [each for each in needed if each not in values]))
    _print(added, as_json)
    if not as_json:
        paper.say(
            "", f"Test the connection: rollbook probe {added.name}", f"See what would be imported: rollbook plan {added.name}"
        )


@source.command()
def show(name: SourceName, district: District = None, as_json: Json = False) -> None:
    """Show a source's settings; secrets are only said to be there."""
    actor = begin(district)
    from rollbook.actions import sources

    _print(sources.get(actor, name), as_json)


@source.command()
def disable(name: SourceName, district: District = None, as_json: Json = False) -> None:
    """Stop a source: nothing is imported from it any more, its secrets are forgotten, and its roster stays."""
    actor = begin(district)
    from rollbook.actions import sources

    _print(sources.set_enabled(actor, sources.get(actor, name), enabled=False), as_json)


@source.command()
def enable(name: SourceName, settings: Settings = None, district: District = None, as_json: Json = False) -> None:
    """Let a disabled source run again. Its secrets have to be given again, as when it was added."""
    actor = begin(district)
    from rollbook.actions import sources

    chosen = sources.get(actor, name)
    values = _values(chosen.kind, settings or [])
    values |= _asked_for(chosen.kind, [each for each in sources.forgotten(chosen) if each not in values])
    if values:
        chosen = sources.change(actor, chosen, {**chosen.settings, **values})
    _print(sources.set_enabled(actor, chosen, enabled=True), as_json)


def probe(name: SourceName, district: District = None, as_json: Json = False) -> None:
    """Test the connection: one cheap call, one sentence."""
    actor = begin(district)
    from rollbook.actions import sources

    chosen = sources.get(actor, name)
    seen = sources.probe(actor, chosen)
    if as_json:
        paper.dump({"source": chosen.name, "sentence": seen.sentence, "notes": list(seen.notes)})
    else:
        paper.say(seen.sentence, *(f"  · {note}" for note in seen.notes))


def _values(kind: str, settings: list[str]) -> dict[str, str]:
    from rollbook.actions import sources

    wrong = {text: "write it as KEY=VALUE" for text in settings if "=" not in text}
    if wrong:
        raise ConfigError(fields=wrong)
    secret = {each.name for each in sources.options(kind) if each.metadata["secret"]}
    values = {key.strip(): value for key, _, value in (text.partition("=") for text in settings)}
    if values.get("path"):  # what is typed here is meant from here; a worker looks from elsewhere
        values["path"] = str(Path(values["path"]).expanduser().absolute())
    return {key: _read(key, value) if key in secret else value for key, value in values.items()}


def _read(key: str, value: str) -> str:
    """Return a secret, read from where "@" says: then it stands neither in the shell's history nor in the list of processes."""
    if not value.startswith("@"):
        return value
    try:
        return (sys.stdin.read() if value == "@-" else Path(value[1:]).expanduser().read_text("utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(fields={key: f"{value[1:]} cannot be read: {why}"}) from error


def _asked_for(kind: str, names: list[str]) -> dict[str, str]:
    """Ask for secrets at the terminal, unseen. Without a terminal nothing is asked."""
    from rollbook.actions import sources

    labels = {each.name: each.metadata["label"] for each in sources.options(kind)}
    return {name: typer.prompt(labels[name], hide_input=True, err=True) for name in names} if sys.stdin.isatty() else {}


def _print(chosen: "Source", as_json: bool) -> None:
    from rollbook.actions.sources import shown

    described = shown(chosen)
    if as_json:
        paper.dump(described)
        return
    rows = [
        ("source", described["name"]),
        ("kind", described["kind"]),
        ("state", "enabled" if described["enabled"] else "disabled"),
        ("runs by itself", _times(described)),
        ("told by mail", ", ".join(described["told"]) or "nobody"),
        *((name, value) for name, value in described["settings"].items()),
    ]
    paper.table(("", ""), rows)


def _times(described: dict[str, Any]) -> str:
    if not described["times"]:
        return "never"
    days = " ".join(DAYS[day] for day in described["weekdays"]) or "every day"
    return f"{', '.join(described['times'])}, {days}"
