"""The module of labelling functions, run as it is, says what the rules say."""

import subprocess
import sys

import pytest

from configs.errors import AuditError
from tasks.data.matching import labels_of
from tasks.data.rules import Rule, Rules, Term, parse_rules
from tasks.remedies.functions import functions_module

WRITTEN = """
otherwise: other
rules:
- name: film words
  label: film
  keywords: [film, '#cinema', été]
  phrases: [box office]
- {name: "film-words", label: Film, keywords: [{term: Day, case: true}, {term: hope, unless: [i hope]}], unless: [rock band], weight: 3}
- {name: "times\\n'''", label: other, regex: '[0-9]{1,2}:[0-9]{2}', weight: 2}
- {name: "...", label: other, keywords: [tweet]}
"""
TEXTS = [
    "a Film", "films", "box \n office", "Day", "day", "Bob Hope", "I hope so", "Day of a rock band", "1:30 film", "Day 1:30", "tweet film", "#cinema", "ÉTÉ",
    "film's", "film'll", "nothing", "", "a 'quoted' \"text\"",
]  # fmt: skip


def run(source):
    names = {}
    exec(compile(source, "functions.py", "exec"), names)
    return names


def test_the_module_labels_texts_as_the_rules_do_and_imports_the_standard_library_alone():
    rules = parse_rules(WRITTEN, "x")
    source = functions_module(rules, ["other", "Film"])
    module = run(source)
    labels = {"film": 1, "Film": 1, "other": 0}
    assert [module["label"](text) for text in TEXTS] == [labels[label] for label in labels_of(rules, TEXTS)]
    assert [line for line in source.splitlines() if line.startswith(("import", "from"))] == ["import re"]
    assert [function.__name__ for function in module["FUNCTIONS"]] == ["lf_film_words", "lf_film_words_2", "lf_times", "lf_rule"]  # fmt: skip
    assert [module["FUNCTIONS"][1](text) for text in ("Day", "day", "Day of a rock band")] == [1, -1, -1]


def test_the_module_runs_in_a_process_of_its_own(tmp_path):
    rules = Rules((Rule("a", "film", (Term("keyword", "film"),)),))
    (tmp_path / "functions.py").write_text(functions_module(rules, ["other", "film"]), encoding="utf-8")
    said = "import functions; print(functions.label('a film'), functions.label('a book'), functions.ABSTAIN)"
    done = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {said}"], capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.split() == ["1", "-1", "-1"]


def test_a_pattern_that_python_does_not_know_is_a_sentence():
    rules = Rules((Rule("a", "film", (Term("regex", r"\p{Lu}film"),)),))
    with pytest.raises(AuditError, match="none of Python's `re`"):
        functions_module(rules, ["film"])
