-- rule_matches: what matches a text.
-- One row per (corpus, text, rule), and per term of the rule that matches.
--
-- param   rule_match_parts  Parquet files of this stage, one row per match
-- param   labels            the model's labels
-- column  corpus            audited or trained
-- column  example_id        0-based place in the dataset
-- column  rule_id           rule
-- column  term_id           term; -1 for the whole rule
-- column  label             label that it votes for
-- column  match_start       first character of the first place; null for the whole rule  [code points]
-- column  match_end         end of that place, exclusive                                 [code points]
-- column  surface           what stands there; null for the whole rule
-- column  before            word before it, as written; null where there is none, or more than white space between
-- column  after             word behind it, likewise
-- column  decides           the text would have another label, or none, without it
-- unique  corpus, example_id, rule_id, term_id
select
    corpus,
    example_id,
    rule_id,
    term_id,
    list_extract($labels, label_id + 1) as label,
    match_start,
    match_end,
    surface,
    before,
    after,
    decides
from read_parquet($rule_match_parts)
order by corpus, example_id, rule_id, term_id
