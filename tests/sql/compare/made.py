"""Two runs, a and b, as the warehouse keeps them; a test overrides what it is about."""

FACTS = (
    "run_id | n_texts | n_gold | n_correct | per_1000:double\na | 1000 | 1000 | 900 | 10\nb | 1000 | 1000 | 880 | 12"
)
VERDICTS = (
    "run_id | kind | label | word | type | status | effect:double | effect_low:double | effect_high:double | "
    "per_1000:double | per_1000_low:double | per_1000_high:double | document_frequency:double"
)
MEANS = "run_id | kind | label | word | n_examples:bigint | mean_score:double | std_error:double"
WORDS = "run_id | word | n_examples:bigint | importance:double"
GROUPS = "run_id | word | gold_label | n_texts:bigint | n_correct:bigint"


def insert_runs(warehouse, facts=FACTS, verdicts="", means="", words="", groups=""):
    """The tables that are kept; rows without the header."""
    warehouse.insert("run_facts", facts)
    for name, header, rows in (
        ("verdicts", VERDICTS, verdicts), ("means", MEANS, means), ("words", WORDS, words), ("groups", GROUPS, groups),
    ):  # fmt: skip
        warehouse.insert(f"run_{name}", f"{header}\n{rows}")
