"""Writes the pages of docs/reference from the code that they are about, so that they cannot say anything else."""

import ast
import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by `make docs` from {source}. Change it there. -->"


def page(title: str, source: str, *parts: str) -> str:
    """Put a page together."""
    return "\n\n".join([NOTE.format(source=source), f"# {title}", *(part.strip("\n") for part in parts)]) + "\n"


def table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Write a table; a bar inside a cell is escaped."""
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def comments(kind: type) -> dict[str, str]:
    """Return what the comment beside each member of an enum says."""
    lines = re.findall(r"^\s+\w+ = [\"'](\w+)[\"']\s+# (.+)$", inspect.getsource(kind), re.MULTILINE)
    return {value: text.strip() for value, text in lines}


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- the pages ---


def entities() -> str:
    from rollbook.domain.entities import ENTITIES, Pii
    from rollbook.domain.words import ENTITY_WORDS

    parts = [
        "What a roster is made of. All values are text: dates are `YYYY-MM-DD`, truth is `true` or `false`, a list has commas "
        "between its entries, and an empty value is null. The end of a period is the day after its last day. Names are those of "
        "OneRoster 1.2 in snake_case; a class is a `section` and a user is a `person`, because Python and Django use those two "
        "words for something else.",
        "Every row also has `sourced_id` (the key that its source gives it), `uuid` (ours, never changes), `source`, `status` "
        "(`active` or `inactive`), `last_run` (the import that last wrote it) and `changed_at` (when that was).",
        "*Private* says how closely a column is kept: `none`, `id`, `name`, `contact` or `sensitive`. Nothing above `id` belongs "
        "into a log or a mail. [Privacy](../explanation/privacy.md) says more.",
    ]
    for entity in ENTITIES:
        one, many = ENTITY_WORDS[entity.name]
        said = f"On screens: {many}." if one != entity.name.replace("_", " ") else ""
        if entity.key:
            said += f" Its key is made of `{'`, `'.join(entity.key)}`, joined by a bar, whatever id a file gives the row."
        rows = [
            (
                code(column.name),
                "yes" if column.required else "",
                (f"`{column.refers_to}`" + (", several" if column.many else "")) if column.refers_to else "",
                Pii(column.pii).name.lower(),
                column.means + (" A list." if column.many and not column.refers_to else ""),
            )
            for column in entity.columns
        ]
        parts += [f"## {entity.name}", *([said.strip()] if said else [])]
        parts.append(table(("column", "required", "points to", "private", "meaning"), rows))
    return page("Entities", "`src/rollbook/domain/entities.py`", *parts)


def run_states() -> str:
    from rollbook.domain.runs import ENDED, TRANSITIONS, RunState, Stage, Trigger

    said = comments(RunState)
    drawn = ["stateDiagram-v2", "    [*] --> queued"]
    drawn += [f"    {old} --> {new}: {event}" for (old, new), event in TRANSITIONS.items()]
    drawn += [f"    {state} --> [*]" for state in RunState if state in ENDED]
    return page(
        "States of an import",
        "`src/rollbook/domain/runs.py`",
        "Only `applied` has written to the roster: the arrow that leads there is taken in the same transaction as the writing.",
        "```mermaid\n" + "\n".join(drawn) + "\n```",
        table(("state", "meaning"), [(code(state), f"{capital(said[state])}.") for state in RunState]),
        "## Arrows",
        "There are no others. A state is only ever changed from the state that was seen: of two who answer at once, one is told "
        "that the other was first. Each arrow taken is kept with its time and who took it.",
        table(("from", "to", "event"), [(code(old), code(new), event) for (old, new), event in TRANSITIONS.items()]),
        "## Stages",
        f"An import that is `working` also says where: {', '.join(code(stage) for stage in Stage)}. In every other state the "
        "stage means nothing.",
        "## Triggers",
        table(("trigger", "meaning"), [(code(name), f"{capital(text)}.") for name, text in comments(Trigger).items()]),
    )


def rules() -> str:
    from rollbook.domain.findings import Level, Rule
    from rollbook.domain.words import ENTITY_WORDS
    from rollbook.pipeline.check import OWN_RULES
    from rollbook.pipeline.rules import CATALOGUE
    from rollbook.pipeline.undo import CHANGED_SINCE

    def line(rule: Rule, about: str) -> tuple[str, ...]:
        return code(rule.name), rule.level, about, rule.text, rule.remedy

    levels = comments(Level)
    catalogue = sorted(CATALOGUE.values(), key=lambda each: (list(Level).index(each.rule.level) * -1, each.rule.name))
    headings = ("rule", "level", "about", "what is wrong", "remedy")
    return page(
        "Rules",
        "`src/rollbook/pipeline/rules/`, `pipeline/check.py`, `pipeline/undo.py` and `connectors/`",
        table(("level", "meaning"), [(name, f"{capital(text)}.") for name, text in levels.items()]),
        "Rows that changed since the last import are judged; rules that look at other rows also judge the unchanged rows that "
        "these touch. When the rules themselves change, every row is judged anew.",
        "## The catalogue",
        table(
            headings,
            [
                line(each.rule, "all" if len(each.entities) > 4 else ", ".join(ENTITY_WORDS[name][1] for name in each.entities))
                for each in catalogue
            ],
        ),
        "## Rules about ids and about rows that point to others",
        table(headings, [line(rule, "all") for rule in OWN_RULES]),
        "## Rules of an undo",
        table(headings, [line(CHANGED_SINCE, "all")]),
        "## Rules of OneRoster CSV files",
        "These are about how a file is written. `…` stands for what is in the file. A row that does not fit under its header "
        "(`cells`, `quotes`) is an error, too. What stops a whole package instead is in "
        "[Check a bundle](../howto/check-a-bundle.md).",
        table(("rule", "level", "says", "remedy"), [*form_rules()]),
        "## Rules of a PowerSchool",
        "These are about what PowerSchool's rows say. `…` at the beginning is the id of the row.",
        table(("rule", "level", "says", "remedy"), [*asked_rules()]),
    )


def form_rules() -> Iterator[tuple[str, ...]]:
    """Find every rule that the connector, or what it reads tables with, can name; with the words of its message."""
    from rollbook.lib.csv_repair import COUNTED

    folder = ROOT / "src" / "rollbook"
    repaired = {rule: many.format("…").replace("FILE", "…").replace(", LINE", "") for rule, (_, many) in COUNTED.items()}
    found = {rule: ("note", text, "") for rule, text in repaired.items()}
    for path in sorted([*(folder / "connectors" / "oneroster").glob("*.py"), *(folder / "lib").glob("*.py")]):
        tree = ast.parse(path.read_text())
        known = assigned(tree.body)
        for part in tree.body:
            methods = part.body if isinstance(part, ast.ClassDef) else [part]
            for each in methods:
                words = known | assigned([node for node in ast.walk(each) if isinstance(node, ast.Assign)])
                for rule, level, message, remedy in named(each, words):
                    if rule not in found or len(message) > len(found[rule][1]):
                        found[rule] = (level, message, remedy)
    yield from by_level(found)


def by_level(found: dict[str, tuple[str, str, str]]) -> Iterator[tuple[str, ...]]:
    order = ["error", "warning", "note"]
    for rule, (level, message, remedy) in sorted(found.items(), key=lambda each: (order.index(each[1][0]), each[0])):
        yield code(rule), level, message, remedy


def asked_rules() -> Iterator[tuple[str, ...]]:
    """Find every rule that the PowerSchool connector can name; with the words of its message."""
    from rollbook.connectors.powerschool.people import WITHOUT

    found = {f"student_without_{column}": ("warning", f"… {says}", remedy) for column, (says, remedy) in WITHOUT.items()}
    for path in sorted((ROOT / "src" / "rollbook" / "connectors" / "powerschool").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(ast.Name("told"), [_, _, ast.Call(args=[ast.Constant(str(rule)), *more]), says, remedy]):
                    found[rule] = (graveness(more), f"… {spoken(says, {})}", spoken(remedy, {}))
                case ast.Call(ast.Name("left_out"), [_, ast.Call(args=[ast.Constant(str(rule)), *more]), whose]):
                    found[rule] = (graveness(more), f"Rows {spoken(whose, {})} were left out: ….", "")
    yield from by_level(found)


def graveness(more: list[ast.expr]) -> str:
    """Return the level among what a rule is made of besides its name; the usual one is not written there."""
    return next((each.attr.lower() for each in more if isinstance(each, ast.Attribute)), "warning")


def named(tree: ast.AST, words: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield rule, level, message and remedy of each call that makes a finding."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [*node.args, *[ast.Constant("")] * 6]
        more = {keyword.arg: keyword.value for keyword in node.keywords}
        if name == "Check":
            rule, level, message, remedy = given[0], given[1], given[4], given[5]
        elif name == "fault" and len(node.args) == 4:
            rule, level, message, remedy = given[1], given[0], given[3], more.get("remedy", ast.Constant(""))
        elif name in ("note", "_note", "Repair"):
            rule, level, message, remedy = given[0], None, given[1], ast.Constant("")
        elif name == "Note":
            rule, level, message, remedy = given[0], None, given[2], ast.Constant("")
        else:
            continue
        if isinstance(rule, ast.Constant) and rule.value:
            grave = level.attr.lower() if isinstance(level, ast.Attribute) else "note"
            yield str(rule.value), grave, spoken(message, words), spoken(remedy, words)


def assigned(body: list[Any]) -> dict[str, str]:
    """Return the texts that names stand for."""
    return {
        node.targets[0].id: spoken(node.value, {})
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def spoken(node: ast.AST, words: dict[str, str]) -> str:
    """Write an expression as the text that it makes, with `…` for what only a file can tell."""
    match node:
        case ast.Constant(value=str(text)):
            said = re.sub(r"\{\w+\}", "…", text)
        case ast.JoinedStr(values=parts):
            said = "".join(spoken(part, words) for part in parts)
        case ast.FormattedValue(value=value):
            said = spoken(value, words) if isinstance(value, ast.Name) and value.id in words else "…"
        case ast.BinOp(left=left, right=right):
            said = spoken(left, words) + spoken(right, words)
        case ast.Name(id=name):
            said = words.get(name, "…")
        case _:
            said = "…"
    return re.sub(r"…(\s*…)+", "…", said)


def limits() -> str:
    from rollbook.domain.gate import DEFAULTS, Kind

    said = comments(Kind)
    parts = [
        "An import is held when any of these is reached. They are the defaults: each source can have figures of its own, under "
        "Settings. Equal is enough: under a limit of 10 %, 9.99 % passes and 10 % holds. The second figure of a share is its "
        "floor: fewer than that never hold an import. How they are counted is in [The gate](../explanation/gate.md), how to "
        "choose them in [Choose limits](../howto/choose-limits.md).",
    ]
    for kind in Kind:
        chosen = [limit for limit in DEFAULTS if limit.kind is kind]
        rows = [
            (
                code(limit.key),
                f"{limit.count:,}" if limit.count is not None else f"{limit.percent:g} %",
                "" if limit.count is not None else f"{limit.floor:,}",
                limit.meaning,
            )
            for limit in chosen
        ]
        parts += [f"## {kind}", f"{capital(said[kind])}.", table(("limit", "at", "and at least", "meaning"), rows)]
    return page("Limits", "`src/rollbook/domain/gate.py`", *parts)


def settings() -> str:
    from rollbook.server.config import PREFIX, Config

    # What a default is on this machine is no business of the page.
    places = {"data_dir": "a folder of the user's; on Linux `~/.local/share/rollbook`"}
    rows = []
    for each in Config.settings():
        plain = str(each.default).lower() if isinstance(each.default, bool) else str(each.default)
        rows.append((code(PREFIX + each.name.upper()), each.metadata["meaning"], places.get(each.name) or code(plain)))
    return page(
        "Settings of an installation",
        "`src/rollbook/server/config.py`",
        "From the environment, or from a file `.env` in the folder that Rollbook is started in; the environment wins. "
        "`rollbook settings` lists them with the values in force.",
        table(("name", "meaning", "default"), rows),
        "What is set for each source (schedule, limits, people told, how long things are kept) is not here: it is kept in the "
        "database and changed on the screens.",
    )


def who_may() -> str:
    from rollbook.domain.rights import MEANINGS, Right
    from rollbook.web.access import May, is_secret
    from rollbook.web.access import who_may as asked

    rows = []
    for address, route in _routes():
        may = asked(route.callback)
        who = "anyone" if may is May.ANYONE else "whoever is signed in, what is theirs"
        if isinstance(may, Right):
            who = MEANINGS[may].title + (" (also at chosen schools)" if MEANINGS[may].at_schools else "")
        rows.append((code(f"/{address}"), who, "shut" if is_secret(route.callback) else "to look"))
    rights = [
        (each.title, each.text, "the district, or chosen schools" if each.at_schools else "the district")
        for each in MEANINGS.values()
    ]
    return page(
        "Who may open what",
        "`src/rollbook/web/access.py` and the marks of the views",
        "Every address has a rule, and without one it is shut to everybody. Something of another district, or of a school that a "
        "right does not hold at, is answered as if it did not exist. `tests/web/test_access.py` tries every address as "
        "everybody, with things of their own school, another school and another district; `pytest -s -k three_places` prints "
        "what was answered.",
        "## Rights",
        table(("right", "what its holder may do", "holds in"), rights),
        "## Addresses",
        "The last column is for those who see Rollbook as somebody else: they change nothing anywhere, and some pages stay shut.",
        table(("address", "who", "in View As"), rows),
    )


def _routes() -> list[tuple[str, Any]]:
    from django.urls import URLResolver

    from rollbook.web.urls import urlpatterns

    def below(patterns: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
        for each in patterns:
            here = prefix + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from below(each.url_patterns, here)
            else:
                yield here, each

    return sorted(below(urlpatterns), key=lambda found: found[0])


#: What `actions/shapes.py` makes of an import; a test compares the keys.
RUN_KEYS = {
    "run": "Its number.",
    "source": "Name of its source.",
    "state": "One of the [states](run-states.md).",
    "trigger": "`manual`, `scheduled`, `preview`, `undo` or `archive`.",
    "started": "When it began, or was asked for, in UTC.",
    "ended": "When it ended or was held; else null.",
    "digest": "What an approval is bound to: equal changes have equal digests. Null before there is one.",
    "entities": "For each entity that was sent or is changed: `read`, `appear`, `alter`, `vanish`, `return`, `same`, `unfit`. "
    "`read` is the sum of `appear`, `alter`, `return`, `same` and `unfit`.",
    "findings": "How many of each level: `error`, `warning`, `note`.",
    "measures": "Every count that was held against a [limit](limits.md), also where it passed: `entity`, `kind`, `role`, "
    "`scope`, `count`, `of`, `percent`, `limit_percent`, `limit_count`, `floor`, `closed`.",
    "reasons": "Why it is held: sentences, gravest first. `preview` alone where no limit tripped.",
    "message": "One paragraph for people.",
    "undo_of": "The import that it reverses. Only of an undo.",
    "superseded_by": "The import that took its place. Only where there is one.",
    "because": "The reason of a rejection. Only of a rejected one.",
}


def cli() -> str:
    import typer

    from rollbook.cli.main import app

    parts = [
        "`rollbook VERB [NOUN]`. With `--json`, one JSON value goes to standard output and nothing else; words for people go to "
        "standard error. `rollbook VERB --help` says the same as this page.",
        "## Exit codes",
        table(
            ("code", "meaning"),
            [
                ("0", "Done, also when there was nothing to do."),
                ("1", "A fault of Rollbook, or of what lies beneath it: a full disk, a database that went away."),
                ("2", "Wrong usage or settings, or not allowed."),
                ("3", "Held: waits for a person. A preview within the limits ends with 0."),
                ("4", "The source failed. Nothing was written."),
                ("5", "Done, with findings of level error: some rows were left out."),
                ("6", "Answered already, or out of date. Nothing was written."),
                ("130", "Stopped by Ctrl-C before anything was written. An import that had ended by then keeps its own code."),
            ],
        ),
    ]
    parts += [
        "## JSON of an import",
        "`run`, `plan`, `show`, `approve`, `reject` and `undo` print one object, `runs` an array of them.",
        table(("key", "meaning"), [(code(key), text) for key, text in RUN_KEYS.items()]),
        "When a command fails before there is an import, also for wrong usage or by Ctrl-C, the object has `error`, `next_step` "
        "and `exit_code`, and `fields` where settings are wrong.",
    ]
    for path, command in commands(typer.main.get_command(app)):
        parts.append(f"## rollbook {path}")
        parts += [" ".join(text.split()) for text in re.split(r"\n\s*\n", (command.help or "").split("\f")[0]) if text.strip()]
        usage, rows = [f"rollbook {path}"], []
        for each in command.params:
            if each.name == "help" or getattr(each, "hidden", False):
                continue
            if each.param_type_name == "argument":
                shown = each.metavar or each.name.upper()
                usage.append(shown if each.required else f"[{shown}]")
            else:
                value = "" if each.is_flag else f" {each.metavar or each.name.upper()}"
                shown = "/".join([*each.opts, *each.secondary_opts]) + value
            rows.append((code(shown), f"{each.help or ''}{fallback(each)}"))
        parts.append("```sh\n" + " ".join([*usage, *(["[OPTIONS]"] if len(rows) >= len(usage) else [])]) + "\n```")
        if rows:
            parts.append(table(("", "meaning"), rows))
    return page("Command line", "`src/rollbook/cli/`", *parts)


def fallback(option: Any) -> str:
    """Say what an option is when it is not given, where that is worth a word."""
    default = option.default
    if option.required or default in (None, "", False, True, ()) or callable(default) or default.__class__.__name__ == "Sentinel":
        return ""
    return f" Default: `{default}`."


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command with the words that call it."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        path = f"{before} {name}".strip()
        if getattr(command, "commands", None):
            yield from commands(command, path)
        else:
            yield path, command


def oneroster_coverage() -> str:
    from dataclasses import fields

    from rollbook.connectors.oneroster import vocabulary as words
    from rollbook.connectors.oneroster.connector import OneRosterCsv
    from rollbook.connectors.registry import WRITERS

    derived = {"agentSourcedIds": "`guardianship`", "role": "`role.role`", "orgSourcedIds": "`role.org`"}  # of users.csv
    both = words.VERSIONS
    files = sorted({name for version in both for name in words.STANDARD_FILES[version]}, key=str.lower)

    def fate(name: str, version: str) -> str:
        if name not in words.STANDARD_FILES[version]:
            return "not in this version"
        return "read" if name in words.FILES[version] else "never opened"

    def lines(name: str) -> Iterator[tuple[str, ...]]:
        by_version = [{field.heading: field for field in words.FILES[version].get(name, ())} for version in both]
        for heading in dict.fromkeys(heading for known in reversed(by_version) for heading in known):
            met = {version: known[heading] for version, known in zip(both, by_version, strict=True) if heading in known}
            field = next(iter(met.values()))
            becomes = code(f"{words.OWNER[name]}.{field.column}") if field.column else derived.get(heading, "read, not kept")
            asked = (
                "the header must have it" if field.due else "",
                "a row without a value gets a warning" if field.filled else "",
                f"one of {', '.join(dict.fromkeys(word for each in met.values() for word in each.words))}" if field.words else "",
            )
            only = f"{next(iter(met))} only" if len(met) < sum(map(bool, by_version)) else ""
            yield code(heading), only, becomes, "; ".join(filter(None, asked))

    parts = [
        f"The connector `{OneRosterCsv.name}` reads OneRoster CSV {' and '.join(both)}, complete exports (bulk), as a folder or "
        "a ZIP. Both versions become the same rows, so going from one to the other changes nothing. Change files (delta) are "
        "refused in words.",
        "## Files",
        table(
            ("file", *both, "becomes"),
            [
                (code(f"{name}.csv"), *(fate(name, version) for version in both), code(words.OWNER.get(name, "")))
                for name in files
            ],
        ),
        "`manifest.csv` is read in both versions. A file that is never opened may lie in the package; nobody looks into it.",
    ]
    for name in words.FILES["1.2"]:
        parts += [f"## {name}.csv", table(("heading", "version", "becomes", "asked of it"), lines(name))]
    true, false, grades = (", ".join(map(code, some)) for some in (words.TRUE, words.FALSE, sorted(words.CEDS)))
    parts += [
        "## Headings that are left alone",
        f"Never read, in any case of letters: {', '.join(map(code, sorted(words.LEFT_CLOSED)))} (of `sourcedId`, only that of "
        "`roles.csv`, to which nothing points). Columns called `metadata.…` are kept, as one JSON object. Any other heading is "
        "set aside, with a note.",
        "## Headings that are read under another name",
        table(("written", "read as"), [(code(wrong), code(right)) for wrong, right in sorted(words.MISSPELT.items())]),
        "## Values that are read under another form",
        f"Truth: {true} for true, {false} for false, in any case of letters. Grades become the codes {grades}; what is none of "
        "them is kept as it is. Lists may use `;` or `|` in place of commas. In 1.2, a word outside a list of words may begin "
        "with `ext:`, but for `roleType`.",
        "## Settings of such a source",
        table(
            ("key", "meaning", "one of"),
            [
                (
                    code(each.name),
                    f"{each.metadata['label']}. {each.metadata['hint']}",
                    ", ".join(map(code, each.metadata["choices"])),
                )
                for each in fields(OneRosterCsv.Config)
            ],
        ),
        "## Written",
        f"`rollbook export` writes {' and '.join(map(code, WRITERS))}. Read back into the same source, an export changes "
        "nothing. 1.1 gives a person one role: a roster that says more is not written as 1.1, and the command says why.",
    ]
    return page("OneRoster coverage", "`src/rollbook/connectors/oneroster/vocabulary.py`", *parts)


PAGES: dict[str, Callable[[], str]] = {
    f"docs/reference/{make.__name__.replace('_', '-')}.md": make
    for make in (entities, run_states, rules, limits, settings, cli, oneroster_coverage, who_may)
}


def main() -> None:
    """Write every page anew."""
    os.environ.setdefault("ROLLBOOK_SECRET_KEY", "docs")  # else one would be made and kept
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rollbook.server.settings")
    import django

    django.setup()
    for path, make in PAGES.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(make())
        print(path)


if __name__ == "__main__":
    main()
