-- named_words: the keywords of labelling rules: a rule has set the labels of their texts, whatever they mean.
-- One row per (label, word).
--
-- param   named_words  JSON: label, word
-- column  label        label that the rule gives
-- column  word         lower-case word
-- unique  label, word
select
    label,
    word
from (select unnest(from_json($named_words::json, '[{"label": "varchar", "word": "varchar"}]'), recursive := true))
order by label, word
