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
    """The type that a rule gives."""
    (kind,) = (row["type"] for row in rows_of("rule_types") if row["rule"] == rule)
    return kind


def rules_of_words():
    return (
        named_in("screen/word_rules")
        | named_in("screen/boilerplate")
        | {row["rule"] for row in rows_of("fixed_words")}
        | {"name.ner", "place.ner"}  # what a recogniser may answer
    )


def rules_of_types():
    """Ids of every rule that gives a type."""
    # Of a pair, and of a piece of words that should not decide, the type is found first, and its rule by the type.
    by_type = {row["rule"] for row in rows_of("rule_types") if row["rule"].endswith((".bigram", ".piece"))}
    return rules_of_words() | named_in("screen/piece_types") | named_in("screen/bigram_types") | by_type
