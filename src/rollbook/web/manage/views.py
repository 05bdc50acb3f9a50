"""The Import Manager: Settings, Setup and Import of each source, in this order."""

from typing import Any, BinaryIO, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from rollbook.actions import archive, plugin, preferences, runs, sources, uploads
from rollbook.actions.progress import progress_of
from rollbook.domain.errors import ConfigError, Conflict, RollbookError, SourceError
from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState, Trigger
from rollbook.store import reads
from rollbook.store.models import Run
from rollbook.web.access import actor_of, needs
from rollbook.web.manage import powerschool
from rollbook.web.manage.forms import SettingsForm, setup_form, spoken, typed
from rollbook.web.manage.frame import frame
from rollbook.web.manage.receiving import TOO_MUCH
from rollbook.web.manage.summary import lines

#: Imports shown on the Import tab; the others are one link away.
RECENT = 10


@needs(Right.IMPORTS)
def start_page(request: HttpRequest) -> HttpResponse:
    """Go where the work is: Settings while there is no source, Setup while one is not set up, else Import."""
    found = reads.sources(actor_of(request).district)
    if not found:
        return redirect("source-new")
    unready = next((source for source in found if sources.missing(source)), None)
    if len(found) == 1 and unready:
        return redirect("source-setup", unready.pk)
    return redirect("source-import", found[0].pk)


@needs(Right.IMPORTS)
def new(request: HttpRequest) -> HttpResponse:
    """Add a source: its settings first, then its setup."""
    actor = actor_of(request)
    first = preferences.at_first(actor)
    form = SettingsForm(request.POST or None, initial=typed(first, sources.kinds()[0][0]))
    if request.method == "POST" and form.is_valid():
        try:
            source = preferences.add(actor, form.cleaned_data["kind"], form.preferences())
        except ConfigError as error:
            form.complain(error)
        else:
            then = "Say where its files are" if uploads.takes(source.kind) else "Follow the steps"
            messages.success(request, f"“{source.name}” has been added. {then}, then it can be imported.")
            return redirect("source-setup", source.pk)
    return render(request, "manage/settings.html", frame(request, None, "settings") | {"form": form})


@needs(Right.IMPORTS)
def settings(request: HttpRequest, source: int) -> HttpResponse:
    """Change a source's settings. Another method is asked about first."""
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    form = SettingsForm(request.POST or None, initial=typed(preferences.of(found), found.kind))
    if request.method == "POST" and form.is_valid():
        try:
            found = preferences.change(actor, found, form.preferences())
        except ConfigError as error:
            form.complain(error)
        else:
            if form.cleaned_data["kind"] != found.kind:
                return redirect("source-method", found.pk, form.cleaned_data["kind"])
            messages.success(request, "The settings have been saved.")
            return redirect("source-setup" if sources.missing(found) else "source-import", found.pk)
    left: dict[str, Any] = {}
    if not found.enabled:
        left = {"remains": archive.remains(found), "asked": archive.asked(found)}
    return render(request, "manage/settings.html", frame(request, found, "settings") | {"form": form} | left)


@needs(Right.IMPORTS)
def method(request: HttpRequest, source: int, kind: str) -> HttpResponse:
    """Ask before a source reads another kind of system, then do it."""
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    titles = dict(sources.kinds())
    if kind not in titles:
        raise ConfigError(f"There is no method called '{kind}'")
    if kind == found.kind:
        return redirect("source-settings", found.pk)
    if request.method == "POST":
        found = preferences.change_kind(actor, found, kind)
        messages.success(request, f"“{found.name}” now uses {titles[kind]}. Set it up before the next import.")
        return redirect("source-setup", found.pk)
    context = {"was": titles.get(found.kind, found.kind), "becomes": titles[kind]}
    return render(request, "manage/method.html", frame(request, found, "settings") | context)


@needs(Right.IMPORTS)
@require_POST
def enable(request: HttpRequest, source: int) -> HttpResponse:
    """Let a source run again; what it forgot when it was stopped is asked for first."""
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    if sources.forgotten(found):
        messages.warning(request, f"“{found.name}” stays stopped until its secret has been entered again.")
        return redirect("source-setup", found.pk)
    found = sources.set_enabled(actor, found, enabled=True)
    messages.success(request, f"“{found.name}” imports again.")
    return redirect("source-settings", found.pk)


@needs(Right.IMPORTS)
def disable(request: HttpRequest, source: int) -> HttpResponse:
    """Ask before a source is stopped, then do it."""
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    also = request.method == "POST" and request.POST.get("also") == "archive"
    if also and not found.enabled:
        return redirect("import", archive.ask(actor, found).pk)
    if not found.enabled:
        return redirect("source-settings", found.pk)
    if also:
        run = archive.disable(actor, found)
        messages.success(request, f"“{found.name}” is stopped. Nobody leaves before you say yes.")
        return redirect("import", run.pk)
    if request.method == "POST":
        found = sources.set_enabled(actor, found, enabled=False)
        messages.success(request, f"“{found.name}” is stopped. Its people and classes stay as they are.")
        return redirect("source-settings", found.pk)
    context = {
        "secret": sources.has_secrets(found.kind),
        "busy": Run.objects.filter(district_id=found.district_id, source=found, state=RunState.WORKING).first(),
    }
    return render(request, "manage/disable.html", frame(request, found, "settings") | context)


