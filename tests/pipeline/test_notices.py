"""The mails, to a real SMTP server: who gets which, what they say, and what becomes of one that fails."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from rollbook.actions import notices, sources
from rollbook.domain.runs import Trigger
from rollbook.lib import clock
from rollbook.store.models import District, Notice, Run
from rollbook.store.notices import TRIES
from tests.district import Clock, Files, Grove, edited, minus, small, user, write
from tests.postbox import Postbox, listening, smtp


@pytest.fixture
def postbox(settings: Any) -> Iterator[Postbox]:
    with listening(settings) as box:
        yield box


def no_parents() -> Files:
    files = minus(small(), "g1")
    return files | {"users": edited(files["users"], "p1", agentSourcedIds="")}


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_held_import_sends_both_mails_to_everybody_on_the_list(imported: Grove, postbox: Postbox) -> None:
    notices.send()
    postbox.mails.clear()
    sources.set_told(imported.ada, imported.source, ["ada@maple.example", "Ben@Maple.example"])

    run = imported.sends(no_parents())
    assert notices.send() == (4, 0)

    for to in ("ada@maple.example", "ben@maple.example"):
        assert postbox.subjects(to) == [
            "Check Your Data: Maple Grove, lincoln is on hold",
            "Import Results: Maple Grove, lincoln, on hold",
        ]
    assert notices.send() == (0, 0), "nobody is mailed twice"
    assert not Notice.objects.exclude(state="sent").exists()
    for _, message in postbox.mails:
        for kind in ("plain", "html"):
            text = body(message, kind)
            assert f"/imports/{run.pk}/" in text
            assert "What was written?" in text and "Nothing. The roster is as it was." in text
            assert "What happens next?" in text and "Until then no import of this source is applied." in text
            assert "Who was told?" in text and "2 people" in text
            assert "Where is it recorded?" in text and "audit log" in text
            assert run.reasons[0] in text.replace("&#x27;", "'")


@pytest.mark.once
def test_a_clean_import_sends_its_results_with_shares_of_something_named(district: Grove, postbox: Postbox) -> None:
    district.applies(small(10))
    notices.send()
    postbox.mails.clear()
    district.sends(small(11))
    notices.send()

    (to, message), *more = postbox.mails
    assert (to, more) == (district.account.email, [])
    assert message["subject"] == "Import Results: Maple Grove, lincoln, applied"
    for kind in ("plain", "html"):
        text = body(message, kind)
        assert "1 (10.0 % of 10)" in text and "active before" in text
        assert "You alone" in text and "The next import runs as planned." in text
    assert "Users – Students: read 11, added 1 (10.0 % of 10), changed 0, removed 0, returned 0, unchanged 10, errors 0" in body(
        message, "plain"
    )


@pytest.mark.once
def test_the_table_of_the_mail_is_the_summary_of_the_run(district: Grove, postbox: Postbox) -> None:
    files = small()
    files["users"] = [*edited(files["users"], "p1", familyName=""), user("q1", "aide")]
    run = district.applies(files)
    notices.send()
    text = body(postbox.mails[0][1], "plain")
    assert run.summary
    for line in run.summary:
        assert f"{line['title']}: read {line['read']:,}, " in text
    assert run.findings["error"] and "left out as faulty" in text


def test_a_row_with_two_faults_is_one_row_wherever_it_is_counted(imported: Grove, postbox: Postbox) -> None:
    files = small()
    files["users"] = edited(files["users"], "p1", givenName="", familyName="")
    run = imported.sends(files)
    assert run.findings["error"] == 2 and " 1 row was left out as faulty; " in run.message
    notices.send()
    text = body(postbox.mails[-1][1], "plain")
    assert "with 1 row left out as faulty." in text and "unchanged 3, errors 1 (" in text


def test_a_question_in_a_mail_ends_as_a_question(district: Grove, postbox: Postbox) -> None:
    files = small(9)
    district.applies(files)
    run = district.sends(files | {"users": [each | {"sourcedId": f"new-{each['sourcedId']}"} for each in files["users"]]})
    assert "Did the source change its ids? " in run.message
    notices.send()
    for kind in ("plain", "html"):
        text = body(postbox.mails[-1][1], kind)
        assert "Did the source change its ids?" in text and "?." not in text


@pytest.mark.once
@pytest.mark.parametrize("ending", ["failed", "applied", "held"])
def test_no_mail_names_anybody(district: Grove, postbox: Postbox, ending: str) -> None:
    named = small()
    named["users"] = edited(
        named["users"], "p1", givenName="Quetzal", familyName="Xanthippe", email="quetzal@xanthippe.example", username="qxan"
    )
    district.applies(named)
    files = {"failed": named, "applied": minus(named, "p2"), "held": no_parents()}[ending]
    files["users"] = edited(files["users"], "p1", givenName="Quetzal", familyName="", email="p2@maple.example", username="u.p3")
    write(district.folder, files)
    if ending == "failed":
        (district.folder / "users.csv").write_bytes(
            (district.folder / "users.csv").read_bytes() + b'p9,,,true,"Xanthippe, Quetzal'
        )
    run = district.runs()
    assert run.state == ending
    notices.send()
    for _, message in postbox.mails:
        for text in (message["subject"], body(message, "plain"), body(message, "html")):
            for private in ("Quetzal", "Xanthippe", "qxan", "p2@maple", "u.p3", "Fp2", "Gp2"):
                assert private not in text


def test_a_preview_tells_nobody(district: Grove, postbox: Postbox) -> None:
    district.sends(small(), Trigger.PREVIEW)
    assert notices.send() == (0, 0) and not Notice.objects.exists()


@pytest.mark.once
def test_a_failed_import_tells_what_to_do_next(district: Grove, postbox: Postbox) -> None:
    district.folder.rmdir()
    district.runs()
    notices.send()
    (_, message), *_ = postbox.mails
    assert message["subject"] == "Import Results: Maple Grove, lincoln, failed"
    assert "Check the path in the settings" in body(message, "plain")


def test_nobody_on_the_list_is_no_mail_and_no_crash(district: Grove, postbox: Postbox) -> None:
    sources.set_told(district.ada, district.source, [])
    assert district.sends(small()).state == "applied"
    assert notices.send() == (0, 0)


def test_a_mail_that_fails_is_seen_and_tried_again(district: Grove, postbox: Postbox, monkeypatch: pytest.MonkeyPatch) -> None:
    at = Clock(datetime(2026, 11, 17, 12, tzinfo=UTC))
    monkeypatch.setattr(clock, "now", at)
    postbox.refuses = "ada"
    sources.set_told(district.ada, district.source, ["ada@maple.example", "ben@maple.example"])
    district.sends(small())

    assert notices.send() == (1, 1), "one that fails does not keep the others"
    failed = Notice.objects.get(to="ada@maple.example")
    assert (failed.state, failed.attempts) == ("waiting", 1) and failed.error
    assert notices.send() == (0, 0), "not at once"

    at.at += timedelta(minutes=1)
    postbox.refuses = None
    assert notices.send() == (1, 0)
    failed.refresh_from_db()
    assert (failed.state, failed.error) == ("sent", "") and failed.sent_at == at.at


def test_a_mail_is_given_up_in_the_end_and_stays_visible(district: Grove, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at = Clock(datetime(2026, 11, 17, 12, tzinfo=UTC))
    monkeypatch.setattr(clock, "now", at)
    settings.MAILERS = smtp(1)  # nobody listens there
    district.sends(small())
    for _ in range(TRIES):
        assert notices.send() == (0, 1)
        at.at += timedelta(days=1)
    assert notices.send() == (0, 0)
    notice = Notice.objects.get()
    assert (notice.state, notice.attempts) == ("failed", TRIES) and notice.error


def test_one_mail_that_cannot_be_written_does_not_stop_the_worker(district: Grove, postbox: Postbox) -> None:
    District.objects.update(name="Maple\nGrove")
    sources.set_told(district.ada, district.source, ["jörg@exämple.example"])
    district.sends(small())
    District.objects.update(name="Maple Grove")
    sources.set_told(district.ada, district.source, ["ada@maple.example"])
    district.sends(small(5))

    notices.send()

    assert postbox.subjects("ada@maple.example") == ["Import Results: Maple Grove, lincoln, applied"]
    odd = Notice.objects.get(to="jörg@exämple.example")
    assert odd.state == "waiting" and odd.error


def test_two_workers_never_send_the_same_mail(district: Grove, postbox: Postbox) -> None:
    """The second reads the same list, and finds each mail taken."""
    district.sends(small())
    notice = Notice.objects.get()
    Notice.objects.filter(pk=notice.pk).update(attempts=1, next_at=clock.now() + timedelta(minutes=1))  # the first has it
    assert notices.send() == (0, 0) and not postbox.mails


def test_notices_and_outcome_come_together(district: Grove) -> None:
    for files in (small(), small(5), no_parents()):
        run = district.sends(files)
        assert Run.objects.get(pk=run.pk).notices.filter(kind="results").count() == 1
