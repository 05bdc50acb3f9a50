"""The setup of a PowerSchool source: a walk of four steps, in the words of PowerSchool's own menus."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from rollbook.actions import plugin, powerschool, preferences, runs, sources
from rollbook.actions.powerschool import Tested
from rollbook.domain.errors import ConfigError, Conflict
from rollbook.domain.rights import Right
from rollbook.store.models import Source
from rollbook.web.access import actor_of, needs, secret
from rollbook.web.manage.forms import Spoken, setup_form
from rollbook.web.manage.frame import frame

#: What a form says if an import is to follow.
GO_ON = "continue"


def setup(request: HttpRequest, source: Source) -> HttpResponse:
    """Show the steps; test or keep the credentials. Another answer about devices is asked about before it is kept."""
    actor = actor_of(request)
    form = blank(source)(request.POST or None, initial={"district": source.district.name} | source.settings)
    tested = None
    if request.method == "POST" and form.is_valid():
        values = {name: str(value or "") for name, value in form.cleaned_data.items()}
        go_on = request.POST.get("do") == GO_ON
        try:
            if request.POST.get("do") == "test":
                tested = powerschool.try_connection(actor, source, values)
            else:
                before, wanted = source.settings.get("devices", ""), values["devices"]
                asks = before not in ("", wanted) and powerschool.has_students(source)
                source = sources.change(actor, source, values | ({"devices": before} if asks else {}))
                if asks:
                    then = f"&then={GO_ON}" if go_on else ""
                    return redirect(f"{reverse('source-devices', args=[source.pk])}?to={wanted}{then}")
                if go_on:
                    return begin(request, source)
                messages.success(request, "The setup has been saved.")
                return redirect("source-setup", source.pk)
        except ConfigError as error:
            form.complain(error)
    return page(request, source, form, tested)


def begin(request: HttpRequest, source: Source) -> HttpResponse:
    """Test what is kept; if it works, import, and show how far that is. A stopped source imports again from now on."""
    actor = actor_of(request)
    tested = powerschool.try_connection(actor, source, source.settings)
    if tested.fault:
        return page(request, source, blank(source)(initial=source.settings), tested, kept=True)
    try:
        if not source.enabled:
            source = sources.set_enabled(actor, source, enabled=True)
        run = runs.start(actor, source)
    except Conflict as error:
        messages.warning(request, f"The setup has been saved. Nothing was started: {str(error).rstrip('.')}. {error.next_step}")
        return redirect("source-import", source.pk)
    return redirect("import", run.pk)


@needs(Right.IMPORTS)
def devices(request: HttpRequest, source: int) -> HttpResponse:
    """Show what another answer about the students' devices would mean for the present students, then keep it."""
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    wanted, go_on = request.GET.get("to", ""), request.GET.get("then") == GO_ON
    judged = powerschool.judge(actor, found, wanted)
    if request.method == "POST":
        found = powerschool.set_devices(actor, found, wanted)
        if go_on:
            return begin(request, found)
        messages.success(request, f"Student Devices is now “{judged.becomes}”.")
        return redirect("source-setup", found.pk)
    return render(request, "manage/devices.html", frame(request, found, "setup") | {"judged": judged, "go_on": go_on})


@secret
@needs(Right.IMPORTS)
@require_safe
def package(request: HttpRequest, source: int) -> HttpResponse:
    """Hand out the plugin as PowerSchool installs it."""
    return _download(request, source, bare=False)


@secret
@needs(Right.IMPORTS)
@require_safe
def description(request: HttpRequest, source: int) -> HttpResponse:
    """Hand out the bare plugin.xml, to be read before anything is installed."""
    return _download(request, source, bare=True)


def _download(request: HttpRequest, source: int, *, bare: bool) -> HttpResponse:
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    guardians = request.GET.get("guardians") == "yes"
    file = powerschool.download(actor, found, guardians=guardians, bare=bare)
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(file.content, content_type=file.kind, headers=headers)


def blank(source: Source) -> type[Spoken]:
    """Return the form of a source's credentials."""
    return setup_form(source.kind, sources.known_secrets(source))


def page(request: HttpRequest, source: Source, form: Spoken, tested: Tested | None = None, *, kept: bool = False) -> HttpResponse:
    """Return the page of the four steps; `kept` says that what was tested has been saved."""
    context: dict[str, Any] = {
        "form": form,
        "method": dict(sources.kinds())[source.kind],
        "tested": tested,
        "happened": str(tested.fault).rstrip(".") if tested and tested.fault else "",
        "kept": kept,
        "fragment": bool(request.headers.get("HX-Request")),
        "tables": plugin.tables(),
        "versions": {"without": plugin.version(guardians=False), "with": plugin.version(guardians=True)},
        "newest": plugin.releases()[0],
        "downloaded": powerschool.downloaded(source),
        "forgotten": not source.enabled and sources.forgotten(source),
    }
    return render(request, "manage/powerschool.html", frame(request, source, "setup") | context)
