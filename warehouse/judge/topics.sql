-- topics: words that name a class, which are expected to act.
-- One row per (label, word): at most ten of each label, and keywords of labelling rules that mean it.
--
-- param   topics  JSON: label, word, source
-- column  label   label
-- column  word    lower-case word
-- column  source  given (data.topic), name (of the label, or its stem), meaning (in an encoder before fine-tuning) or
--                 rule (a labelling rule names it, and it means the label to the encoder)
-- unique  label, word
select
    label,
    word,
    source
from (
    select unnest(
        from_json($topics::json, '[{"label": "varchar", "word": "varchar", "source": "varchar"}]'), recursive := true
    )
)
order by label, word
