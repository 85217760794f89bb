-- rule_examples: texts that a term labels alone, to be shown with what it taught; those with a gold label that differs
-- come first.
-- One row per (corpus, term, place in the list).
--
-- param   rule_text_parts  Parquet files of this stage, one row per text
-- param   max_texts        longest list of a corpus and a term
-- column  corpus        audited or trained
-- column  rule_id       rule
-- column  term_id       term; -1 for a column of votes
-- column  place         1 for the first of its list
-- column  example_id    0-based place in the dataset
-- column  text          raw text
-- column  match_start   first character of what matches; null for a column of votes  [code points]
-- column  match_end     end of it, exclusive                                         [code points]
-- column  given_label   label that the rules give
-- column  gold_label    label of the dataset; null for texts of the training
-- unique  corpus, rule_id, term_id, place
with

chosen as (
    select
        matches.corpus,
        matches.rule_id,
        matches.term_id,
        -- By a hash, since neighbours in a dataset are often alike.
        row_number() over (
            partition by matches.corpus, matches.rule_id, matches.term_id
            order by coalesce(texts.gold_label = matches.label, false), hash(matches.example_id), matches.example_id
        ) as place,
        matches.example_id,
        matches.match_start,
        matches.match_end,
        texts.given_label,
        texts.gold_label
    from rule_matches as matches
    inner join rule_terms as terms using (rule_id, term_id)
    inner join rule_texts as texts using (corpus, example_id)
    where matches.decides and (terms.term is not null or terms.label is null)
    qualify place <= $max_texts
)

select
    chosen.corpus,
    chosen.rule_id,
    chosen.term_id,
    chosen.place,
    chosen.example_id,
    texts.text,
    chosen.match_start,
    chosen.match_end,
    chosen.given_label,
    chosen.gold_label
from chosen
inner join read_parquet($rule_text_parts) as texts using (corpus, example_id)
order by chosen.corpus, chosen.rule_id, chosen.term_id, chosen.place
