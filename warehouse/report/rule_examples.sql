-- rule_examples: texts that a keyword labelled alone, of the keywords that taught a spurious word.
-- One row per text.
--
-- column  rule_id      rule
-- column  term_id      term
-- column  place        1 for the first of its term
-- column  corpus       trained or audited
-- column  example_id   0-based place in the dataset
-- column  before       text before what matches, its end
-- column  surface      what matches
-- column  behind       text behind it, its beginning
-- column  given_label  label that the rules give
-- column  gold_label   label of the dataset; null for texts of the training
-- unique  rule_id, term_id, corpus, place
with

looked_at as (
    select if(count(*) filter (where corpus = 'trained') > 0, 'trained', 'audited') as corpus
    from rule_texts
)

select
    examples.rule_id,
    examples.term_id,
    examples.place,
    examples.corpus,
    examples.example_id,
    right(substring(examples.text, 1, coalesce(examples.match_start, 0)), 60) as before,
    coalesce(
        substring(examples.text, examples.match_start + 1, examples.match_end - examples.match_start),
        left(examples.text, 60)
    ) as surface,
    left(substring(examples.text, coalesce(examples.match_end, 60) + 1), 60) as behind,
    examples.given_label,
    examples.gold_label
from rule_examples as examples
where
    examples.corpus = (select corpus from looked_at)
    and (examples.rule_id, examples.term_id) in (
        select (taught.rule_id, taught.term_id)
        from taught_words as taught
        inner join verdicts using (kind, label, word)
        where verdicts.status in ('spurious', 'part')
    )
order by examples.rule_id, examples.term_id, examples.corpus, examples.place
