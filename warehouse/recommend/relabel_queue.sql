-- relabel_queue: texts of the training whose label hangs on a keyword that is to be dropped alone: to be read by a person.
-- One row per text.
--
-- param   max_queue     longest list
-- column  rank          1 for the first to be read
-- column  example_id    0-based place in the dataset
-- column  source_id     the dataset's own id
-- column  label         label that it has now, by the rules
-- column  rule          rule that gave it
-- column  term          keyword that it hangs on
-- column  match_start   first character of the keyword  [code points]
-- column  match_end     end of it, exclusive            [code points]
-- column  score         severity of the finding: predictions per 1,000 texts that change without the word
-- unique  example_id
with

found as (
    select
        matches.example_id,
        matches.label,
        matches.match_start,
        matches.match_end,
        proposals.rule,
        proposals.term,
        proposals.rank as proposal,
        proposals.reason[1].figures['per_1000'] as score
    from rule_proposals as proposals
    inner join rule_terms as terms on proposals.rule = terms.rule and proposals.term = terms.term
    inner join rule_matches as matches on terms.rule_id = matches.rule_id and terms.term_id = matches.term_id
    where matches.corpus = 'trained' and matches.decides and proposals.action in ('drop', 'narrow')
    -- Where two keywords outvote another by one, the label hangs on either.
    qualify row_number() over (partition by matches.example_id order by proposals.rank, matches.match_start) = 1
),

ranked as (
    select
        *,
        row_number() over (order by proposal, hash(example_id), example_id) as rank
    from found
)

select
    ranked.rank,
    ranked.example_id,
    texts.source_id,
    ranked.label,
    ranked.rule,
    ranked.term,
    ranked.match_start,
    ranked.match_end,
    ranked.score
from ranked
inner join rule_texts as texts on texts.corpus = 'trained' and ranked.example_id = texts.example_id
where ranked.rank <= $max_queue
order by ranked.rank
