-- rule_terms: the labelling rules, and the keywords, phrases and patterns that they are made of.
-- One row per rule and per term of a rule.
--
-- param   terms    JSON: rule_id, rule, label_id, term_id, term, kind
-- param   labels   the model's labels
-- column  rule_id  0-based place in the file
-- column  term_id  0-based place in the rule; -1 for the whole rule
-- column  rule     name of the rule
-- column  label    label that it gives; null for a column of votes, which may give several
-- column  term     keyword, phrase or pattern; null for the whole rule
-- column  kind     keyword, phrase or regex; null for the whole rule
-- unique  rule_id, term_id
select
    rule_id,
    term_id,
    rule,
    list_extract($labels, label_id + 1) as label,
    term,
    kind
from (
    select unnest(
        from_json(
            $terms::json,
            '[{"rule_id": "bigint", "rule": "varchar", "label_id": "bigint", "term_id": "bigint", "term": "varchar",
            "kind": "varchar"}]'
        ),
        recursive := true
    )
)
order by rule_id, term_id
