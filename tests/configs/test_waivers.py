"""Words that somebody answers for, until a day."""

from datetime import date

import pytest

from configs.errors import ConfigError
from configs.waivers import Waiver, load_waivers
from warehouse import folded

WAIVER = "word: Kane\n  reason: his film\n  owner: desk\n  expires: 2027-06-30"


def waivers(tmp_path, text):
    path = tmp_path / "waivers.yaml"
    path.write_text(text)
    return load_waivers(path, folded)


def test_waivers_are_read_and_none_is_no_waiver(tmp_path):
    expected = Waiver(word="kane", reason="his film", owner="desk", expires=date(2027, 6, 30))
    assert waivers(tmp_path, f"- {WAIVER}\n") == (expected,)
    assert waivers(tmp_path, f"- {WAIVER.replace('Kane', '1999')}\n")[0].word == "1999"
    assert waivers(tmp_path, "") == load_waivers(None, folded) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WAIVER.replace("\n ", "\n").replace("\n ", "\n"), "found {"),
        ("- kane\n", "entry 1 is 'kane'"),
        ("- word: kane\n  reason: r\n  expires: 2027-06-30\n", "entry 1 has no `owner`"),
        (f"- {WAIVER}\n  until: never\n", "entry 1 has `until`, which is not known"),
        (f"- {WAIVER.replace('2027-06-30', 'soon')}\n", "entry 1 has 'soon' as `expires`"),
        (f"- {WAIVER}\n- {WAIVER}\n", "'Kane' is waived twice"),
        (f"- {WAIVER.replace('Kane', 'ΚΟΣΜΟΣ')}\n- {WAIVER.replace('Kane', 'κοσμος')}\n", "'κοσμος' is waived twice"),
    ],
)
def test_a_malformed_file_of_waivers_is_one_clear_sentence(tmp_path, text, said):
    with pytest.raises(ConfigError) as caught:
        waivers(tmp_path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_waivers_that_is_not_there_is_one_clear_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_waivers(tmp_path / "no.yaml", folded)
