"""The limits of a source: each with its meaning, what was measured last, and what it would have held."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from rollbook.actions import limits as judging
from rollbook.actions import preferences, sources
from rollbook.actions.limits import BY_KEY, Figures, Judged
from rollbook.domain.errors import ConfigError
from rollbook.domain.gate import Kind, Threshold
from rollbook.domain.rights import Right
from rollbook.store.models import Measure
from rollbook.web.access import actor_of, needs
from rollbook.web.manage.frame import frame

FIGURES = ("percent", "floor", "count")
NO_SHARE, NO_NUMBER = "Write a figure, such as 10 or 2.5", "Write a whole number, such as 5"
NAMED = (Kind.DATES, Kind.TEACHERS, Kind.IDENTITY)
GROUPS = {
    "people": ("People", "Students, teachers, parents, staff and their roles at schools."),
    "classes": ("Schools, courses and classes", "Schools, terms, courses and classes."),
    "places": ("Places in classes", "Who is in which class."),
    "errors": ("Errors", "Rows that are left out because they break a rule, as a share of the rows of their file."),
    "named": ("Named kinds", "Changes that are small in number and large in effect."),
}


@dataclass
class Row:
    """One limit on the page."""

    limit: Threshold
    default: Threshold
    measure: Measure | None
    judged: Judged
    percent: str
    floor: str
    count: str
    wrong: dict[str, str]  # figure -> what to write

    @property
    def key(self) -> str:
        return self.limit.key

    @property
    def complaint(self) -> str:
        """Say what to write instead."""
        return ". ".join(self.wrong.values())

    @property
    def own(self) -> bool:
        return self.limit != self.default

    @property
    def filled(self) -> float:
        """Return how much of the limit the last import used up, in percent; 100 is the limit."""
        if self.measure is None:
            return 0.0
        if self.limit.count is not None:
            return min(100.0, 100 * self.measure.count / self.limit.count)
        share = 100 * self.measure.count / self.measure.of if self.measure.of else 0.0
        return min(100.0, 100 * share / self.limit.percent) if self.limit.percent else 0.0

    @property
    def said(self) -> str:
        """Say what was measured last."""
        if self.measure is None:
            return "not measured yet"
        m = self.measure
        of = f" of {m.of:,}" if m.of and self.limit.count is None else ""
        place = f", {m.scope_name or m.scope_id}" if m.scope_id else ""
        return f"{m.count:,}{of}{place}"


@needs(Right.IMPORTS)
def limits(request: HttpRequest, source: int) -> HttpResponse:
    """Show the limits; try, save or reset them."""
    actor = actor_of(request)
    found = preferences.by_number(actor, source)
    now = sources.limits(found)
    typed: dict[str, Figures] = {}
    wrong: dict[str, str] = {}
    tried = False
    if request.method == "POST":
        if key := request.POST.get("reset"):
            judging.reset(actor, found, key)
            messages.success(request, "The limit is the default one again.")
            return redirect("limits", found.pk)
        typed, wrong = read(request.POST, now)
        tried = request.POST.get("do") == "try"
        if not tried:
            try:
                changed = judging.save(actor, found, typed, wrong)
            except ConfigError as error:
                wrong = error.fields
            else:
                said = f"{len(changed)} limits have been changed." if len(changed) != 1 else "The limit has been changed."
                messages.success(request, said if changed else "Nothing was different, so nothing was changed.")
                return redirect("limits", found.pk)
    sensible = typed.keys() - {name.partition(":")[2] for name in wrong}
    shown = [judging.with_figures(each, typed[each.key]) if each.key in sensible else each for each in now]
    judged = judging.back_test(found, shown)
    run, measured = judging.last_measured(found)
    rows = [
        Row(
            limit,
            BY_KEY[limit.key],
            measured.get(limit.key),
            judged[limit.key],
            request.POST.get(f"percent:{limit.key}", _plain(limit.percent)),
            request.POST.get(f"floor:{limit.key}", str(limit.floor)),
            request.POST.get(f"count:{limit.key}", str(limit.count or "")),
            {figure: wrong[name] for figure in FIGURES if (name := f"{figure}:{limit.key}") in wrong},
        )
        for limit in shown
    ]
    groups = [(name, *words, [row for row in rows if group_of(row.limit) == name]) for name, words in GROUPS.items()]
    complaints = [(row.key, row.limit.meaning, row.complaint) for row in rows if row.complaint]
    context = {"groups": groups, "complaints": complaints, "measured": run, "tried": tried, "back": judging.BACK}
    return render(request, "manage/limits.html", frame(request, found, "limits") | context, status=400 if wrong else 200)


def group_of(limit: Threshold) -> str:
    """Say in which group of the page a limit stands."""
    if limit.kind is Kind.ERROR:
        return "errors"
    if limit.kind in NAMED:
        return "named"
    if limit.entity == "enrollment":
        return "places"
    return "people" if limit.entity in ("person", "role", "guardianship") else "classes"


def read(form: QueryDict, now: tuple[Threshold, ...]) -> tuple[dict[str, Figures], dict[str, str]]:
    """Read the figures that were typed, and say by the names of the fields which make no sense.

    A limit that is not in the form stays as it is.
    """
    typed: dict[str, Figures] = {}
    wrong: dict[str, str] = {}
    for limit in now:
        figures = FIGURES[2:] if limit.count is not None else FIGURES[:2]
        if f"{figures[0]}:{limit.key}" not in form:
            continue
        found: dict[str, Any] = {"floor": limit.floor}
        for figure in figures:
            name = f"{figure}:{limit.key}"
            try:
                found[figure] = _share(form.get(name, "")) if figure == "percent" else _whole(form.get(name, "1"))
            except ValueError:
                wrong[name] = NO_SHARE if figure == "percent" else NO_NUMBER
        if found.keys() >= set(figures):
            typed[limit.key] = Figures(**found)
            faults = judging.with_figures(limit, typed[limit.key]).faults
            wrong |= {f"{figure}:{limit.key}": text for figure, text in faults.items()}
    return typed, wrong


def _share(text: str) -> float:
    percent = float(text.strip().removesuffix("%").replace(",", "."))
    if not isfinite(percent):
        raise ValueError
    return percent


def _whole(text: str) -> int:
    number = int(text.strip().replace(",", ""))
    if not 0 <= number < 1_000_000_000:
        raise ValueError
    return number


def _plain(percent: float | None) -> str:
    return "" if percent is None else f"{percent:g}"
