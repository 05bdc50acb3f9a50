"""What people see when something cannot be done: what happened, what was left untouched, what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from rollbook.domain.errors import Conflict, NotAllowed, NotFound, RollbookError

STATUS: tuple[tuple[type[RollbookError], int], ...] = ((NotFound, 404), (NotAllowed, 403), (Conflict, 409))


def answer(request: HttpRequest, error: RollbookError) -> HttpResponse:
    """Return the page of an error."""
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 400 if error.exit_code == 2 else 500)
    return render(request, "problem.html", {"error": error, "happened": str(error).rstrip(".")}, status=status)
