"""The files that a page is put together from."""

from importlib.resources import files

import jinja2
import pytest
from jinja2 import meta, nodes

PACKAGE = files("tasks.pages")
PAGES = {
    "report.html.jinja",
    "explained.html.jinja",
    "fix.html.jinja",
    "vocabulary.html.jinja",
    "compare.html.jinja",
    "history.html.jinja",
}
TEMPLATES = [
    entry for folder in (PACKAGE, PACKAGE / "report") for entry in folder.iterdir() if entry.suffix == ".jinja"
]


def tree_of(name):
    return jinja2.Environment().parse(PACKAGE.joinpath(name).read_text(encoding="utf-8"))


def named_in(name):
    """Templates, style sheets and scripts that a template names."""
    tree = tree_of(name)
    inlined = {call.args[0].value for call in tree.find_all(nodes.Call) if getattr(call.node, "name", None) == "own"}
    return inlined | set(meta.find_referenced_templates(tree))


def test_every_file_of_the_pages_is_used_and_every_one_that_is_used_is_in_the_package():
    """What is missing here is missing in an installed copy too: its files are those of the package."""
    waiting, found = set(PAGES), set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        if name.endswith(".jinja"):
            waiting |= named_in(name) - found
    entries = [*PACKAGE.iterdir(), *(PACKAGE / "report").iterdir()]
    there = {entry.relative_to(PACKAGE).as_posix() for entry in entries if entry.is_file() and entry.suffix != ".py"}
    # What the rules and the verdicts say is read by a module.
    assert found | {"rules.csv", "verdicts.csv"} == there


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_no_template_turns_the_escaping_off(template):
    tree = tree_of(template.relative_to(PACKAGE).as_posix())
    assert [node for node in tree.find_all(nodes.Filter) if node.name == "safe"] == []
    assert list(tree.find_all((nodes.ScopedEvalContextModifier, nodes.MarkSafe, nodes.MarkSafeIfAutoescape))) == []
