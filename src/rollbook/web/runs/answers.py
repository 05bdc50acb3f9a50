"""The answers that a person gives to an import: each is asked once more on a page of its own, and given by POST."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from rollbook.actions import archive, runs
from rollbook.domain.errors import Conflict, StaleChangeset
from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState, Trigger
from rollbook.store.models import Run
from rollbook.web.access import actor_of, needs
from rollbook.web.manage.forms import spoken
from rollbook.web.runs import said
from rollbook.web.templatetags.words import state_of, thing


@needs(Right.IMPORTS)
@require_http_methods(["GET", "POST"])
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Say yes to exactly what was looked at; a worker then applies it."""
    actor = actor_of(request)
    run = runs.get(actor, number)
    if request.method == "POST":
        return _answered(request, run, lambda: runs.approve(actor, number, request.POST.get("seen", "")))
    if run.state != RunState.HELD:
        return _too_late(request, run)
    page = {"rail": "imports", "run": run, "seen": request.GET.get("seen", run.digest), "kinds": said.kinds(run)}
    words = {"approval": said.approval(run), "leaving": said.leaving(run), "doubt": said.doubt(run)}
    return render(request, "runs/approve.html", page | words)


@needs(Right.IMPORTS)
@require_http_methods(["GET", "POST"])
def reject(request: HttpRequest, number: int) -> HttpResponse:
    """Say no, with a reason."""
    actor = actor_of(request)
    run = runs.get(actor, number)
    because = request.POST.get("because", "").strip()
    if because:
        stops = request.POST.get("stops") == "yes"
        then = " Nothing is imported by the clock until somebody sets times." if stops else ""
        done = f"Rejected. Nothing has been changed.{then}"
        return _answered(request, run, lambda: runs.reject(actor, number, because, stops_clock=stops), done)
    if run.state != RunState.HELD:
        return _too_late(request, run)
    missing = request.method == "POST"
    page = {"rail": "imports", "run": run, "missing": missing, "times": [spoken(each) for each in run.source.times]}
    return render(request, "runs/reject.html", page, status=400 if missing else 200)


@needs(Right.IMPORTS)
@require_http_methods(["GET", "POST"])
def undo(request: HttpRequest, number: int) -> HttpResponse:
    """Ask for the reverse of an applied import, which is an import of its own."""
    actor = actor_of(request)
    run = runs.get(actor, number)
    if request.method == "POST":
        also = request.POST.get("also_changed") == "yes"
        return _answered(request, run, lambda: runs.undo(actor, number, also_changed=also))
    if run.state != RunState.APPLIED:
        return _too_late(request, run)
    page = {"rail": "imports", "run": run, "kinds": said.kinds(run), "number_changed": said.changed(run)}
    return render(request, "runs/undo.html", page)


@needs(Right.IMPORTS)
@require_POST
def again(request: HttpRequest, number: int) -> HttpResponse:
    """Run an import again: an undo as an undo, a preview as a preview, an archive as an archive. Not if it has moved on since."""
    actor = actor_of(request)
    run = runs.get(actor, number)
    if request.POST.get("seen", run.state) != run.state:
        return _answered_meanwhile(request, run)
    undone = run.undo_of_id
    if undone is not None:
        return _answered(request, run, lambda: runs.undo(actor, undone, also_changed=run.also_changed))
    if run.trigger == Trigger.ARCHIVE:
        return _answered(request, run, lambda: archive.ask(actor, run.source))
    trigger = Trigger.PREVIEW if run.trigger == Trigger.PREVIEW else Trigger.MANUAL
    return _answered(request, run, lambda: runs.start(actor, run.source, trigger))


def _answered(request: HttpRequest, run: Run, ask: Callable[[], Run], done: str = "") -> HttpResponse:
    """Give an answer, and go to the import that came of it; where somebody was first, say so on the page."""
    try:
        made = ask()
    except StaleChangeset as error:
        messages.warning(request, error.sentence)
        return redirect("import", run.source.run_set.latest("pk").pk)
    except Conflict as error:
        messages.error(request, error.sentence)
        return redirect("import", run.pk)
    if done:
        messages.success(request, done)
    return redirect("import", made.pk)


def _too_late(request: HttpRequest, run: Run) -> HttpResponse:
    messages.error(request, "This import does not wait for that answer any more. Look at what has become of it.")
    return redirect("import", run.pk)


def _answered_meanwhile(request: HttpRequest, run: Run) -> HttpResponse:
    act = "rejected" if run.state == RunState.REJECTED else "approved"
    word, *_ = state_of(run)
    moved = f"{run.answered_by} has {act} it meanwhile" if run.answered_by else f"By now its state is “{word}”"
    messages.error(request, f"This {thing(run)} was not run again. {moved}. Look at what has become of it.")
    return redirect("import", run.pk)
