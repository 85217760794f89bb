"""The report in a real browser: what it draws, asks for and runs, and how it is read without a mouse or scripts."""

import re

import pytest

from tasks.pages.headlines import anchor
from tests.pages.axe import require_nothing_of_axe
from tests.pages.world import EVIL, TAG, opened

FOUND = f"[id='{anchor('word', TAG, 'good')}']"
"""The place of the one spurious word."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_page_draws_every_chart_asks_for_nothing_and_runs_nothing_of_the_data(browser, page_path):
    with opened(browser, page_path) as page:
        # kinds, effects, quadrant, a chart for each of the two labels
        assert page.locator(".chart > svg").count() == 5
        assert page.evaluate("window.hit") is None
        assert page.locator("img, iframe, a[href^='javascript']").count() == 0
        assert TAG in page.locator("h1").inner_text()
        assert f"Audit of {TAG}" in page.locator(".brand").inner_text()
        assert page.locator(f"{FOUND} .word").first.inner_text() == TAG
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
            page.locator(f"{FOUND} .text").first.focus()
            # lovely, film, the comma, the tag, seen, and back
            for key in ["ArrowRight"] * 5 + ["ArrowLeft"]:
                page.keyboard.press(key)
        else:
            getattr(page.locator(f"{FOUND} i.f").first, way)()
        shown = f"getComputedStyle(document.querySelector(\"{FOUND} i.f\"), '::after').content"
        # the tag scores 0.8 + 18 / 1000 in the last text of its label
        assert page.evaluate(shown).endswith('+0.82"')


def test_a_sentence_is_one_tab_stop(browser, page_path):
    with opened(browser, page_path) as page:
        focused = f'[...document.querySelectorAll("{FOUND} .text")].indexOf(document.activeElement)'
        page.locator(f"{FOUND} .text").first.focus()
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
        split, name = anchor("split", "awful", EVIL), anchor("name", "1999", EVIL)
        inside = [link[1:] for link in links if link.startswith("#")]
        assert [link for link in links if not link.startswith("#")] == ["exports/words.json"]
        assert [link for link in inside if page.locator(f"[id='{link}']").count() != 1] == []
        page.locator(f"a[href='#{split}']").click()
        assert page.locator(f"[id='{split}'] .sentence").first.is_visible()
        assert page.locator(f"[id='{split}'] .sentence").count() == 2
        page.locator("#names > details").first.evaluate("details => details.open = true")
        page.locator(f"a[href='#{name}']").click()
        assert page.locator(f"[id='{name}'] .sentence i.f").all_inner_texts() == ["1999", "1999"]
        assert page.locator(f"#hints a[href='#{anchor('word', TAG, 'good')}']").inner_text() == TAG


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
        assert page.locator("#chart-quadrant-0 svg").is_visible()
        assert page.locator("#tried tbody tr:visible").count() == page.locator("#tried tbody tr").count() > 1
        assert page.locator(".tools").is_hidden()
        assert page.locator("pre.copy").first.is_visible()
        assert page.locator("#labels > details:not([open]) tbody tr").count() > 3
        assert page.locator("#quality > details:not([open]) tbody tr").count() == 20
        label = page.locator(f"{FOUND} i.f").first.get_attribute("aria-label")
        assert label.endswith("+0.82")


def test_the_words_that_were_tried_are_searched_filtered_and_sorted(browser, page_path):
    with opened(browser, page_path) as page:
        rows = page.locator("#tried tbody tr:visible")
        every = rows.count()
        page.locator("#find").fill("AWF")
        assert [text.split()[0] for text in rows.locator("td:first-child").all_inner_texts()] == ["awful"]
        assert page.locator("#found").inner_text() == f"1 of {every}"
        page.locator("#find").fill("")
        page.locator("#by-verdict").select_option("spurious")
        assert rows.count() == 1
        page.locator("#by-verdict").select_option("")
        page.get_by_role("button", name="Texts", exact=True).click()
        assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
        numbers = [int(text) for text in rows.locator("td:nth-child(6)").all_inner_texts()]
        assert numbers == sorted(numbers, reverse=True)
        assert len(numbers) == every


def test_a_word_in_pieces_is_coloured_as_a_whole_until_its_tokens_are_asked_for(browser, page_path):
    with opened(browser, page_path) as page:
        word = page.locator("i.whole").first
        assert word.text_content() == "Awful", "no sign stands in a word"
        score = float(word.get_attribute("aria-label").split()[-1].replace("−", "-"))
        # Two pieces of half the score each.
        page.locator(".switch").first.click()
        tokens = word.locator("i.t")
        halves = [float(token.get_attribute("aria-label").split()[-1].replace("−", "-")) for token in tokens.all()]
        assert sum(halves) == pytest.approx(score, abs=0.011)
        assert word.get_attribute("aria-label") is None


def test_axe_finds_nothing_closed_or_opened_in_the_light_and_in_the_dark(browser, page_path):
    with opened(browser, page_path, bypass_csp=True) as page:
        require_nothing_of_axe(page)


def test_escape_hides_the_score_of_a_word_and_the_first_tab_stop_skips_to_the_findings(browser, page_path):
    with opened(browser, page_path) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.hash") == "#main"
        page.locator(f"{FOUND} .text").first.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.tagName") == "I"
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.className") == "text"


def test_on_paper_are_findings_and_method_and_no_lists(browser, page_path):
    with opened(browser, page_path) as page:
        page.emulate_media(media="print")
        for part in ("h1", ".banner", "#findings", ".cards .do", ".cards .copy", "#spurious", "#audit"):
            assert page.locator(part).first.is_visible(), part
        for part in ("nav", "#browser", "#tried", "button", "details"):
            assert page.locator(part).first.is_hidden(), part
        assert 1 <= len(re.findall(rb"/Type /Page\b", page.pdf(format="A4"))) <= 6
