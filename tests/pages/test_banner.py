"""The first sentence a reader sees, in each state."""

import pytest

from tasks.pages.banner import banner

TOTAL = {
    "state": "Minor", "could_be_more": False, "per_1000": 3.21, "per_1000_low": -0.4, "per_1000_high": 6.8, "n_findings": 12,
    "n_alone": 0, "n_texts": 2000, "n_used": 249, "n_tried": 249, "n_powered": 170, "powered_share": 0.814, "n_needed": 14, "seen_effect": 0.3,
}  # fmt: skip
SEEN = "an effect of 0.3 log-odds in 14 texts would have been shown to move predictions with probability 0.8"
NONE = {"n_findings": 0, "per_1000": 0.0, "per_1000_low": 0.0, "per_1000_high": 0.0}


def told(**changed):
    return banner({**TOTAL, **changed})


def test_it_says_what_all_findings_do_together_and_what_would_have_been_seen():
    assert told() == (
        "Minor",
        "Without all 12 findings together, 3.2 of 1,000 predictions change (95 % interval 0.0 to 6.8) beyond those that "
        f"change without as many other words; {SEEN}; 170 of the 249 words that the model uses stand in as many as needed (81 % of their occurrences).",
    )


@pytest.mark.parametrize(
    ("changed", "title", "part"),
    [
        ({"could_be_more": True}, "Minor, could be more", "3.2 of 1,000"),
        ({"state": "Act", "n_findings": 1, "n_alone": 1}, "Act", "Without the one finding, 3.2 of 1,000"),
        ({"state": "Act", "n_alone": 2}, "Act", "other words; 2 of them change 5 or more alone; an effect"),
        ({"state": "No shortcut found", **NONE}, "No shortcut found", f"Nothing is spurious; {SEEN}; 170"),
        ({"state": "Too little data", **NONE, "n_powered": 30}, "Too little data", "; only 30 of the 249 words"),
        ({"n_tried": 200}, "Minor", "stand in as many as needed (81 % of their occurrences), and 49 were not tried."),
        ({"per_1000": None}, "Minor", "What all 12 findings do together could not be measured; an effect"),
        (
            {"state": "Too little data", **NONE, "n_needed": None},
            "Too little data",
            "An effect of 0.3 log-odds could not have been shown reliably: too few",
        ),
    ],
)
def test_each_state_has_its_sentence(changed, title, part):
    said = told(**changed)
    assert said.title == title
    assert part in said.text
    assert said.text.count(".\n") == 0
    assert said.text.endswith(".")


def test_two_texts_give_nothing_to_judge():
    said = told(state="Too little data", **NONE, n_used=0, n_powered=0, n_tried=0, n_texts=2)
    assert said == ("Too little data", "Nothing could be judged: 2 texts show no word that the model is seen to use.")
