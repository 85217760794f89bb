"""The report in a real browser: what it draws, asks for and runs, and how it is read without a mouse or scripts."""

import pytest

from tests.pages.world import TAG, opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_page_draws_every_chart_asks_for_nothing_and_runs_nothing_of_the_data(browser, page_path):
    with opened(browser, page_path) as page:
        # kinds, effects, quadrant, a chart for each of the two labels, types, fragmentation, gaps, completeness
        assert page.locator(".chart svg").count() == 9
        assert page.evaluate("window.hit") is None
        assert page.locator("img, iframe, a[href^='javascript']").count() == 0
        assert page.locator("h1").inner_text() == f"Audit of {TAG}"
        assert page.locator("#spurious-1 .word").first.inner_text() == TAG
        assert "{{ 7*7 }} javascript:window.hit=1" in page.locator("#example-0").inner_text()
        assert "\\u202Egnp\\u202C␇" in page.locator("#example-0").inner_text()
        assert page.seen == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_never_scrolls_sideways(browser, page_path, width):
    with opened(browser, page_path, width) as page:
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        outside = """width => [...document.querySelectorAll('header *, nav *, main *')]
            .filter(e => !e.closest('svg') && !e.parentElement.closest('.scroll'))
            .filter(e => e.getBoundingClientRect().right > width + 0.5)
            .map(e => e.outerHTML.slice(0, 120))"""
        assert page.evaluate(outside, width) == []


@pytest.mark.parametrize("way", ["hover", "click", "keys"])
def test_a_token_shows_its_score(browser, page_path, way):
    with opened(browser, page_path) as page:
        if way == "keys":
            page.locator("#spurious-1 .text").first.focus()
            # lovely, film, the comma, the tag, seen, and back
            for key in ["ArrowRight"] * 5 + ["ArrowLeft"]:
                page.keyboard.press(key)
        else:
            getattr(page.locator("#spurious-1 i.f").first, way)()
        shown = "getComputedStyle(document.querySelector('#spurious-1 i.f'), '::after').content"
        # the tag scores 0.8 + 18 / 1000 in the last text of its label
        assert page.evaluate(shown).endswith('+0.82"')


def test_a_sentence_is_one_tab_stop(browser, page_path):
    with opened(browser, page_path) as page:
        focused = "[...document.querySelectorAll('#spurious-1 .text')].indexOf(document.activeElement)"
        page.locator("#spurious-1 .text").first.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.ariaLabel") == "Lovely +2.02"
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == 1
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.textContent") == "seen"
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.textContent") == "seen", "a sentence ends at its last token"


def test_every_link_has_a_target_and_opens_the_sentences_behind_it(browser, page_path):
    with opened(browser, page_path) as page:
        links = page.eval_on_selector_all("a", "links => links.map(link => link.getAttribute('href'))")
        assert {"#name-1", "#word-1", "#spurious-1"} <= set(links)
        assert [link for link in links if page.locator(link).count() != 1] == []
        page.locator("a[href='#word-1']").click()
        assert page.locator("#word-1 .sentence").first.is_visible()
        assert page.locator("#word-1 .sentence").count() == 2
        page.locator("a[href='#name-1']").click()
        assert page.locator("#name-1 .sentence i.f").all_inner_texts() == ["1999", "1999"]
        assert page.locator("#hints a[href='#spurious-1']").inner_text() == TAG


def test_another_sentence_is_chosen_with_the_keyboard(browser, page_path):
    with opened(browser, page_path) as page:
        assert page.locator("#browser .example:visible").count() == 1
        assert page.locator("#example-0").is_visible(), "the one mistake comes first"
        page.locator("#choice").focus()
        page.keyboard.press("ArrowDown")
        chosen = page.locator("#choice").input_value()
        assert chosen != "example-0"
        assert page.locator(f"#{chosen}").is_visible()
        assert page.locator("#example-0").is_hidden()


def test_without_scripts_tables_and_all_sentences_are_there(browser, page_path):
    with opened(browser, page_path, java_script_enabled=False) as page:
        assert page.locator("#spurious table.found").is_visible()
        assert page.locator("#predictions table").first.is_visible()
        assert page.locator("#browser .example:visible").count() == 12
        assert page.locator("#choice").is_hidden()
        assert "needs scripts" in page.locator("#chart-quadrant").inner_text()
        assert page.locator("#labels > details:not([open]) tbody tr").count() > 3
        assert page.locator("#quality > details:not([open]) tbody tr").count() == 20
        label = page.locator("#spurious-1 i.f").first.get_attribute("aria-label")
        assert label.endswith("+0.82")
