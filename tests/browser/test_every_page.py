"""The fear that some page, in some state that nobody looked at, shuts somebody out."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.template.loader import get_template
from django.test import Client
from django.test.signals import template_rendered
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from playwright.sync_api import BrowserContext, Page

from rollbook.domain.runs import RunState
from rollbook.store.models import Account, Run
from tests.browser import door_scenes, own_scenes, provider_scenes, scenes
from tests.browser.scenes import Scene
from tests.signing_in import passes

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

#: Where pictures of all pages are left for people to look at, if anywhere.
PICTURES = os.environ.get("ROLLBOOK_TEST_PICTURES")

#: Colours do not depend on the width, nor what fits on the colours: two looks say almost as much as all four.
LOOKS = (("light", 1300), ("dark", 320), *((("dark", 1300), ("light", 320)) if os.environ.get("ROLLBOOK_TEST_LOOKS") else ()))
#: Whether a text stands out takes axe longer than all else together. It follows from the text's own colour and size and from
#: what is painted beneath it, so axe looks at the first texts of a kind that it meets on any page.
JUDGE = """async known => {
    const painted = new Map([[null, '']]), before = new Set(known.split('\\n')), met = new Map();
    const beneath = one => {
        if (!painted.has(one)) {
            const {backgroundColor, backgroundImage, opacity, filter, position} = getComputedStyle(one);
            painted.set(one, [backgroundColor, backgroundImage, opacity, filter, position, beneath(one.parentElement)].join());
        }
        return painted.get(one);
    };
    for (const one of document.body.querySelectorAll('*')) {
        delete one.dataset.first;
        const says = one.value || one.placeholder || [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!says) continue;
        const {color, fontSize, fontWeight, textShadow} = getComputedStyle(one), {width, height} = one.getBoundingClientRect();
        const shown = one.checkVisibility({opacityProperty: true, visibilityProperty: true}) && width > 1 && height > 1;
        const off = one.closest(':disabled, [aria-disabled=true], label:has(:disabled)') !== null;
        const kind = [one.localName, color, fontSize, fontWeight, textShadow, shown, off, beneath(one)].join();
        if (before.has(kind)) continue;
        met.set(kind, (met.get(kind) || 0) + 1);
        if (met.get(kind) <= 2) one.dataset.first = '';
    }
    axe.configure({rules: [{id: 'color-contrast', selector: '[data-first]'}]});
    const wrong = (await axe.run({resultTypes: ['violations']})).violations.flatMap(each => each.nodes.map(
        node => `${each.id}: ${node.html.slice(0, 160)}: ${(node.failureSummary || '').slice(0, 300)}`));
    return {wrong, kinds: [...met.keys()]};
}"""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
CUT_OFF = """() => [...document.querySelectorAll('.sheet > table')].some(table => {
    const sheet = table.parentElement
    return table.scrollWidth > sheet.clientWidth + 1 && getComputedStyle(sheet).overflowX === 'clip'
})"""


@pytest.mark.longest
def test_every_page_in_every_state_shuts_nobody_out(
    window: BrowserContext, live_server: Any, transactional_db: None, settings: Any, tmp_path: Path
) -> None:
    settings.DEMO, settings.MAIL_FOLDER = True, str(tmp_path / "mail")
    settings.MAILERS = {"default": {"BACKEND": "rollbook.lib.mail.FolderBackend", "OPTIONS": {"folder": settings.MAIL_FOLDER}}}
    page = window.new_page()
    page.add_init_script(AXE_SCRIPT)
    broken = get_template("500.html")
    page.route("**/broken/", lambda route: route.fulfill(body=broken.render(), content_type="text/html"), times=1)
    rendered: set[str] = set()
    template_rendered.connect(listens := lambda template, **more: rendered.add(str(template.name)), weak=False)
    wrong, visited = [], set()
    known: set[str] = set()
    for scene in acts(tmp_path):
        enter(window, live_server.url, scene.who)
        wrong += [f"{scene.name}: {each}" for each in judged(page, scene, known)]
        if scene.name != "broken":
            visited.add(resolve(scene.address.partition("?")[0]).url_name if scene.name != "nowhere" else "")
    template_rendered.disconnect(listens)
    assert not wrong, "\n".join(wrong)
    nobody = addresses() - visited - scenes.NO_PAGES - provider_scenes.NO_PAGES - door_scenes.NO_PAGES - own_scenes.NO_PAGES
    assert not nobody, "these pages are judged by nobody; add them to tests/browser/scenes.py"
    assert not templates() - rendered, "these templates are in no page that is judged; add one to tests/browser/scenes.py"
    assert set(Run.objects.values_list("state", flat=True)) == set(RunState)


def acts(home: Path) -> Iterator[Scene]:
    """Go through all pages in the order in which an installation grows."""
    yield from scenes.first_start()
    scenes.nobody_yet()
    yield from scenes.empty()
    made = scenes.prepared(home)
    yield from scenes.stranger()
    yield from scenes.others()
    yield from own_scenes.homes(made)
    yield from scenes.administrator(made)
    yield from door_scenes.door()
    yield from provider_scenes.provided()


def enter(window: BrowserContext, address: str, who: str) -> None:
    """Be somebody, or nobody."""
    window.clear_cookies()
    if who:
        client = Client()
        passes(client, Account.objects.get(email=f"{who}@maple.example"))
        window.add_cookies([{"name": key, "value": each.value, "url": address} for key, each in client.cookies.items()])


def judged(page: Page, scene: Scene, known: set[str]) -> list[str]:
    """Return what is wrong with a page, however it is looked at; `known` grows by the kinds of text on it."""
    wrong = []
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto("about:blank" if scene.html else scene.address)
    if scene.html:
        page.set_content(scene.html)
    scene.act(page)
    for colours, width in LOOKS:
        page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
        if page.viewport_size != {"width": width, "height": 900}:
            page.set_viewport_size({"width": width, "height": 900})
        found = page.evaluate(JUDGE, "\n".join(known))  # one long text goes there in no time, a thousand short ones do not
        known.update(found["kinds"])
        wrong += [f"{each} ({colours}, {width})" for each in found["wrong"]]
        if page.evaluate(WIDER):
            wrong.append(f"scrolls sideways at {width} pixels")
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/{scene.name}-{colours}-{width}.png", full_page=True)
    for width in (1024, 900, 390):
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate(WIDER):
            wrong.append(f"scrolls sideways at {width} pixels")
        if page.evaluate(CUT_OFF):
            wrong.append(f"a table is cut off at {width} pixels, and does not scroll")
    return wrong


def addresses() -> set[str]:
    """Name every address of the screens."""

    def names(patterns: Any) -> Iterator[str]:
        for each in patterns:
            if isinstance(each, URLResolver):
                yield from names(each.url_patterns)
            elif isinstance(each, URLPattern):
                yield str(each.name)

    return set(names(get_resolver().url_patterns))


def templates() -> set[str]:
    """Name every template of the screens."""
    from rollbook import web

    folder = Path(web.__path__[0]) / "templates"
    return {str(path.relative_to(folder)) for path in folder.rglob("*.html")}