@needs(Right.IMPORTS)
def setup(request: HttpRequest, source: int) -> HttpResponse:
    """Show and change the settings of the chosen method; test them without saving."""
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    if found.kind == plugin.KIND:
        return powerschool.setup(request, found)
    secret = sources.known_secrets(found)
    plain = {name: value for name, value in found.settings.items() if not (name == "path" and uploads.is_uploaded(found))}
    form = setup_form(found.kind, secret)(request.POST or None, initial=plain)
    if uploads.is_uploaded(found):
        form.fields["path"].required = False
        form.fields["path"].help_text += " Leave empty to go on with the uploaded files."
    seen: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        values = {name: str(value or "") for name, value in form.cleaned_data.items()}
        if not values.get("path") and uploads.is_uploaded(found):
            values["path"] = found.settings["path"]
        try:
            if request.POST.get("do") == "test":
                seen = {"probe": sources.attempt(actor, found, values)}
            else:
                found = sources.change(actor, found, values)
                messages.success(request, "The setup has been saved.")
                return redirect("source-import", found.pk)
        except SourceError as error:
            seen = {"fault": error, "happened": str(error).rstrip(".")}
        except ConfigError as error:
            form.complain(error)
    context = {
        "form": form,
        "method": dict(sources.kinds()).get(found.kind, found.kind),
        "takes_files": uploads.takes(found.kind),
        "uploaded": uploads.uploaded_at(found),
        "limit": uploads.LIMIT >> 30,
        **seen,
    }
    return render(request, "manage/setup.html", frame(request, found, "setup") | context)


@needs(Right.IMPORTS)
@require_POST
def upload(request: HttpRequest, source: int) -> HttpResponse:
    """Take in uploaded files, in the place of those before."""
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    files = [(file.name or "", cast(BinaryIO, file.file)) for file in request.FILES.getlist("files")]
    try:
        if request.META.get(TOO_MUCH):
            raise ConfigError(
                f"The files are larger than {uploads.LIMIT >> 30} GB",
                next_step="Put them into a folder on the server and give its path instead.",
            )
        seen = uploads.keep(actor, found, files)
    except RollbookError as error:
        happened = (
            f"The files {error.fields['files']}" if isinstance(error, ConfigError) and "files" in error.fields else str(error)
        )
        messages.error(request, f"{happened.rstrip('.')}. Nothing was replaced. {error.next_step}")
    else:
        messages.success(request, f"The files are here. {seen.sentence}")
    return redirect("source-setup", found.pk)


@needs(Right.IMPORTS)
def imports(request: HttpRequest, source: int) -> HttpResponse:
    """Show what the last import did, what waits, and when the next one comes; start one."""
    found = preferences.by_number(actor_of(request), source)
    recent = list(Run.objects.filter(district_id=found.district_id, source=found).order_by("-pk")[:RECENT])
    done = Run.objects.filter(district_id=found.district_id, source=found, ended_at__isnull=False)
    last = done.exclude(trigger=Trigger.PREVIEW).exclude(state=RunState.QUEUED).order_by("-pk").first()
    waiting = Run.objects.filter(district_id=found.district_id, state=RunState.HELD).exclude(trigger=Trigger.PREVIEW)
    waits_or_works = [run for run in recent if run.state in (RunState.QUEUED, RunState.WORKING)]
    busy = min(waits_or_works, key=lambda run: run.state != RunState.WORKING, default=None)
    context = {
        "recent": recent,
        "last": last,
        "lines": lines(last) if last else [],
        "held": list(waiting.select_related("source").order_by("pk")),
        "busy": busy,
        "missing": sources.missing(found),
        "told": preferences.told(found),
        "times": [spoken(each) for each in found.times],
        **(progress_of(busy) if busy else {}),
    }
    return render(request, "manage/import.html", frame(request, found, "import") | context)


@needs(Right.IMPORTS)
@require_POST
def start(request: HttpRequest, source: int) -> HttpResponse:
    """Start an import, or a preview of one; while another is at work, say so."""
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    trigger = Trigger.PREVIEW if request.POST.get("do") == "preview" else Trigger.MANUAL
    if missing := sources.missing(found):
        messages.error(request, f"Nothing was started: {', '.join(missing)} is missing in the setup of “{found.name}”.")
        return redirect("source-setup", found.pk)
    try:
        run = runs.start(actor, found, trigger)
    except Conflict as error:
        messages.error(request, f"Nothing was started. {str(error).rstrip('.')}. {error.next_step}")
        return redirect("source-import", found.pk)
    return redirect("import", run.pk)
