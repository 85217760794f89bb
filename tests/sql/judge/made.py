"""Candidates with evidence by hand, and the verdicts on them."""

import json
import math
from types import MappingProxyType

from scipy import stats

from tests.sql.helpers import NO_PATTERNS, by, judged

RULE = {"fdr": 0.05, "min_effect": 0.1, "max_explained": 0.25, "min_grade": 0.5}
COLUMNS = (
    "kind", "label", "word", "removal_effect", "removal_se", "removal_dof", "removal_low", "removal_high", "n_removal", "insertion_effect", "insertion_se",
    "insertion_dof", "insertion_low", "insertion_high", "n_insertion", "effect", "effect_se", "effect_dof", "effect_low", "effect_high", "n_opposite",
    "n_signed", "n_opposite_all", "n_signed_all", "flip_rate", "flip_low", "flip_high",
)  # fmt: skip
DOUBLES = {name for name in COLUMNS if name not in ("kind", "label", "word") and not name.startswith("n_")}

NO_INTERACTIONS = "word:varchar | partner:varchar"
NO_MEANING = "word:varchar | expected:double | expected_se:double"
NO_TYPES = "type:varchar | label:varchar | between_sd:double"


def evidence(
    word, removal=1.0, insertion=1.0, removal_se=0.1, insertion_se=0.1, dof=15, n_opposite=0, n_signed=16, kind="word", **changed
):  # fmt: skip
    """What was measured of a word: two arms of equal size, and both together. None: an arm without texts, or with two."""
    row = {"kind": kind, "label": "a", "word": word, "n_opposite": n_opposite, "n_signed": n_signed}
    row |= {"flip_rate": 0.2, "flip_low": 0.1, "flip_high": 0.4}
    measured = []
    for arm, own, error in (("removal", removal, removal_se), ("insertion", insertion, insertion_se)):
        if own is None:
            row[f"n_{arm}"] = 0
        elif error is None:
            row |= {f"{arm}_effect": own, f"{arm}_dof": 1, f"n_{arm}": 2}
        else:
            measured.append((own, error))
            low, high = stats.t.interval(0.95, dof, own, error)
            row |= {f"{arm}_effect": own, f"{arm}_se": error, f"{arm}_dof": dof, f"n_{arm}": dof + 1}
            row |= {f"{arm}_low": low, f"{arm}_high": high}
    if measured:
        effect = sum(own for own, _ in measured) / len(measured)
        error = math.hypot(*(error for _, error in measured)) / len(measured)
        low, high = stats.t.interval(0.95, 2 * dof, effect, error)
        row |= {"effect": effect, "effect_se": error, "effect_dof": 2 * dof, "effect_low": low, "effect_high": high}
    row |= {"n_opposite_all": n_opposite, "n_signed_all": n_signed}
    return row | changed


def table(rows):
    """The rows as text, for a table."""
    header = " | ".join(f"{name}:double" if name in DOUBLES else name for name in COLUMNS)
    return "\n".join([header, *(" | ".join(json.dumps(row.get(name)) for name in COLUMNS) for row in rows)])


def verdicts_of(
    warehouse,
    rows,
    types,
    *,
    unused=(),
    interactions=NO_INTERACTIONS,
    meaning=NO_MEANING,
    type_effects=NO_TYPES,
    waivers=(),
    patterns=MappingProxyType({}),
    topics="label:varchar | word:varchar",
    named="label:varchar | word:varchar",
    grades="kind:varchar | label:varchar | word:varchar | grade:double",
    occurrences="example_id:bigint | word:varchar | word_start:bigint | word_end:bigint",
    **params,
):
    """The verdicts by their kind and word. `types`: word -> type, or type and group of function words."""
    own = {word: kind if isinstance(kind, tuple) else (kind, None) for word, kind in types.items()}
    kinds = {row["word"]: row["kind"] for row in rows}
    importance = [f"{kinds.get(word, 'word')} | {word} | {0.9 if word in unused else 0.01}" for word in own]
    listed = [
        f"{kinds.get(word, 'word')} | {word} | {kind} | {json.dumps(group)}" for word, (kind, group) in own.items()
    ]
    judged(
        warehouse,
        "kind | word | q_value\n" + "\n".join(importance),
        "kind | word | type | word_group:varchar\n" + "\n".join(listed),
    )
    warehouse.build("screen/candidates", max_candidates=99)
    warehouse.insert("evidence", table(rows))
    missing = dict.fromkeys(("t", "p_value", "effect", "other_effect", "n_texts", "n_others", "flip_rate"))
    warehouse.insert("interactions", interactions, **{"label": "a", "comparison": "presence", **missing})
    warehouse.insert("expected_effects", meaning, label="a")
    missing = dict.fromkeys(
        ("removal_effect", "removal_se", "n_removal", "insertion_effect", "insertion_se", "n_insertion", "n_examples", "between_sd", "flip_rate", "flip_se")
    )  # fmt: skip
    warehouse.insert("type_effects", type_effects, **missing)
    # A type can turn all texts that it was taken out of.
    warehouse.connection.execute("""
        create or replace table type_effects as
        select *, removal_effect as removal_turning, removal_se as removal_turning_se, n_removal as n_removal_turning
        from type_effects
    """)
    for name, columns in {**NO_PATTERNS, **patterns}.items():
        warehouse.insert(name, columns)
    warehouse.insert("piece_occurrences", "example_id:bigint | piece:varchar | source_word:varchar")
    warehouse.insert("word_occurrences", occurrences)
    warehouse.insert("topics", topics)
    warehouse.insert("named_words", named)
    warehouse.insert("grades", grades, meaning=None)
    warehouse.insert("examples", "example_id\n" + "\n".join(map(str, range(100))), converged=True)
    warehouse.build("judge/waivers", waivers=json.dumps(list(waivers)))
    found = warehouse.build("judge/verdicts", **{**RULE, **params})
    assert warehouse.rows("checks/verdicts__every_candidate_has_one") == []
    return by(found, "kind", "word")
