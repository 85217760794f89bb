"""What an audit knows of a model, as Markdown for its model card."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from configs.schema import AuditConfig
from tasks.pages.banner import Banner
from tasks.pages.headlines import default_title, percent, signed
from tasks.pages.render import METHODS
from tasks.pages.sentences import visible

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def model_card(
    config: AuditConfig,
    run_id: str,
    overview: Mapping[str, Any],
    banner: Banner,
    findings: Sequence[Mapping[str, Any]],
    waived: Sequence[Mapping[str, Any]],
) -> str:
    """The card: the state, known shortcuts, data, method, waivers and limits."""
    lines = [
        f"## Audit of words: {_plain(default_title(config.model, config.data, config.name))}",
        "",
        f"**{_plain(banner.title)}.** {_plain(banner.text)}",
        "",
        "### Known shortcuts",
        "",
    ]
    lines += [shortcut(row) for row in findings] or ["None is shown. That is no proof that there is none."]
    lines += [
        "",
        "### Data",
        "",
        f"{overview['n_examples']:,} texts of {_plain(str(config.data.path or config.data.hub))}; the classifier is "
        f"right in {percent(overview['accuracy'], 1)} (95 % interval {percent(overview['accuracy_low'], 1)} to "
        f"{percent(overview['accuracy_high'], 1)}).",
        "",
        "### Method",
        "",
        f"{METHODS[config.attribution.summed].capitalize()} of every prediction, summed by word; then words were taken "
        f"out of real texts and put into others, each beside a placebo. Run {_plain(run_id)}.",
        "",
        "### Waivers",
        "",
    ]
    lines += [
        f"- {_plain(row['word'])} ({_plain(row['label'])}): {_plain(row['waiver_reason'])}, by "
        f"{_plain(row['waived_by'])}, until {row['waiver_expires']}"
        for row in waived
    ] or ["None."]
    lines += [
        "",
        "### Limits",
        "",
        "Only words that stand in enough of these texts can be judged. A verdict is a lead for a person to check, and "
        "holds for texts like these.",
    ]
    return "\n".join(lines) + "\n"


def shortcut(row: Mapping[str, Any]) -> str:
    """The line of a finding."""
    rate = "" if row["per_1000"] is None else f"; without it {row['per_1000']:.1f} of 1,000 predictions change"
    effect = "" if row["effect"] is None else f", {signed(row['effect'])} log-odds"
    type_ = "pair" if row["kind"] == "pair" else row["type"]
    return f"- {_plain(row['word'])} ({type_}) pushes towards {_plain(row['label'])}{effect}{rate}"


def _plain(text: str) -> str:
    """A text of the data: nothing in it is Markdown or HTML."""
    return _MARKUP.sub(r"\\\1", " ".join(visible(text).split()))
