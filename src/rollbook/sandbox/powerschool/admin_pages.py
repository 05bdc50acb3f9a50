"""What an admin of the simulated PowerSchool sees and clicks, under PowerSchool's own names, and a page for its switches."""

import re
from email import message_from_bytes
from html import escape
from urllib.parse import urlsplit

from rollbook.sandbox.powerschool import admin_html as html
from rollbook.sandbox.powerschool.admin_html import HOME, PLUGINS, SETTINGS, SIMULATOR, SYSTEM
from rollbook.sandbox.powerschool.answers import Answer, Refused, Request, redirect
from rollbook.sandbox.powerschool.faults import FAULTS
from rollbook.sandbox.powerschool.installed import PAGE_SIZES, Installed
from rollbook.sandbox.powerschool.plugin import LEVELS
from rollbook.sandbox.powerschool.plugin import Refused as PluginRefused
from rollbook.sandbox.powerschool.system import System

_LOG_SHOWN = 50
_WAYS = (HOME, SYSTEM, SETTINGS)


def answer(system: System, request: Request) -> Answer:
    """Answer a page, or do what a button on one says."""
    try:
        if request.method in ("GET", "HEAD"):
            return _shown(system, request.path)
        _refuse_strangers(request)
        return _done(system, request)
    except Refused as refused:
        return refused.answer


def _shown(system: System, path: str) -> Answer:
    match path.strip("/").split("/"):
        case [""] | ["admin"]:
            return redirect(HOME[1])
        case ["admin", "home.html"]:
            return _home(system)
        case ["admin", "system.html"]:
            return _menu("System", (HOME,), (SETTINGS,))
        case ["admin", "system_settings.html"]:
            return _menu("System Settings", (HOME, SYSTEM), (PLUGINS, _API_SETTINGS))
        case ["admin", "api_settings.html"]:
            return _api_settings(system)
        case ["admin", "plugins.html"]:
            return _plugins(system)
        case ["admin", "plugins", "install.html"]:
            return _install()
        case ["admin", "plugins", number, "enable.html"]:
            return _confirmation(_plugin(system, number))
        case ["admin", "plugins", number, "data.html"]:
            return _credentials(_plugin(system, number))
        case ["admin", "plugins", number, "delete.html"]:
            return _deletion(_plugin(system, number))
        case ["admin", "plugins", number]:
            return _detail(_plugin(system, number))
        case ["admin", "simulator.html"]:
            return _simulator(system)
    raise _missing()


def _done(system: System, request: Request) -> Answer:
    form = request.form
    match request.path.strip("/").split("/"):
        case ["admin", "plugins", "install.html"]:
            return _installed(system, request)
        case ["admin", "plugins", number, deed]:
            return _changed(system, _plugin(system, number), deed, form)
        case ["admin", "api_settings.html"]:
            system.minimum_interval_ms = _number(form, "interval")
            return redirect(_API_SETTINGS[1], 303)
        case ["admin", "simulator", "tomorrow"]:
            system.tomorrow()
            return redirect(SIMULATOR[1], 303)
        case ["admin", "simulator", "faults", name] if name in FAULTS:
            if system.faults.is_on(name):
                system.switch_off(name)
            else:
                system.faults.on(name, after=_number(form, "after"))
            return redirect(SIMULATOR[1], 303)
    raise _missing()


def _changed(system: System, plugin: Installed, deed: str, form: dict[str, str]) -> Answer:
    own = f"/admin/plugins/{plugin.number}"
    match deed:
        case "switch" if "enabled" in form and not plugin.enabled:
            return redirect(f"{own}/enable.html", 303)
        case "switch" if "enabled" not in form:
            system.plugins.disable(plugin.number)
        case "enable.html":
            system.plugins.enable(plugin.number)
        case "regenerate":
            plugin.renew()
            return redirect(f"{own}/data.html", 303)
        case "data.html":
            plugin.v1_level = form["level"] if form.get("level") in LEVELS else plugin.v1_level
            plugin.page_sizes = {name: max(1, _number(form, name)) for name in PAGE_SIZES}
            return redirect(f"{own}/data.html", 303)
        case "delete.html":
            try:
                system.plugins.delete(plugin.number)
            except PluginRefused as refused:
                return html.page("Plugin", html.message(*refused.complaints, bad=True), crumbs=(*_WAYS, PLUGINS), status=400)
        case _ if deed != "switch":
            raise _missing()
    return redirect(PLUGINS[1], 303)


def _installed(system: System, request: Request) -> Answer:
    name, content = _uploaded(request)
    try:
        plugin = system.plugins.install(name, content)
    except PluginRefused as refused:
        return _install(*refused.complaints)
    return redirect(f"/admin/plugins/{plugin.number}", 303)


