-- keyword_candidates: words that no rule looks for and that go with a label. No gold label is looked at.
-- One row per (label, word).
--
-- Either the model reads texts with the word as the label, and the word moves them so in trials; or the encoder before
-- fine-tuning knows the word for the label, and no trial shows that the model uses it the other way.
--
-- param   min_hint_examples  fewest audited texts of a keyword
-- param   min_hint_lift      how far the lower bound of read_rate must exceed read_share  [0..1]
-- column  label         label that the word pushes towards
-- column  word          lower-case word
-- column  verdict       its verdict; null where it was not tried
-- column  effect        mean effect in trials; null where it was not tried  [log-odds]
-- column  n_examples    audited texts with the word
-- column  n_read_so     of them, texts that the model reads as the label
-- column  read_rate     n_read_so / n_examples                    [0..1]
-- column  read_low      lower end of Wilson's 95 % interval of it [0..1]
-- column  read_share    share of the label among all predictions  [0..1]
-- column  meaning       how close it is to the name of the label in the encoder before fine-tuning; null where it is
--                       proposed for what the model reads  [standard deviations between words]
-- column  text_ids      texts of the training with the word, or audited ones without a training on rules
-- column  new_ids       of them, texts that the rules do not give the label
-- unique  label, word
with

looked_at as (
    select if(count(*) filter (where corpus = 'trained') > 0, 'trained', 'audited') as corpus
    from rule_texts
),

tried as (
    select
        label,
        word,
        verdict,
        effect,
        effect_low,
        type,
        status in ('genuine', 'unclear', 'negligible') as is_fair
    from verdicts
    where kind = 'word'
),

asked as (
    select
        coalesce(tried.label, meanings.label) as label,
        coalesce(tried.word, meanings.word) as word,
        tried.verdict,
        tried.effect,
        tried.effect_low,
        coalesce(tried.type, types.type) as type,
        coalesce(tried.is_fair, true) as is_fair,
        meanings.meaning
    from tried
    full join word_meanings as meanings using (label, word)
    left join word_types as types
        on types.kind = 'word' and types.word = coalesce(tried.word, meanings.word)
),

predictions as (
    select
        label,
        count(*) filter (where predicted_label = label) / count(*) as read_share
    from rule_texts
    cross join (select distinct label from asked)
    where corpus = 'audited'
    group by label
),

read as (
    select
        asked.label,
        asked.word,
        count(texts.predicted_label) as n_examples,
        count(*) filter (where texts.predicted_label = asked.label) as n_read_so
    from asked
    left join rule_words as words on asked.word = words.word and words.corpus = 'audited'
    left join rule_texts as texts using (corpus, example_id)
    group by all
),

covered as (
    select
        words.word,
        asked.label,
        list(words.example_id order by words.example_id) as text_ids,
        coalesce(
            list(words.example_id order by words.example_id)
                filter (where texts.given_label is distinct from asked.label),
            []
        ) as new_ids
    from asked
    inner join rule_words as words using (word)
    inner join rule_texts as texts using (corpus, example_id)
    where words.corpus = (select corpus from looked_at)
    group by all
)

select
    asked.label,
    asked.word,
    asked.verdict,
    asked.effect,
    read.n_examples,
    read.n_read_so,
    read.n_read_so / nullif(read.n_examples, 0) as read_rate,
    wilson_low(read.n_read_so, read.n_examples) as read_low,
    predictions.read_share,
    if(is_read, null, asked.meaning) as meaning,
    covered.text_ids,
    covered.new_ids
from asked
inner join read using (label, word)
inner join predictions using (label)
inner join covered using (label, word)
cross join lateral (
    select
        coalesce(asked.effect_low > 0, false)
        and read.n_examples >= $min_hint_examples
        and wilson_low(read.n_read_so, read.n_examples) >= predictions.read_share + $min_hint_lift as is_read
) as why
where
    asked.is_fair
    and asked.type in (select type from type_rules where in_labelling)
    and (is_read or (asked.meaning is not null and coalesce(asked.effect, 1) > 0))
    -- Texts that no rule matches have this label already.
    and asked.label not in (select otherwise from labelling where otherwise is not null)
    and asked.word not in (select folded(term) from rule_terms where kind = 'keyword')
order by asked.label, asked.word
