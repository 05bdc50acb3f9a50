"""What every page knows: who is here, and how many imports wait for an answer."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from rollbook.domain.runs import RunState, Trigger
from rollbook.store.models import Run
from rollbook.web.access import account_of, actor_of


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """Return what the frame around every page shows."""
    known: dict[str, Any] = {"demo": settings.DEMO}
    if getattr(request, "user", None) is not None and request.user.is_authenticated:
        account = account_of(request)
        held = Run.objects.filter(district_id=account.district_id, state=RunState.HELD).exclude(trigger=Trigger.PREVIEW)
        known |= {"account": account, "district": account.district, "held_count": held.count()}
        known["may"] = {right.value: True for right in actor_of(request).rights}
    return known