def _uploaded(request: Request) -> tuple[str, bytes]:
    kind = request.headers.get("content-type", "")
    parts = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
    for part in parts.walk():
        if name := part.get_filename():
            content = part.get_payload(decode=True)
            return name, content if isinstance(content, bytes) else b""
    return "", b""


def _home(system: System) -> Answer:
    students = system.database.number("SELECT COUNT(*) FROM STUDENTS WHERE ENROLL_STATUS = 0")
    schools = system.database.number("SELECT COUNT(*) FROM SCHOOLS WHERE SCHOOL_NUMBER NOT IN (0, 999999)")
    body = f"<p>{students:,} active students in {schools:,} schools. Today is {system.clock.today().isoformat()}.</p>"
    return html.page("Start Page", f"{body}<ul><li>{html.link(*SYSTEM)}</li><li>{html.link(*SIMULATOR)}</li></ul>")


def _menu(title: str, crumbs: tuple[tuple[str, str], ...], places: tuple[tuple[str, str], ...]) -> Answer:
    return html.page(title, "<ul>" + "".join(f"<li>{html.link(*place)}</li>" for place in places) + "</ul>", crumbs=crumbs)


_API_SETTINGS = ("Global API/Event & SIF Settings", "/admin/api_settings.html")


def _api_settings(system: System) -> Answer:
    field = html.number_field(
        "interval", "Minimum time interval (ms) between API requests per plugin; 0 is off", system.minimum_interval_ms
    )
    return html.page(_API_SETTINGS[0], html.button("Submit", _API_SETTINGS[1], inside=field), crumbs=_WAYS)


def _plugins(system: System) -> Answer:
    rows = [
        (
            html.link(plugin.package.name, f"/admin/plugins/{plugin.number}"),
            escape(plugin.package.version),
            escape(plugin.package.publisher),
            html.button(
                "Apply",
                f"/admin/plugins/{plugin.number}/switch",
                quiet=True,
                inside=_enabled_box(plugin),
            ),
        )
        for plugin in system.plugins
    ]
    listed = html.table("Installed plugins", ("Plugin", "Version", "Publisher", "Enable/Disable"), rows)
    body = f"<p>{html.link('Install', '/admin/plugins/install.html')} a plugin.</p>"
    return html.page("Plugin Management Dashboard", body + (listed if rows else "<p>No plugin is installed.</p>"), crumbs=_WAYS)


def _enabled_box(plugin: Installed) -> str:
    name = f"enabled-{plugin.number}"
    checked = " checked" if plugin.enabled else ""
    box = f'<input id="{name}" name="enabled" type="checkbox" value="on"{checked}>'
    return f'<label for="{name}">{box} Enable {escape(plugin.package.name)}</label>'


def _install(*complaints: str) -> Answer:
    refused = html.message("The plugin was not installed.", *complaints, bad=True) if complaints else ""
    form = """<form method="post" enctype="multipart/form-data" action="/admin/plugins/install.html">
<div class="field"><label for="file">Plugin Installation File (.zip or .xml)</label>
<input id="file" name="file" type="file" accept=".zip,.xml" required></div><button>Install</button></form>"""
    return html.page("Plugin Install", refused + form, crumbs=(*_WAYS, PLUGINS), status=400 if complaints else 200)


def _confirmation(plugin: Installed) -> Answer:
    asked = plugin.package.fields
    shared = (
        f"{plugin.package.publisher} will be able to read the following fields. They leave PowerSchool and go to a third party."
    )
    rows = [(escape(table), escape(field), escape(access)) for (table, field), access in sorted(asked.items())]
    listed = html.table(f"{len(asked)} requested fields", ("Table", "Field", "Access"), rows) if rows else ""
    confirm = html.button("Enable", f"/admin/plugins/{plugin.number}/enable.html")
    back = html.link("Cancel", PLUGINS[1])
    body = f'{html.message(shared)}<div class="row">{confirm}{back}</div>{listed}'
    return html.page(f"Enable {plugin.package.name}", body, crumbs=(*_WAYS, PLUGINS))


def _detail(plugin: Installed) -> Answer:
    package, own = plugin.package, f"/admin/plugins/{plugin.number}"
    state = "enabled" if plugin.enabled else "disabled; tick Enable/Disable on the dashboard"
    lines = [
        f"Version {package.version}, by {package.publisher}. It is {state}.",
        f"{len(package.fields)} fields asked for, {len(plugin.granted)} granted; {len(package.queries)} named queries.",
    ]
    warning = (
        html.message(
            "This version asks for fields that were not granted. Disable it and enable it again to grant them.", bad=True
        )
        if plugin.enabled and plugin.ungranted
        else ""
    )
    body = "".join(f"<p>{escape(line)}</p>" for line in lines) + warning
    ways = [html.link("Data Provider Configuration", f"{own}/data.html")] if package.oauth else []
    ways += [html.link("Enable", f"{own}/enable.html")] if not plugin.enabled or plugin.ungranted else []
    ways += [html.link("Delete", f"{own}/delete.html")] if package.deletable else []
    body += "<ul>" + "".join(f"<li>{way}</li>" for way in ways) + "</ul>"
    queries = [
        (f"<code>{escape(query.name)}</code>", escape(query.core_table), str(len(query.columns))) for query in package.queries
    ]
    body += html.table("Named queries", ("Name", "Core table", "Columns"), queries) if queries else ""
    return html.page(package.name, body, crumbs=(*_WAYS, PLUGINS))


