"""What the audit log has about one account, for those who may read the log, and for its holder."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from rollbook.store import entries
from rollbook.web.access import account_of, secret, signed_in


@secret
@signed_in
def my_history(request: HttpRequest) -> HttpResponse:
    """Show everybody what was done to their own account, and by whom."""
    mine = account_of(request)
    place = request.GET.get("before", "")
    sought = entries.Sought(concerns=mine.pk)
    rows, after = entries.page(mine.district_id, sought, int(place) if place.isdecimal() and len(place) < 19 else None)
    return render(request, "accounts/my_history.html", {"tab": "history", "entries": rows, "after": after})
