"""Whatever an admin pastes as the address of PowerSchool becomes one form, or a sentence that says what is wrong with it."""

import pytest

from rollbook.connectors.powerschool.address import normalise
from rollbook.domain.errors import ConfigError


@pytest.mark.parametrize(
    ("pasted", "address"),
    [
        ("https://ps.example.org", "https://ps.example.org"),
        ("ps.example.org", "https://ps.example.org"),
        ("  https://ps.example.org/ \n", "https://ps.example.org"),
        ("\u200bhttps://ps.example.org\u00a0", "https://ps.example.org"),
        ("<https://ps.example.org>", "https://ps.example.org"),
        ("HTTPS://PS.Example.ORG//", "https://ps.example.org"),
        ("https://ps.example.org/admin/home.html", "https://ps.example.org"),
        ("ps.example.org/admin/home.html?x=1#top", "https://ps.example.org"),
        ("https://ps.example.org?frn=001", "https://ps.example.org"),
        ("//ps.example.org/teachers", "https://ps.example.org"),
        ("https://ps.example.org:8443/admin", "https://ps.example.org:8443"),
        ("ps.example.org:8443", "https://ps.example.org:8443"),
        ("https://ps.example.org:443", "https://ps.example.org"),
        ("https://ps.example.org.", "https://ps.example.org"),
        ("powerschool", "https://powerschool"),
        ("https://schüler.example", "https://xn--schler-5ya.example"),
        ("https://SCHÜLER.example", "https://xn--schler-5ya.example"),
        ("https://203.0.113.7:8443", "https://203.0.113.7:8443"),
        ("https://[2001:DB8::7]:8443/", "https://[2001:db8::7]:8443"),
    ],
)
def test_what_is_copied_from_a_browser_becomes_one_form(pasted: str, address: str) -> None:
    assert normalise(pasted) == address
    assert normalise(address) == address


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        ("", "is required"),
        (" \u200b ", "is required"),
        ("https://ps.example.org or ps2", "blank inside"),
        ("http://ps.example.org", "https:// only"),
        ("ftp://ps.example.org", "begins with ftp"),
        ("javascript://x", "begins with javascript"),
        ("https://", "no host name"),
        ("https:///admin/home.html", "no host name"),
        ("https://ps..example.org", "no host name"),
        ("https://-ps.example.org", "no host name"),
        ("https://ps%2eexample.org", "no host name"),
        ("https://ps.example.org:http", "host and a port"),
        ("https://ps.example.org:70000", "host and a port"),
        ("https://ps.example.org:0", "host and a port"),
        ("http:ps.example.org", "host and a port"),
        ("https://127.1", "no IPv4 address"),
        ("https://2130706433", "no IPv4 address"),
        ("https://[::1", "host and a port"),
        ("https://[::zz]", "host and a port"),
        ("https://[::%25eth0]", "no IPv6 address"),
        ("https://sch☃\u2028x.example", "blank inside"),
        ("https://a\u2260\u0301b\u202e.example", "letters that no host name may have"),
        (f"https://{'a' * 64}.example", "no host name"),
    ],
)
def test_what_cannot_be_an_address_is_refused_in_words(pasted: str, says: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        normalise(pasted)
    assert says in refusal.value.fields["address"]


def test_a_password_in_the_address_is_neither_taken_nor_repeated() -> None:
    with pytest.raises(ConfigError) as refusal:
        normalise("https://ada:hunter2@ps.example.org/")
    assert "name or password" in refusal.value.sentence
    assert "hunter2" not in refusal.value.sentence


def test_http_is_there_for_tests_on_this_machine_alone() -> None:
    assert normalise("http://127.0.0.1:8081/admin", allow_http=True) == "http://127.0.0.1:8081"
    assert normalise("ps.example.org", allow_http=True) == "https://ps.example.org"
