"""What types and patterns do in the texts that they can turn."""

HEADER = "example_id | label | margin_with:double | margin_without:double | margin_control:double | "


def test_texts_count_whose_control_is_read_as_another_label(warehouse):
    rows = ["1 | a | 2.0 | 0.5 | -1.0", "2 | a | 2.0 | 0.5 | 1.0", "3 | a | 2.0 | 1.0 | null"]
    types = HEADER + "type\n" + "\n".join(f"{row} | number" for row in rows)
    patterns = (
        HEADER
        + "type | pattern | operator\n"
        + "\n".join(f'{row} | shape | "00" | {operator}' for row in rows for operator in ("removal", "insertion"))
    )
    parts = {"type_parts": [warehouse.part(types)], "pattern_trial_parts": [warehouse.part(patterns)]}
    # Without a control of its own every text counts.
    assert warehouse.build("verify/turning_trials", **parts) == [
        {"kind": kind, "word": word, "label": "a", "example_id": i, "effect": effect}
        for kind, word in (("pattern", "00"), ("type", "number"))
        for i, effect in ((1, 1.5), (3, 1.0))
    ]
