-- keyword_drops: keywords that taught the model a spurious word.
-- One row per term of a rule.
--
-- param   min_narrow   fewest texts with the keyword as a name or in a phrase, and without, for it to be kept so
-- column  rule         rule
-- column  term         its keyword
-- column  label        label that it gives
-- column  word         the word that the model learned
-- column  n_labelled   texts of the training with the keyword that got its label
-- column  n_decided    of them, texts that got it by this keyword alone
-- column  effect       mean effect of the word in trials  [log-odds]
-- column  q_value      smallest false discovery rate at which the word is spurious
-- column  per_1000     predictions per 1,000 texts that change without the word
-- column  n_name       texts with the keyword with a capital
-- column  n_name_also  of them, texts that another rule or keyword of the label matches
-- column  n_word       texts with the keyword in lower case
-- column  n_word_also  of them, texts that another rule or keyword of the label matches
-- column  is_name      with a capital others agree with it significantly more often than in lower case
-- column  phrase       phrase of two words in which others agree with it significantly more often than elsewhere; of
--                      several, that with the highest lower bound; null where there is none
-- column  n_phrase     texts with the keyword in that phrase
-- column  n_phrase_also  of them, texts that another rule or keyword of the label matches
-- column  n_else       texts with the keyword outside of it
-- column  n_else_also  of them, texts that another rule or keyword of the label matches
-- column  severity     order of the list: the largest first
-- unique  rule, term, label
with

matches as (
    select
        matches.rule_id,
        matches.term_id,
        matches.corpus,
        regexp_matches(matches.surface, '^\p{Lu}\p{Ll}') as is_capital,
        matches.surface = lower(matches.surface) as is_lower,
        [folded(matches.before || ' ' || matches.surface), folded(matches.surface || ' ' || matches.after)] as phrases,
        exists (
            from rule_matches as also
            where
                also.corpus = matches.corpus
                and also.example_id = matches.example_id
                and also.label = matches.label
                and also.term_id >= 0
                and (also.rule_id, also.term_id) != (matches.rule_id, matches.term_id)
        ) as is_supported
    from rule_matches as matches
    where matches.term_id >= 0
),

casing as (
    select
        corpus,
        rule_id,
        term_id,
        count(*) filter (where is_capital) as n_name,
        count(*) filter (where is_capital and is_supported) as n_name_also,
        count(*) filter (where is_lower) as n_word,
        count(*) filter (where is_lower and is_supported) as n_word_also
    from matches
    group by all
),

everywhere as (
    select
        corpus,
        rule_id,
        term_id,
        count(*) as n_all,
        count(*) filter (where is_supported) as n_all_also
    from matches
    group by all
),

phrases as (
    select
        corpus,
        rule_id,
        term_id,
        phrase,
        count(*) as n_phrase,
        count(*) filter (where is_supported) as n_phrase_also
    from (select * exclude (phrases), unnest(list_distinct(phrases)) as phrase from matches)
    group by all
),

narrower as (
    select
        phrases.*,
        n_all - n_phrase as n_else,
        n_all_also - n_phrase_also as n_else_also
    from phrases
    inner join everywhere using (corpus, rule_id, term_id)
    where
        n_phrase >= $min_narrow
        and n_all - n_phrase >= $min_narrow
        and wilson_low(n_phrase_also, n_phrase) > wilson_high(n_all_also - n_phrase_also, n_all - n_phrase)
    qualify
        row_number() over (
            partition by corpus, rule_id, term_id order by wilson_low(n_phrase_also, n_phrase) desc, phrase
        ) = 1
)

select
    taught.rule,
    taught.term,
    taught.label,
    taught.word,
    taught.n_labelled,
    taught.n_decided,
    verdicts.effect,
    verdicts.q_value,
    verdicts.per_1000,
    casing.n_name,
    casing.n_name_also,
    casing.n_word,
    casing.n_word_also,
    coalesce(
        casing.n_name >= $min_narrow
        and casing.n_word >= $min_narrow
        and wilson_low(casing.n_name_also, casing.n_name) > wilson_high(casing.n_word_also, casing.n_word),
        false
    ) as is_name,
    narrower.phrase,
    narrower.n_phrase,
    narrower.n_phrase_also,
    narrower.n_else,
    narrower.n_else_also,
    verdicts.per_1000 as severity
from taught_words as taught
inner join verdicts using (kind, label, word)
left join casing using (corpus, rule_id, term_id)
left join narrower using (corpus, rule_id, term_id)
where taught.kind = 'word' and taught.how = 'is it' and verdicts.status in ('spurious', 'part')
order by severity desc nulls last, taught.n_decided desc, taught.rule, taught.term
