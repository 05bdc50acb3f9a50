"""Commands about sources: add, show, test, disable."""

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
    kind: Annotated[str, typer.Argument(metavar="KIND", help="oneroster-csv …")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of this kind; repeat.")
    ] = None,
    district: District = None,
    as_json: Json = False,
) -> None:
    """Add a source."""
    actor = begin(district)
    from rollbook.actions import sources

    added = sources.add(actor, kind, name, _values(settings or []))
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
    """Stop a source: nothing is imported from it any more, and its roster stays."""
    _switch(name, district, as_json, enabled=False)


@source.command()
def enable(name: SourceName, district: District = None, as_json: Json = False) -> None:
    """Let a disabled source run again."""
    _switch(name, district, as_json, enabled=True)


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


def _switch(name: str, district: str | None, as_json: bool, *, enabled: bool) -> None:
    actor = begin(district)
    from rollbook.actions import sources

    _print(sources.set_enabled(actor, sources.get(actor, name), enabled=enabled), as_json)


def _values(settings: list[str]) -> dict[str, str]:
    wrong = {text: "write it as KEY=VALUE" for text in settings if "=" not in text}
    if wrong:
        raise ConfigError(fields=wrong)
    pairs = ((key.strip(), value) for key, _, value in (text.partition("=") for text in settings))
    # What is typed here is meant from here; a worker looks from elsewhere.
    return {key: str(Path(value).expanduser().absolute()) if key == "path" and value else value for key, value in pairs}


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
