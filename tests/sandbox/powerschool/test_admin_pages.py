"""What an admin clicks: install, enable, look up the credentials, delete; and the switches of the simulation."""

import re

import httpx2
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser

from rollbook.sandbox.powerschool.server import PowerSchool
from tests.sandbox.powerschool import small
from tests.sandbox.powerschool.conftest import Client

PLUGINS = "/admin/plugins.html"
JUDGE = """async () => (await axe.run({resultTypes: ['violations']})).violations.flatMap(
    each => each.nodes.map(node => `${each.id}: ${node.html.slice(0, 160)}: ${(node.failureSummary || '').slice(0, 300)}`))"""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


class Admin:
    """Somebody at the admin's pages."""

    def __init__(self, simulated: PowerSchool) -> None:
        self.http = httpx2.Client(base_url=simulated.url, verify=False, trust_env=False, follow_redirects=True)

    def sees(self, path: str) -> str:
        return self.http.get(path).text

    def uploads(self, name: str, content: bytes) -> httpx2.Response:
        return self.http.post("/admin/plugins/install.html", files={"file": (name, content)})

    def presses(self, path: str, **form: str) -> httpx2.Response:
        return self.http.post(path, data=form)


@pytest.fixture
def admin(simulated: PowerSchool) -> Admin:
    return Admin(simulated)


def test_a_plugin_is_installed_enabled_and_its_credentials_work(admin: Admin, simulated: PowerSchool, client: Client) -> None:
    page = admin.uploads("other.zip", small.zipped(name="Other Roster"))
    own = page.url.path
    assert "Other Roster" in page.text and "disabled" in page.text
    assert "do not work yet" in admin.sees(f"{own}/data.html")
    asked = admin.presses(f"{own}/switch", enabled="on")
    assert asked.url.path == f"{own}/enable.html" and "GUARDIANEMAIL" in asked.text and "third party" in asked.text
    admin.presses(f"{own}/enable.html")
    keys = re.findall(r"<code>([0-9a-f-]{36})</code>", admin.sees(f"{own}/data.html"))
    simulated._plugin = next(each for each in simulated.plugins if each.package.name == "Other Roster")
    assert keys == [simulated.client_id, simulated.client_secret]
    assert client.get("/ws/v1/district").status_code == 200
    admin.presses(f"{own}/switch")
    assert client.get("/ws/v1/district").status_code == 401


def test_a_refused_plugin_is_told_why(admin: Admin) -> None:
    page = admin.uploads("broken.zip", small.zipped(name="Broken", fields=("STUDENTS.SHOE_SIZE",)))
    assert page.status_code == 400 and "no column SHOE_SIZE" in page.text
    assert "Broken" not in admin.sees(PLUGINS)
    assert admin.uploads("a.zip", b"no zip").status_code == 400
    assert "neither" in admin.uploads("a.exe", b"").text


def test_the_level_the_page_sizes_and_the_interval_are_the_admins(admin: Admin, simulated: PowerSchool) -> None:
    own = f"/admin/plugins/{simulated.plugin.number}"
    sizes = dict.fromkeys(simulated.plugin.page_sizes, "250")
    admin.presses(f"{own}/data.html", level="NONE", **sizes)
    assert simulated.plugin.v1_level == "NONE" and set(simulated.plugin.page_sizes.values()) == {250}
    admin.presses("/admin/api_settings.html", interval="250")
    assert simulated.minimum_interval_ms == 250


def test_new_credentials_and_deletion(admin: Admin, simulated: PowerSchool) -> None:
    own, old = f"/admin/plugins/{simulated.plugin.number}", simulated.client_id
    admin.presses(f"{own}/regenerate")
    assert simulated.client_id != old
    admin.presses(f"{own}/delete.html")
    assert "No plugin is installed" in admin.sees(PLUGINS)
    assert admin.http.get(own).status_code == 404


def test_faults_and_nights_are_switched_by_hand(admin: Admin, simulated: PowerSchool) -> None:
    today = simulated.clock.today()
    admin.presses("/admin/simulator/tomorrow")
    assert (simulated.clock.today() - today).days == 1
    admin.presses("/admin/simulator/faults/cut", after="2")
    assert simulated.faults.is_on("cut")
    admin.presses("/admin/simulator/faults/cut")
    assert not simulated.faults.is_on("cut")


def test_requests_are_shown_and_what_they_hold_stays_text(admin: Admin, client: Client) -> None:
    client.query(body={"schoolid": "<script>"})
    page = admin.sees("/admin/simulator.html")
    assert "&lt;script&gt;" in page and "<script>" not in page


def test_another_site_cannot_press_buttons_here(admin: Admin, simulated: PowerSchool) -> None:
    answer = admin.http.post(
        f"/admin/plugins/{simulated.plugin.number}/delete.html", headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 403 and simulated.plugins.get(simulated.plugin.number)


def test_the_root_is_the_start_page_and_strange_addresses_are_nothing(admin: Admin) -> None:
    assert admin.http.get("/").url.path == "/admin/home.html"
    assert admin.http.get("/admin/plugins/zzz").status_code == 404
    assert admin.presses("/admin/nothing").status_code == 404


@pytest.mark.browser
def test_no_page_shuts_anybody_out(simulated: PowerSchool, client: Client, browser: Browser) -> None:
    client.query()
    own = f"/admin/plugins/{simulated.plugin.number}"
    paths = [
        *("/admin/home.html", "/admin/system.html", "/admin/system_settings.html", "/admin/api_settings.html", PLUGINS),
        *("/admin/plugins/install.html", own, f"{own}/enable.html", f"{own}/data.html", f"{own}/delete.html"),
        *("/admin/simulator.html", "/admin/nothing"),
    ]
    wrong = []
    for scheme, width, looked_at in (("light", 1300, paths), ("dark", 320, paths[4::3])):
        context = browser.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 900})
        page = context.new_page()
        for path in looked_at:
            page.goto(simulated.url + path)
            page.evaluate(AXE_SCRIPT)
            wrong += [f"{path} {scheme}: {each}" for each in page.evaluate(JUDGE)]
            wrong += [f"{path}: wider than {width}"] if page.evaluate(WIDER) else []
        context.close()
    assert not wrong, "\n".join(wrong)
