-- label_association: what the labels alone say about a word. No model involved.
-- One row per (label, word); only whole words.
--
-- z: one-proportion test against the share of the label (Gardner et al. 2021, competency, with the
-- empirical share in the place of 1 / number of labels).
--
-- param   labels          the model's labels
-- param   min_examples    fewest examples a word must stand in
-- param   prior_examples  examples at the overall share added to every word's count
-- column  label           gold label
-- column  word            lower-case word
-- column  n_examples      examples with the word
-- column  n_label         of these, examples with the label
-- column  label_rate      n_label / n_examples                                            [0..1]
-- column  label_share     share of the label among all examples                           [0..1]
-- column  rate_low        95 % interval of label_rate (Wilson 1927)                       [0..1]
-- column  rate_high       95 % interval of label_rate (Wilson 1927)                       [0..1]
-- column  log_odds        log-odds of the shrunken rate minus those of label_share        [log-odds]
-- column  z               (label_rate - label_share) / its standard error under no association
-- column  p_value         two-sided, of no association
-- column  q_value         Benjamini-Hochberg, within the label
-- unique  label, word
with

audited as (
    select
        example_id,
        gold_label
    from examples
    where converged
),

labels as (
    select
        label,
        (select count(*) from audited where gold_label = label) / (select count(*) from audited) as label_share
    from (select unnest($labels::varchar[]) as label)
),

words as (
    select
        word_scores.word,
        count(*) as n_examples
    from word_scores
    where word_scores.kind = 'word'
    group by word_scores.word
    having count(*) >= $min_examples
),

counts as (
    select
        audited.gold_label,
        word_scores.word,
        count(*) as n_label
    from word_scores
    inner join audited using (example_id)
    where word_scores.kind = 'word'
    group by audited.gold_label, word_scores.word
),

rates as (
    select
        labels.label,
        labels.label_share,
        words.word,
        words.n_examples,
        coalesce(counts.n_label, 0) as n_label,
        coalesce(counts.n_label, 0) / words.n_examples as label_rate,
        (coalesce(counts.n_label, 0) + $prior_examples * labels.label_share)
            / (words.n_examples + $prior_examples) as shrunken_rate
    from words
    cross join labels
    left join counts on words.word = counts.word and labels.label = counts.gold_label
    -- A label nobody has, or everybody has, is associated with nothing.
    where labels.label_share > 0 and labels.label_share < 1
),

tested as (
    select
        *,
        ln(shrunken_rate / (1 - shrunken_rate)) - ln(label_share / (1 - label_share)) as log_odds,
        (label_rate - label_share) / sqrt(label_share * (1 - label_share) / n_examples) as z
    from rates
),

ranked as (
    select
        *,
        least(normal_p(z), 1) as p_value,
        count(*) over (partition by label order by least(normal_p(z), 1)) as p_rank,
        count(*) over (partition by label) as n_tests
    from tested
)

select
    label,
    word,
    n_examples,
    n_label,
    label_rate,
    label_share,
    wilson_low(n_label, n_examples) as rate_low,
    wilson_high(n_label, n_examples) as rate_high,
    log_odds,
    z,
    p_value,
    greatest(least(
        min(p_value * n_tests / p_rank) over (
            partition by label
            order by p_value desc
            range between unbounded preceding and current row
        ),
        1
    -- rounding must not put q below p
    ), p_value) as q_value
from ranked
order by label, abs(z) desc, word
