"""How the simulator's pages look: one frame, one style, and small pieces; nothing is fetched from anywhere."""

from collections.abc import Iterable, Sequence
from html import escape

from rollbook.sandbox.powerschool.answers import HTML, Answer

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --paper: #fff; --soft: #f1f4f8; --line: #b9c4d0; --accent: #0b5a8a;
 --warn: #7a3b00;  --warn-paper: #fff4e0; --bad: #9b1c1c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --paper: #151b22; --soft: #1f2832; --line: #4a5a6b;
  --accent: #7cc4f5; --warn: #ffd9a0; --warn-paper: #3a2a12; --bad: #ffb0a8; } }
* { box-sizing: border-box }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
.simulation { background: var(--warn-paper); color: var(--warn); padding: .4rem 1.25rem; border-bottom: 1px solid var(--line) }
header, main { padding: .75rem 1.25rem; max-width: 72rem; margin: 0 auto }
header { display: flex; gap: 1.5rem; align-items: baseline; flex-wrap: wrap }
header b { font-size: 1.1rem }
nav ul, .crumbs ol { display: flex; gap: .25rem 1rem; list-style: none; margin: 0; padding: 0; flex-wrap: wrap }
.crumbs ol { column-gap: .4rem } .crumbs li + li::before { content: "› " }
a { color: var(--accent) }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible
{ outline: 3px solid var(--accent); outline-offset: 2px }
h1 { font-size: 1.5rem; margin: .75rem 0 } h2 { font-size: 1.15rem; margin: 1.75rem 0 .5rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% } caption { text-align: left; padding: .25rem 0 }
th, td { text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td form { margin: 0 }
code { font: .9rem ui-monospace, monospace; overflow-wrap: anywhere }
label { display: inline-block; margin-right: .5rem } .field { margin: .75rem 0 } .field label { display: block; font-weight: 600 }
input, select, button { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line);
  border-radius: .3rem; padding: .35rem .6rem; max-width: 100% }
input[type=number] { width: 7rem }
td input[type=number] { width: 4.5rem } td .row { flex-wrap: nowrap } td :is(button, label) { white-space: nowrap }
td:first-child code { overflow-wrap: normal }
input[type=checkbox] { width: 1.2rem; height: 1.2rem; vertical-align: -.2rem }
button { background: var(--accent); border-color: var(--accent); color: var(--paper); cursor: pointer }
button.quiet { background: var(--paper); color: var(--accent) }
.row { display: flex; gap: .75rem; flex-wrap: wrap; align-items: center } .row form { margin: 0 }
.message { border-left: .3rem solid var(--accent); background: var(--soft); padding: .5rem 1rem; margin: 1rem 0 }
.message.bad { border-color: var(--bad) } .on { font-weight: 700 }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: .2rem; background: var(--paper); padding: .3rem }
"""

HOME = ("Start Page", "/admin/home.html")
SYSTEM = ("System", "/admin/system.html")
SETTINGS = ("System Settings", "/admin/system_settings.html")
PLUGINS = ("Plugin Management Configuration", "/admin/plugins.html")
SIMULATOR = ("Simulator", "/admin/simulator.html")
_SAFE = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)

Crumb = tuple[str, str]


def page(title: str, body: str, *, crumbs: Sequence[Crumb] = (), status: int = 200) -> Answer:
    """Return a whole page."""
    trail = "".join(f'<li><a href="{address}">{escape(name)}</a></li>' for name, address in crumbs)
    trail = f'<nav class="crumbs" aria-label="You are here"><ol>{trail}<li aria-current="page">{escape(title)}</li></ol></nav>'
    places = "".join(f'<li><a href="{address}">{escape(name)}</a></li>' for name, address in (HOME, SYSTEM, PLUGINS, SIMULATOR))
    text = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · PowerSchool simulation</title><style>{_STYLE}</style></head>
<body><a class="skip" href="#main">Skip to the content</a>
<aside class="simulation" aria-label="Simulation">This is a simulation for trying things out. All schools and people
are invented; it is not made by PowerSchool.</aside>
<header><b>PowerSchool SIS, simulated</b><nav aria-label="Main"><ul>{places}</ul></nav></header>
<main id="main">{trail if crumbs else ""}<h1>{escape(title)}</h1>
{body}</main></body></html>"""
    return Answer(status, text.encode(), HTML, _SAFE)


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    named = f'tabindex="0" role="region" aria-label="{escape(caption)}"'
    inner = f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" {named}>{inner}</div>'


def link(name: str, address: str) -> str:
    """Return a link."""
    return f'<a href="{escape(address)}">{escape(name)}</a>'


def button(name: str, action: str, *, quiet: bool = False, inside: str = "", of: str = "") -> str:
    """Return a form that is one button, with what else belongs into it; `of` tells buttons of one name apart by ear."""
    look = (' class="quiet"' if quiet else "") + (f' aria-label="{escape(name)}: {escape(of)}"' if of else "")
    return f'<form class="row" method="post" action="{escape(action)}">{inside}<button{look}>{escape(name)}</button></form>'


def message(*sentences: str, bad: bool = False) -> str:
    """Return sentences that stand out."""
    lines = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return f'<div class="message{" bad" if bad else ""}" role="{"alert" if bad else "status"}">{lines}</div>'


def number_field(name: str, label: str, value: int, *, most: int = 1_000_000) -> str:
    """Return a labelled field for a number."""
    return (
        f'<div class="field"><label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" type="number" min="0" max="{most}" value="{value}" required></div>'
    )


def choice(name: str, label: str, options: Sequence[str], chosen: str) -> str:
    """Return a labelled list to choose from."""
    listed = "".join(f"<option{' selected' if each == chosen else ''}>{escape(each)}</option>" for each in options)
    return (
        f'<div class="field"><label for="{name}">{escape(label)}</label><select id="{name}" name="{name}">{listed}</select></div>'
    )
