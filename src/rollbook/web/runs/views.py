"""The page of one import: it reads like the review of a change that somebody proposes."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rollbook.actions import review, runs, uploads
from rollbook.actions.progress import progress_of
from rollbook.domain.changes import Change
from rollbook.domain.entities import BY_NAME
from rollbook.domain.gate import Kind, Threshold
from rollbook.domain.rights import Right
from rollbook.domain.runs import RunState
from rollbook.store.models import Measure, Run
from rollbook.store.notices import TRIES
from rollbook.store.runs import undone_by
from rollbook.web.access import actor_of, needs, secret
from rollbook.web.parts import bars
from rollbook.web.parts.paging import offset_of, pages
from rollbook.web.runs import said
from rollbook.web.templatetags.words import since, thing

MEASURES = 100

#: Where somebody lands who has not chosen a tab.
FIRST = {
    RunState.HELD: "changes",
    RunState.REJECTED: "changes",
    RunState.SUPERSEDED: "changes",
    RunState.APPLIED: "result",
}


@needs(Right.IMPORTS)
@require_safe
def show(request: HttpRequest, number: int, tab: str = "") -> HttpResponse:
    """Show an import: what it says of itself, and one of the tabs."""
    run = runs.get(actor_of(request), number)
    tab = tab or FIRST.get(RunState(run.state), "history")
    if tab not in TABS:
        raise Http404
    if request.headers.get("Seen-State", run.state) != run.state:  # a new tab under an old top would go on saying what was
        messages.info(request, f"This {thing(run)} is not what it was when you opened its page. Here it stands as it is now.")
        return HttpResponse(headers={"HX-Redirect": request.get_full_path()})
    page: dict[str, Any] = {"rail": "imports", "run": run, "tab": tab, "tabs": _tabs(run), **_state(run)}
    if run.state in (RunState.QUEUED, RunState.WORKING):
        page |= progress_of(run)
    elif request.headers.get("HX-Target") != "about":  # a change of tab shows the top as it stands
        page |= _top(run)
    return render(request, "runs/show.html", {**page, **TABS[tab](request, run)})


@needs(Right.IMPORTS)
@require_safe
def progress(request: HttpRequest, number: int) -> HttpResponse:
    """Show how far an import is; once it has ended, have the whole page loaded anew."""
    run = runs.get(actor_of(request), number)
    if run.state not in (RunState.QUEUED, RunState.WORKING):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "runs/_progress.html", {"run": run, **progress_of(run)})


@secret
@needs(Right.IMPORTS)
@require_safe
def changes_csv(request: HttpRequest, number: int) -> StreamingHttpResponse:
    """Give the changes, filtered as they are looked at, to a spreadsheet."""
    run = runs.get(actor_of(request), number)
    return _download(review.changes_csv(run, **_filters(request)), f"import-{run.pk}-changes.csv")


@secret
@needs(Right.IMPORTS)
@require_safe
def findings_csv(request: HttpRequest, number: int) -> StreamingHttpResponse:
    """Give the findings to a spreadsheet."""
    run = runs.get(actor_of(request), number)
    return _download(review.findings_csv(run, **_asked(request)), f"import-{run.pk}-findings.csv")


def _download(lines: Iterator[bytes], name: str) -> StreamingHttpResponse:
    def whole() -> Iterator[bytes]:
        yield "\ufeff".encode()  # without it, Excel takes the names for another alphabet
        yield from lines

    return StreamingHttpResponse(
        whole(), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _state(run: Run) -> dict[str, Any]:
    return {
        "held": run.state == RunState.HELD,
        "preview": run.trigger == "preview",
        "open": run.state in (RunState.QUEUED, RunState.WORKING),
        "applied": run.state == RunState.APPLIED,
        "number_changed": said.changed(run),
        "since_held": since(run.ended_at),
    }


def _top(run: Run) -> dict[str, Any]:
    page: dict[str, Any] = {
        "sentence": said.sentence(run),
        "further": said.further(run),
        "kinds": said.kinds(run),
        "schools": said.schools(run),
    }
    page |= {"closes": said.closes(run), "unsent": said.unsent(run)}
    if run.state == RunState.FAILED:
        page |= {"troubles": said.troubles(run), "uploaded": uploads.is_uploaded(run.source)}
    if run.state == RunState.HELD:
        page |= {"approval": said.approval(run), "doubt": said.doubt(run), "told": said.told(run), "waits": said.waits(run)}
    if run.state == RunState.APPLIED:
        page["undone"] = undone_by(run)
    return page


def _tabs(run: Run) -> list[tuple[str, str, str]]:
    measured = Measure.objects.filter(run=run)
    closed, all_of_them = measured.filter(closed=True).count(), measured.count()
    rows = sum(review.rows_kept(run).values())
    found = sum(run.findings.values())
    return [
        ("changes", "Changes", f"{said.changed(run):,}" if run.counts else ""),
        ("findings", "Findings", f"{found:,}" if run.counts else ""),
        ("limits", "Limits", f"{closed:,} of {all_of_them:,}" if all_of_them else ""),
        ("rows", "Rows", f"{rows:,}" if rows else ""),
        ("result", "Result", ""),
        ("history", "History", ""),
    ]


def _text(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "")[:200].replace("\0", "")  # PostgreSQL takes no NUL


def _filters(request: HttpRequest) -> dict[str, Any]:
    asked = {"kind": request.GET.get("kind"), "entity": request.GET.get("of"), "school": _text(request, "school") or None}
    return {
        "kind": asked["kind"] if asked["kind"] in list(Change) else None,
        "entity": asked["entity"] if asked["entity"] in BY_NAME else None,
        "school": asked["school"],
        "search": _text(request, "q"),
    }


def _asked(request: HttpRequest) -> dict[str, Any]:
    of = request.GET.get("of")
    return {
        "level": request.GET.get("level") or None,
        "rule": request.GET.get("rule") or None,
        "entity": of if of in BY_NAME else None,
        "search": _text(request, "q"),
    }


def _changes(request: HttpRequest, run: Run) -> dict[str, Any]:
    offset, filters = offset_of(request), _filters(request)
    page = review.changes(run, **filters, offset=offset)
    counts = review.counts(run)
    by_kind = {kind.value: sum(each.get(kind.value, 0) for each in counts.values()) for kind in review.KINDS}
    return {
        "rows": said.rows_of(run, page),
        "pages": pages(request, page.total, offset, anchor="#about"),
        "filters": filters,
        "query": request.GET.urlencode(),
        "by_kind": {kind: n for kind, n in by_kind.items() if n},
        "by_entity": {name: sum(each.values()) for name, each in counts.items()},
        "places": [(each.sourced_id, each.name) for each in sorted(review.schools(run), key=lambda each: each.name.casefold())],
        "kept": run.files_kept,
    }


def _findings(request: HttpRequest, run: Run) -> dict[str, Any]:
    offset, asked = offset_of(request), _asked(request)
    page = review.findings(run, **asked, offset=offset)
    return {
        "groups": review.finding_groups(run),
        "rows": page.rows,
        "pages": pages(request, page.total, offset, anchor="#about"),
        "filters": asked,
        "query": request.GET.urlencode(),
    }


def _limits(request: HttpRequest, run: Run) -> dict[str, Any]:
    offset = offset_of(request, MEASURES)
    measured = Measure.objects.filter(run=run).order_by("-closed", "pk")
    rows = [(measure, _meaning(measure), _against(measure)) for measure in measured[offset : offset + MEASURES]]
    return {"rows": rows, "pages": pages(request, measured.count(), offset, MEASURES, anchor="#about")}


def _meaning(measure: Measure) -> str:
    limit = Threshold(
        measure.entity, Kind(measure.kind), measure.role, measure.scope, measure.limit_percent, measure.floor, measure.limit_count
    )
    return limit.meaning


def _against(measure: Measure) -> Any:
    if measure.limit_count is not None:
        value, limit = float(measure.count), float(measure.limit_count)
    else:
        value, limit = (100 * measure.count / measure.of if measure.of else 0.0), measure.limit_percent or 100.0
    return bars.against_limit(value, limit, closed=measure.closed, label=measure.reason)


def _rows(request: HttpRequest, run: Run) -> dict[str, Any]:
    offset, kept = offset_of(request), review.rows_kept(run)
    of = request.GET.get("of", "")
    entity = of if of in kept else next(iter(kept), "")
    search = _text(request, "q")
    page = review.rows(run, entity, search=search, offset=offset) if entity else review.Page([], 0)
    columns = [name for name in page.rows[0] if name not in ("sourced_id", "source_file", "line")] if page.rows else []
    return {
        "by_entity": kept,
        "entity": entity,
        "search": search,
        "columns": columns,
        "rows": [(row["source_file"], row["line"], row["sourced_id"], [row[name] for name in columns]) for row in page.rows],
        "pages": pages(request, page.total, offset, anchor="#about"),
    }


def _result(request: HttpRequest, run: Run) -> dict[str, Any]:
    return {"trigger": TRIGGERS[run.trigger], "lines": [(line, said.COUNTED_AS.get(line["title"])) for line in run.summary]}


def _history(request: HttpRequest, run: Run) -> dict[str, Any]:
    return {"events": run.events.order_by("pk"), "mails": run.notices.order_by("pk"), "tries": TRIES}


TRIGGERS = {
    "manual": "by hand",
    "scheduled": "by the clock",
    "preview": "as a preview",
    "undo": "as an undo",
    "archive": "as an archive",
}

TABS: dict[str, Callable[[HttpRequest, Run], dict[str, Any]]] = {
    "changes": _changes,
    "findings": _findings,
    "limits": _limits,
    "rows": _rows,
    "result": _result,
    "history": _history,
}
