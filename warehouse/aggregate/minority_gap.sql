-- minority_gap: what a word costs where its label is wrong.
-- One row per (label, word); only whole words.
--
-- Among the examples whose gold label is another one: how much more often the model says `label` when the
-- word is there. Interval of the difference of two proportions: Newcombe 1998, method 10.
--
-- param   min_examples  fewest examples a word must stand in
-- column  label         label the word may pull towards
-- column  word          lower-case word
-- column  n_minority    examples with the word and another gold label
-- column  n_pulled      of these, predicted as label
-- column  gap           error rate with the word minus without it                  [0..1]
-- column  gap_low       95 % interval of gap
-- column  gap_high      95 % interval of gap
-- unique  label, word
with

others as (
    select
        labels.label,
        examples.example_id,
        (examples.predicted_label = labels.label)::integer as pulled
    from examples
    inner join (select distinct predicted_label as label from examples where converged) as labels
        on examples.gold_label != labels.label
    where examples.converged
),

totals as (
    select
        label,
        count(*) as n_all,
        sum(pulled) as n_all_pulled
    from others
    group by label
),

frequent as (
    select word
    from word_scores
    where kind = 'word'
    group by word
    having count(*) >= $min_examples
),

counts as (
    select
        others.label,
        word_scores.word,
        count(*) as n_minority,
        sum(others.pulled)::bigint as n_pulled
    from word_scores
    inner join frequent using (word)
    inner join others using (example_id)
    where word_scores.kind = 'word'
    group by others.label, word_scores.word
),

rates as (
    select
        counts.label,
        counts.word,
        counts.n_minority,
        counts.n_pulled,
        counts.n_pulled / counts.n_minority as with_word,
        (totals.n_all_pulled - counts.n_pulled) / nullif(totals.n_all - counts.n_minority, 0) as without_word,
        wilson_low(counts.n_pulled, counts.n_minority) as with_low,
        wilson_high(counts.n_pulled, counts.n_minority) as with_high,
        wilson_low(totals.n_all_pulled - counts.n_pulled, totals.n_all - counts.n_minority) as without_low,
        wilson_high(totals.n_all_pulled - counts.n_pulled, totals.n_all - counts.n_minority) as without_high
    from counts
    inner join totals using (label)
)

select
    label,
    word,
    n_minority,
    n_pulled,
    with_word - without_word as gap,
    with_word - without_word - sqrt((with_word - with_low) ** 2 + (without_high - without_word) ** 2) as gap_low,
    with_word - without_word + sqrt((with_high - with_word) ** 2 + (without_word - without_low) ** 2) as gap_high
from rates
where without_word is not null
order by label, n_pulled desc, word
