-- rule_figures: the labelling rules and their terms: what they did to the training, and how right they are.
-- One row per rule and per term.
--
-- column  rule_id        rule
-- column  term_id        term; -1 for the whole rule
-- column  rule           name of the rule
-- column  label          label that it gives; null for a column of votes
-- column  term           keyword, phrase or pattern; null for the whole rule
-- column  n_trained      texts of the training that it matches; null where the classifier was not trained on the rules
-- column  n_decides      of them, texts whose label hangs on it alone
-- column  n_overlap      of them, texts that something else matches as well
-- column  n_conflict     of them, texts that another rule gives another label
-- column  n_audited      audited texts that it matches
-- column  n_wrong        of them, texts with another gold label
-- column  accuracy       share of them whose gold label is its own  [0..1]
-- column  accuracy_low   Wilson's 95 % interval of accuracy         [0..1]
-- column  accuracy_high  Wilson's 95 % interval of accuracy         [0..1]
-- column  words          spurious words that it taught, worst first
-- unique  rule_id, term_id
with

taught as (
    select
        taught_words.rule_id,
        taught_words.term_id,
        list(distinct verdicts.word order by verdicts.word) as words
    from taught_words
    inner join verdicts using (kind, label, word)
    where verdicts.status in ('spurious', 'part')
    group by all
)

select
    audited.rule_id,
    audited.term_id,
    audited.rule,
    audited.label,
    audited.term,
    trained.n_texts as n_trained,
    trained.n_decides,
    trained.n_overlap,
    trained.n_conflict,
    audited.n_texts as n_audited,
    audited.n_wrong,
    audited.accuracy,
    audited.accuracy_low,
    audited.accuracy_high,
    coalesce(taught.words, []) as words
from rule_figures as audited
left join rule_figures as trained
    on trained.corpus = 'trained' and audited.rule_id = trained.rule_id and audited.term_id = trained.term_id
left join taught on audited.rule_id = taught.rule_id and audited.term_id = taught.term_id
where audited.corpus = 'audited'
order by audited.rule_id, audited.term_id
