"""The page on which a district chooses what its people are called when they sign in."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from rollbook.actions import usernames as rules
from rollbook.domain.rights import Right
from rollbook.domain.usernames import MEANINGS
from rollbook.domain.words import counted
from rollbook.web.access import actor_of, needs


@needs(Right.ACCOUNTS)
@require_http_methods(["GET", "POST"])
def usernames(request: HttpRequest) -> HttpResponse:
    """Show the rules, what one of them would do, and who cannot have what the rule gives; save a rule."""
    actor = actor_of(request)
    if request.method == "POST":
        done = rules.save(actor, rules.named(request.POST.get("rule", "")))
        said = counted(done.changed, "account got another username", "accounts got other usernames")
        messages.success(request, f"Saved: {MEANINGS[done.rule].title}. {said}.")
        return redirect("usernames")
    number, first = rules.conflicts(actor)
    now = rules.rule_of(actor)
    asked = request.GET.get("rule", "")
    tried = rules.plan(actor, rules.named(asked)) if asked else None
    chosen = tried.rule if tried else now
    return render(
        request,
        "accounts/usernames.html",
        {
            "rail": "settings",
            "rules": [(rule.value, MEANINGS[rule], rule == now, rule == chosen) for rule in MEANINGS],
            "now": MEANINGS[now],
            "tried": tried,
            "title": MEANINGS[chosen].title,
            "same": chosen == now,
            "conflicts": number,
            "first": first,
        },
    )
