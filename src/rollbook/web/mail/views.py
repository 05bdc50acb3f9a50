"""Mail that a demo kept instead of sending it."""

import email
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override

from rollbook.domain.rights import Right
from rollbook.web.access import needs, secret

PAGE = 50
NAME = re.compile(r"^[\w.-]+\.eml$", re.ASCII)

#: Nothing but the letters of the mail and their style: no script, no picture, no address.
STRICT = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "frame-ancestors": ["'self'"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "sandbox": ["allow-top-navigation-by-user-activation"],
}


@dataclass(frozen=True)
class Mail:
    """One mail as a person reads it."""

    name: str
    subject: str
    sender: str
    to: str
    at: datetime | None
    text: str = ""
    html: str = ""


@secret
@needs(Right.IMPORTS)
def mail(request: HttpRequest) -> HttpResponse:
    """List the mails, newest first."""
    asked = request.GET.get("page", "1")
    page = min(int(asked), 1000) if asked.isdecimal() and int(asked or 1) else 1
    names = sorted((path.name for path in folder().glob("*.eml") if NAME.match(path.name)), reverse=True)
    shown = names[(page - 1) * PAGE : page * PAGE]
    more = page + 1 if len(names) > page * PAGE else None
    return render(
        request,
        "mail/mail.html",
        {"rail": "mail", "mails": [read(name, body=False) for name in shown], "total": len(names), "next": more},
    )


@secret
@needs(Right.IMPORTS)
def one(request: HttpRequest, name: str) -> HttpResponse:
    """Show one mail."""
    return render(request, "mail/one.html", {"rail": "mail", "mail": read(name)})


@secret
@needs(Right.IMPORTS)
@xframe_options_sameorigin
@csp_override(STRICT)
def html(request: HttpRequest, name: str) -> HttpResponse:
    """Show a mail the way that a mail program does."""
    return HttpResponse(read(name).html)


def folder() -> Path:
    """Return where mails are kept. Raises Http404 unless this is a demo that keeps them."""
    if not settings.DEMO or not settings.MAIL_FOLDER:
        raise Http404
    return Path(settings.MAIL_FOLDER)


def read(name: str, *, body: bool = True) -> Mail:
    """Read one mail. Raises Http404."""
    path = folder() / name
    if not NAME.match(name) or not path.is_file():
        raise Http404
    with path.open("rb") as file:
        message = email.message_from_binary_file(file, _class=EmailMessage, policy=default)
    date = message["Date"]
    return Mail(
        name,
        str(message["Subject"] or "No subject"),
        str(message["From"] or ""),
        str(message["To"] or ""),
        parsedate_to_datetime(str(date)) if date else None,
        content(message, "plain") if body else "",
        content(message, "html") if body else "",
    )


def content(message: EmailMessage, kind: str) -> str:
    """Return one of the two forms of a mail's text."""
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
