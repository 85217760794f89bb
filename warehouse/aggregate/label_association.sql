-- label_association: association of a word with the labels alone. No model involved.
-- One row per (kind, label, word); whole words and bigrams. A bigram holds a space and a word that could be
-- one never does, so (label, word) is a key as well.
--
-- z: one-proportion test against the share of the label (Gardner et al. 2021, competency, with the
-- empirical share in the place of 1 / number of labels).
-- lmi: local mutual information (Schuster et al. 2019), over examples.
-- dirichlet_log_odds: log-odds of the word's share of the label's words against its share of all others', with the
-- counts of the whole corpus as an informative Dirichlet prior (Monroe et al. 2008, equations 16, 20 and 22).
--
-- param   labels              the model's labels
-- param   min_examples        fewest examples a word must stand in
-- param   prior_examples      examples at the overall share added to every word's count
-- column  kind                word or bigram
-- column  label               gold label
-- column  word                lower-case word; both words of a bigram
-- column  n_examples          examples with the word
-- column  n_label             of these, examples with the label
-- column  label_rate          n_label / n_examples                                            [0..1]
-- column  label_share         share of the label among all examples                           [0..1]
-- column  rate_low            95 % interval of label_rate (Wilson 1927)                       [0..1]
-- column  rate_high           95 % interval of label_rate (Wilson 1927)                       [0..1]
-- column  shrunken_rate       label_rate with prior_examples more at label_share              [0..1]
-- column  log_odds            log-odds of the shrunken rate minus those of label_share        [log-odds]
-- column  pmi                 ln(shrunken_rate / label_share): pointwise mutual information   [nats]
-- column  lmi                 share of all examples that have both, times ln(label_rate / label_share)  [nats]
-- column  dirichlet_log_odds  log-odds with the informative prior; null if there is no other word       [log-odds]
-- column  dirichlet_z         dirichlet_log_odds in standard errors
-- column  z                   (label_rate - label_share) / its standard error under no association
-- column  p_value             two-sided, of no association
-- column  q_value             Benjamini-Hochberg, within the kind and label
-- unique  kind, label, word
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
        (select count(*) from audited) as n_audited,
        (select count(*) from audited where gold_label = label) / (select count(*) from audited) as label_share
    from (select unnest($labels::varchar[]) as label)
),

counts as (
    select
        word_scores.kind,
        audited.gold_label,
        word_scores.word,
        count(*) as n_label
    from word_scores
    inner join audited using (example_id)
    where word_scores.kind in ('word', 'bigram')
    group by word_scores.kind, audited.gold_label, word_scores.word
),

-- Sizes of the two sides of a label in (example, word) pairs, all words of the kind counted.
sizes as (
    select
        kind,
        gold_label,
        sum(n_label)::bigint as n_pairs,
        (sum(sum(n_label)) over (partition by kind))::bigint as n_all_pairs
    from counts
    group by kind, gold_label
),

words as (
    select
        kind,
        word,
        sum(n_label)::bigint as n_examples
    from counts
    group by kind, word
    having sum(n_label) >= $min_examples
),

rates as (
    select
        words.kind,
        labels.label,
        labels.label_share,
        words.word,
        words.n_examples,
        coalesce(counts.n_label, 0) as n_label,
        coalesce(counts.n_label, 0) / words.n_examples as label_rate,
        (coalesce(counts.n_label, 0) + $prior_examples * labels.label_share)
            / (words.n_examples + $prior_examples) as shrunken_rate,
        labels.n_audited,
        coalesce(sizes.n_pairs, 0) as n_pairs,
        coalesce(sizes.n_all_pairs, 0) as n_all_pairs
    from words
    cross join labels
    left join counts on words.kind = counts.kind and words.word = counts.word and labels.label = counts.gold_label
    left join sizes on words.kind = sizes.kind and labels.label = sizes.gold_label
    -- A label nobody has, or everybody has, is associated with nothing.
    where labels.label_share > 0 and labels.label_share < 1
),

-- The prior adds n_examples to the count of the word and n_all_pairs to the size, on both sides.
sides as (
    select
        *,
        n_label + n_examples as with_label,
        n_examples - n_label + n_examples as with_others,
        n_pairs + n_all_pairs - with_label as without_label,
        n_all_pairs - n_pairs + n_all_pairs - with_others as without_others
    from rates
),

tested as (
    select
        *,
        ln(shrunken_rate / (1 - shrunken_rate)) - ln(label_share / (1 - label_share)) as log_odds,
        ln(shrunken_rate / label_share) as pmi,
        if(n_label = 0, 0, n_label / n_audited * ln(label_rate / label_share)) as lmi,
        ln(with_label / nullif(without_label, 0)) - ln(with_others / nullif(without_others, 0)) as dirichlet_log_odds,
        dirichlet_log_odds / sqrt(1 / with_label + 1 / with_others) as dirichlet_z,
        (label_rate - label_share) / sqrt(label_share * (1 - label_share) / n_examples) as z,
        least(normal_p(z), 1) as p_value
    from sides
),

ranked as (
    select
        *,
        step_up_rank(p_value, (kind, label)) as p_rank,
        count(*) over (partition by kind, label) as n_tests
    from tested
)

select
    kind,
    label,
    word,
    n_examples,
    n_label,
    label_rate,
    label_share,
    wilson_low(n_label, n_examples) as rate_low,
    wilson_high(n_label, n_examples) as rate_high,
    shrunken_rate,
    log_odds,
    pmi,
    lmi,
    dirichlet_log_odds,
    dirichlet_z,
    z,
    p_value,
    step_up_q(p_value, n_tests, p_rank, (kind, label)) as q_value
from ranked
order by label, kind desc, abs(z) desc, word
