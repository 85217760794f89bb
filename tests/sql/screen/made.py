"""Which rules and types the queries of screening can make, read from their text."""

import csv
import re
from pathlib import Path

WAREHOUSE = Path(__file__).parents[3] / "warehouse"


def named_in(path):
    """Ids of rules that a query writes out."""
    code = re.sub(r"--.*", "", (WAREHOUSE / f"{path}.sql").read_text(encoding="utf-8"))
    return set(re.findall(r"'([a-z]+\.[a-z_]+)'", code))


def rows_of(seed):
    with (WAREHOUSE / f"seeds/{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def type_of(rule):
    """The type that a rule gives, as word_rules and bigram_types read it."""
    kind = rule.partition(".")[0]
    return {"function": "function word", "content": "content word", "mixed": "mixed script"}.get(kind, kind)


def rules_of_words():
    return (
        named_in("screen/word_rules")
        | named_in("screen/boilerplate")
        | {row["rule"] for row in rows_of("fixed_words")}
        | {"name.ner", "place.ner"}  # what a recogniser may answer
    )


def rules_of_types():
    """Ids of every rule that gives a type."""
    bigrams = named_in("screen/bigram_types")
    # A pair without any of these is of the type of its first word.
    named = {type_of(rule) for rule in bigrams}
    rest = {f"{rule.partition('.')[0]}.bigram" for rule in rules_of_words() if type_of(rule) not in named}
    return rules_of_words() | named_in("screen/piece_types") | bigrams | rest