def _credentials(plugin: Installed) -> Answer:
    own = f"/admin/plugins/{plugin.number}"
    if not plugin.package.oauth:
        raise _missing()
    keys = [("Client ID", plugin.client_id), ("Client Secret", plugin.client_secret)]
    shown = html.table("Credentials", ("Name", "Value"), [(name, f"<code>{escape(value)}</code>") for name, value in keys])
    regenerate = html.button("Regenerate Client ID and Secret", f"{own}/regenerate", quiet=True)
    fields = html.choice("level", "Access level for the v1 API", LEVELS, plugin.v1_level)
    fields += "".join(
        html.number_field(name, f"Maximum page size: {name.replace('_', ' ')}", size, most=100_000)
        for name, size in plugin.page_sizes.items()
    )
    form = f'<form method="post" action="{own}/data.html">{fields}<button>Submit</button></form>'
    disabled = "" if plugin.enabled else html.message("The plugin is disabled: these credentials do not work yet.", bad=True)
    body = f"{disabled}{shown}<p></p>{regenerate}<h2>Access and page sizes</h2>{form}"
    own_page = (plugin.package.name, own)
    return html.page("Data Provider Configuration", body, crumbs=(*_WAYS, PLUGINS, own_page))


def _deletion(plugin: Installed) -> Answer:
    warning = html.message("Its credentials end with it. Installing it again makes new ones.", bad=True)
    form = html.button("Delete", f"/admin/plugins/{plugin.number}/delete.html")
    body = f'{warning}<div class="row">{form}{html.link("Cancel", PLUGINS[1])}</div>'
    return html.page(f"Delete {plugin.package.name}", body, crumbs=(*_WAYS, PLUGINS))


def _simulator(system: System) -> Answer:
    night = html.button("Go to tomorrow", "/admin/simulator/tomorrow")
    body = f"<h2>Day</h2><p>Today is {system.clock.today().isoformat()}, day {system.day + 1} of this simulation.</p>{night}"
    rows = [
        (
            f"<code>{name}</code>",
            escape(fault.says),
            '<span class="on">on</span>' if system.faults.is_on(name) else "off",
            str(system.faults.hits[name]),
            _switch(name, on=system.faults.is_on(name)),
        )
        for name, fault in FAULTS.items()
    ]
    body += "<h2>Faults</h2>" + html.table("What can go wrong", ("Name", "What happens", "State", "Times", "Switch"), rows)
    log = [
        (
            each.at.strftime("%H:%M:%S"),
            escape(each.method),
            f"<code>{escape(each.path)}{'?' if each.query else ''}{escape(each.query)}</code>",
            f"<code>{escape(each.body[:200])}</code>",
            str(each.status),
            escape(", ".join(each.faults)),
        )
        for each in list(system.log)[: -_LOG_SHOWN - 1 : -1]
    ]
    headings = ("Time", "Method", "Path", "Body", "Status", "Faults")
    shown = html.table(f"The last {len(log)} requests", headings, log) if log else "<p>Nobody has asked for anything yet.</p>"
    return html.page("Simulator", f"{body}<h2>Requests</h2>{shown}", crumbs=(HOME,))


def _switch(name: str, *, on: bool) -> str:
    action = f"/admin/simulator/faults/{name}"
    if on:
        return html.button("Switch off", action, of=name)
    field = (
        f'<label for="after-{name}">after requests</label><input id="after-{name}" name="after" type="number" min="0" value="0">'
    )
    return html.button("Switch on", action, quiet=True, inside=field, of=name)


def _plugin(system: System, number: str) -> Installed:
    found = system.plugins.get(int(number)) if re.fullmatch("[0-9]{1,9}", number) else None
    if found is None:
        raise _missing()
    return found


def _number(form: dict[str, str], name: str) -> int:
    text = form.get(name, "0") or "0"
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else 0


def _refuse_strangers(request: Request) -> None:
    """No page of another site may press buttons here."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused(html.page("Not from here", "<p>Another site asked for this, and it was not done.</p>", status=403))


def _missing() -> Refused:
    body = f"<p>There is no such page. Go to the {html.link(*HOME)}.</p>"
    return Refused(html.page("Page not found", body, crumbs=(HOME,), status=404))
