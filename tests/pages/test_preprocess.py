"""Patterns as regular expressions."""

import json
import re

import pytest

from tasks.pages.preprocess import preprocess_file, regex_of


@pytest.mark.parametrize(
    ("kind", "pattern", "text", "rest"),
    [
        ("shape", "00/00", "seen 04/17 and 4/17 or 04/177", "seen and 4/17 or 04/177"),
        ("shape", "00000+", "call 1234567 or 1234", "call or 1234"),
        ("shape", "[a]", "[Quote] He said [Ölaf] so", "He said so"),
        ("shape", "<A_0>", "by <PERSON_3> and <PERSON_33>", "by and <PERSON_33>"),
        ("shape", "+%a\\|", "+%zinc\\| is", "is"),
        ("shape", "a+a", "weber+teal a film", "a film"),
        ("element", "<div>", "<DIV class=x>so</div> <divide>", "so <divide>"),
        ("opening", "on 0 * wrote: …", "On 12 Monday wrote:\nyes", "yes"),
        ("opening", "on 0 * wrote: …", "yes, on 12 Monday wrote: no", "yes, on 12 Monday wrote: no"),
        ("ending", "… sent from *", "yes Sent from Mars", "yes"),
        ("shape", "aaa+", "Sooo goood noooo good", "good"),
        ("companions", "marble & quill", "Quill so quilled, marble", "so quilled,"),
        (
            "address",
            "*@state.edu",
            "by <kim.lee@State.edu> or a@b.state.edu or a@state.edu.au",
            "by <> or a@b.state.edu or a@state.edu.au",
        ),
        ("address", "*/t.co", "see http://t.co/aB3 and www.t.co, not http://at.co/x", "see and , not http://at.co/x"),
        ("line", "from: * sent", "so\nFrom: Kim Sent\nit is", "so\nit is"),
        ("line", "from: * sent", "so from: Kim sent it", "so from: Kim sent it"),
    ],
)
def test_what_takes_a_pattern_out_of_a_text_leaves_the_rest(kind, pattern, text, rest):
    assert re.sub(regex_of(kind, pattern), "", text).strip() == rest


def test_what_does_not_match_its_own_texts_is_not_proposed():
    class Rows:
        def rows(self, path, params):
            facts = {"label": "a", "effect": 1.0, "effect_low": 0.5, "effect_high": 1.5}
            return [
                {"type": "shape", "pattern": "00/00", "texts": ["so 04/17", "12/31 it is"], **facts},
                {"type": "shape", "pattern": "[a]", "texts": ["no bracket"], **facts},
            ]

    (found,) = json.loads(preprocess_file(Rows()))
    assert found["tests"] == [{"before": "so 04/17", "after": "so"}, {"before": "12/31 it is", "after": "it is"}]
    assert re.sub(found["regex"], found["replacement"], "so 04/17").strip() == "so"
