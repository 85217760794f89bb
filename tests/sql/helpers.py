"""What several tests of queries share."""

from hypothesis import HealthCheck, settings

from warehouse import seed

PROPERTY = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def by(rows, *keys):
    """Rows under their key."""
    found = {tuple(row[key] for key in keys) if len(keys) > 1 else row[keys[0]]: row for row in rows}
    assert len(found) == len(rows)
    return found


def only(rows, *columns):
    """Rows as tuples of these columns."""
    return [tuple(row[column] for column in columns) for row in rows]


THRESHOLDS = {"fdr": 0.05, "min_score": 0.1, "min_examples": 2}


IMPORTANCE = {
    "rms": 1.0,
    "label": "a", "kind": "word", "n_examples": 10, "mean_score": 1.0, "ci_low": 0.5, "ci_high": 1.5, "std_error": 0.2, "p_value": 0.01, "q_value": 0.01,
    "mean_share": 0.5, "typical_score": 0.0, "document_frequency": 0.5, "impact": 0.5, "pieces_per_word": 1.0, "source_words": None, "n_words": 1,
    "mean_gradient_x_input": 1.0, "mean_gradient_norm": 1.0,
}  # fmt: skip


NO_PATTERNS = {
    "patterns": "type:varchar | pattern:varchar | n_examples:bigint",
    "pattern_words": "type:varchar | pattern:varchar | word:varchar | share:double",
    "pattern_spans": "type:varchar | pattern:varchar | place:varchar | example_id:bigint | span_start:bigint | span_end:bigint | surface:varchar",
    "pattern_effects": (
        "type:varchar | pattern:varchar | label:varchar | removal_effect:double | removal_se:double | n_removal:bigint | "
        "insertion_effect:double | insertion_se:double | n_insertion:bigint | removal_turning:double | removal_turning_se:double | "
        "n_removal_turning:bigint | insertion_turning:double | insertion_turning_se:double | n_insertion_turning:bigint | "
        "n_opposite:bigint | n_signed:bigint | flip_rate:double"
    ),
    "turning_trials": "kind:varchar | word:varchar | label:varchar | example_id:bigint | effect:double",
    "expected_patterns": "type:varchar | pattern:varchar | label:varchar | expected:double | expected_se:double",
}
"""Tables of a run without patterns."""

TYPE = {"kind": "word", "type": "content word", "rule": "content.other", "word_group": None}


def insert_types(warehouse, types):
    """Make `type_rules` from the shipped list, and `word_types` with what it expects of each word."""
    warehouse.build("screen/type_rules", word_types=seed("word_types.csv"), identity_terms=False)
    warehouse.insert("word_types", types, **TYPE)
    warehouse.connection.execute("""
        create or replace table word_types as
        select own.*, coalesce(groups.expectation, rules.expectation) as expectation, map {'n_occurrences': 9.0} as figures,
            map {'word_group': own.word_group} as words
        from word_types as own
        left join type_rules as rules on own.type = rules.type
        left join type_rules as groups on own.word_group = groups.type
    """)


def judged(warehouse, importance, types, association="", gaps="", **thresholds):
    warehouse.insert("word_importance", importance, **IMPORTANCE)
    insert_types(warehouse, types)
    warehouse.insert(
        "label_association",
        association or "word:varchar | label_rate:double | label_share:double | rate_low:double | z:double",
        label="a", n_examples=20, log_odds=1.0, q_value=0.5,
    )  # fmt: skip
    warehouse.insert(
        "minority_gap",
        gaps or "word:varchar | n_minority:bigint | n_pulled:bigint | gap:double | gap_low:double",
        label="a",
        gap_high=1.0,
    )
    return by(warehouse.build("screen/words", **{**THRESHOLDS, **thresholds}), "word")
