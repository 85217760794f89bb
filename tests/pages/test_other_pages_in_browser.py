"""The pages beside the report, in a real browser: a retraining, a comparison, the history of a config.

The page of explained texts has its tests beside those of its content.
"""

from datetime import datetime

import pytest

from flows.compare import compare
from tasks.pages.history import history_page
from tests.pages.axe import require_nothing_of_axe
from tests.pages.test_fix_page import page_of
from tests.pages.world import opened
from tests.stages.kept import FACTS, enter, verdict

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def fix_page(folder):
    (folder / "fix.html").write_text(page_of())
    return folder / "fix.html"


def comparison(folder):
    """One finding more than the night before, and a group of texts that suffers."""
    path = folder / "audits.duckdb"
    enter(path, "films_1", 1, groups=[("day", "film", 40, 30)])
    words = {"day": (50, 0.5), "film": (80, 0.9), "zorp": (40, 0.4)}
    found = [verdict(), verdict("zorp", per_1000=9.0, per_1000_high=12.0)]
    enter(path, "films_2", 2, data="d2", n_findings=2, verdicts=found, words=words, groups=[("zorp", "film", 40, 10)])
    return compare(path, "films_2", "last")[1]


def history(folder):
    """Three nights; the newest acts on a word."""
    states = ("No shortcut found", "Minor", "Act")
    runs = [
        {**FACTS, "run_id": f"films_{day}", "name": "films", "state": state, "finished_at": datetime(2026, 11, day, 3)}
        for day, state in enumerate(states, start=1)
    ]
    found = [{"run_id": "films_3", "word": "day", "label": "film", "kind": "word", "status": "spurious"}]
    (folder / "history.html").write_text(history_page("films", runs[::-1], found))
    return folder / "history.html"


@pytest.mark.parametrize("make", [fix_page, comparison, history])
def test_a_page_asks_for_nothing_fits_any_screen_and_axe_finds_nothing_closed_or_opened(browser, make, tmp_path):
    written = make(tmp_path)
    with opened(browser, written) as page:
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.seen == []
    with opened(browser, written, bypass_csp=True) as page:
        require_nothing_of_axe(page)
