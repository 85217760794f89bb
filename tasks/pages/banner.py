"""The state of an audit in a title and one sentence: on the page, in the terminal and in Prefect."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tasks.trials.thresholds import ACT_ALONE, POWER
from warehouse import Warehouse


class Banner(NamedTuple):
    """What a reader should know first."""

    title: str
    """The state."""
    text: str
    """One sentence."""

    def __str__(self) -> str:
        return f"{self.title}. {self.text}"


def read_banner(warehouse: Warehouse) -> Banner:
    """The state of the run whose schema `warehouse` uses."""
    (total,) = warehouse.rows("report/total", {})
    return banner(total)


def banner(total: Mapping[str, Any]) -> Banner:
    """The state of an audit from its row of the table `total` (warehouse/remove/total.sql)."""
    title = f"{total['state']}, could be more" if total["could_be_more"] else str(total["state"])
    if total["n_used"] == 0:
        own = "Nothing could be judged" if total["n_findings"] == 0 else f"Little could be judged, but {_done(total)}"
        return Banner(title, f"{own}: {_texts(total['n_texts'])} show no word that the model is seen to use.")
    said = [_seen(total)]
    if total["n_findings"]:
        said.insert(0, _done(total))
    elif total["state"] == "No shortcut found":
        said.insert(0, "nothing is spurious")
    sentence = "; ".join(said)
    return Banner(title, f"{sentence[0].upper()}{sentence[1:]}.")


def _done(total: Mapping[str, Any]) -> str:
    """What the findings do together."""
    one = total["n_findings"] == 1
    found = "the one finding" if one else f"all {total['n_findings']:,} findings"
    if total["per_1000"] is None:
        return f"what {found} {'does' if one else 'do'} together could not be measured"
    # Fewer than the control is none.
    rate, low, high = (max(total[f"per_1000{end}"], 0.0) for end in ("", "_low", "_high"))
    together = "" if one else " together"
    alone = ""
    if total["n_alone"] and not one:
        verb = "changes" if total["n_alone"] == 1 else "change"
        alone = f"; {total['n_alone']:,} of them {verb} {ACT_ALONE:g} or more alone"
    return (
        f"without {found}{together}, {rate:.1f} of 1,000 predictions change (95 % interval {low:.1f} to {high:.1f}) "
        f"beyond those that change without as many other words{alone}"
    )


def _seen(total: Mapping[str, Any]) -> str:
    """What the audit could have seen."""
    few = "only " if total["state"] == "Too little data" else ""
    used = (
        f"{few}{total['n_powered']:,} of the {total['n_used']:,} words that the model uses stand in as many as needed "
        f"({100 * total['powered_share']:.0f} % of their occurrences)"
    )
    untried = total["n_used"] - total["n_tried"]
    used = f"{used}, and {untried:,} were not tried" if untried else used
    if total["n_needed"] is None:
        return (
            f"an effect of {total['seen_effect']:g} log-odds could not have been shown reliably: too few words were "
            "tried, or what they do differs too much between texts"
        )
    return (
        f"an effect of {total['seen_effect']:g} log-odds in {_texts(total['n_needed'])} would have been shown to move "
        f"predictions with probability {POWER:g}; {used}"
    )


def _texts(number: int) -> str:
    return f"{number:,} text" if number == 1 else f"{number:,} texts"
