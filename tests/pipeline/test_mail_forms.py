"""The fear that whoever reads mail as plain text learns less, or other things, than whoever reads it with its table."""

import re
from html import unescape

import pytest

from rollbook.store.models import Notice
from tests.district import Grove, edited, minus, small


def words(html: str) -> str:
    """Return what a mail program shows of HTML, with single spaces."""
    body = html.partition("<body")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", "<" + body)).split())


@pytest.mark.once
def test_both_forms_of_a_mail_say_the_same(district: Grove) -> None:
    district.applies(small(20))
    files = minus(small(20), *(f"p{number}" for number in range(11, 21)))
    district.sends(files | {"users": edited(files["users"], "p1", familyName="")})
    mails = Notice.objects.order_by("pk")
    assert {mail.outcome for mail in mails} == {"applied", "held"}
    for mail in mails:
        shown = words(mail.html).replace(" ,", ",")
        for line in mail.text.splitlines():
            said = line.strip().removeprefix("- ")
            title, colon, counts = said.partition(": read ")
            if colon:
                assert f"{title} read {counts}" in shown
            elif not said.startswith("The import: http"):
                assert said in shown
        assert mail.text.split("The import: ")[1].strip() in mail.html
