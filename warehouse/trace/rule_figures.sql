-- rule_figures: what each rule, and each of its terms, does in the texts: coverage, overlap, conflict, accuracy.
-- One row per (corpus, rule) and (corpus, term), also where nothing matches.
--
-- column  corpus         audited or trained
-- column  rule_id        rule
-- column  term_id        term; -1 for the whole rule
-- column  rule           name of the rule
-- column  label          label that it gives; null for a column of votes
-- column  term           keyword, phrase or pattern; null for the whole rule
-- column  kind           keyword, phrase or regex; null for the whole rule
-- column  n_all          texts of the corpus
-- column  n_texts        texts that it matches
-- column  coverage       n_texts / n_all                                                            [0..1]
-- column  n_overlap      of them, texts that another rule matches as well; for a term: another term or rule
-- column  n_conflict     of them, texts that another rule gives another label
-- column  n_decides      of them, texts whose label hangs on it alone
-- column  n_gold         of them, texts with a gold label
-- column  n_right        of them, texts whose gold label is the one that it votes for
-- column  n_wrong        n_gold - n_right
-- column  accuracy       n_right / n_gold: how often it is right; null without gold labels          [0..1]
-- column  accuracy_low   Wilson's 95 % interval of accuracy                                         [0..1]
-- column  accuracy_high  Wilson's 95 % interval of accuracy                                         [0..1]
-- column  n_read_so      of them, audited texts that the model reads as the label that it votes for
-- unique  corpus, rule_id, term_id
with

corpora as (
    select
        corpus,
        count(*) as n_all
    from rule_texts
    group by corpus
),

wholes as (
    select * from rule_matches where term_id = -1
),

-- Of each match whether anything else matches its text.
others as (
    select
        matches.corpus,
        matches.example_id,
        matches.rule_id,
        matches.term_id,
        bool_or(competing.rule_id is not null) as is_shared,
        coalesce(bool_or(competing.label != matches.label), false) as is_disputed
    from rule_matches as matches
    left join wholes as competing
        on matches.corpus = competing.corpus
        and matches.example_id = competing.example_id
        and matches.rule_id != competing.rule_id
    group by all
),

siblings as (
    select
        corpus,
        example_id,
        rule_id,
        count(*) as n_terms
    from rule_matches
    where term_id >= 0
    group by all
),

matched as (
    select
        matches.*,
        others.is_shared or coalesce(matches.term_id >= 0 and siblings.n_terms > 1, false) as is_shared,
        others.is_disputed,
        texts.gold_label,
        texts.predicted_label
    from rule_matches as matches
    inner join others using (corpus, example_id, rule_id, term_id)
    left join siblings using (corpus, example_id, rule_id)
    inner join rule_texts as texts using (corpus, example_id)
),

counted as (
    select
        corpus,
        rule_id,
        term_id,
        count(*) as n_texts,
        count(*) filter (where is_shared) as n_overlap,
        count(*) filter (where is_disputed) as n_conflict,
        count(*) filter (where decides) as n_decides,
        count(gold_label) as n_gold,
        count(*) filter (where gold_label = label) as n_right,
        count(*) filter (where predicted_label = label) as n_read_so
    from matched
    group by all
)

select
    corpora.corpus,
    terms.rule_id,
    terms.term_id,
    terms.rule,
    terms.label,
    terms.term,
    terms.kind,
    corpora.n_all,
    coalesce(counted.n_texts, 0) as n_texts,
    coalesce(counted.n_texts, 0) / corpora.n_all as coverage,
    coalesce(counted.n_overlap, 0) as n_overlap,
    coalesce(counted.n_conflict, 0) as n_conflict,
    coalesce(counted.n_decides, 0) as n_decides,
    coalesce(counted.n_gold, 0) as n_gold,
    coalesce(counted.n_right, 0) as n_right,
    coalesce(counted.n_gold - counted.n_right, 0) as n_wrong,
    counted.n_right / nullif(counted.n_gold, 0) as accuracy,
    wilson_low(counted.n_right, nullif(counted.n_gold, 0)) as accuracy_low,
    wilson_high(counted.n_right, nullif(counted.n_gold, 0)) as accuracy_high,
    coalesce(counted.n_read_so, 0) as n_read_so
from corpora
cross join rule_terms as terms
left join counted
    on corpora.corpus = counted.corpus
    and terms.rule_id = counted.rule_id
    and terms.term_id = counted.term_id
order by corpora.corpus, terms.rule_id, terms.term_id
