-- slice_association: association of a word with the labels of one slice.
-- One row per (slice, value, kind, label, word); whole words and bigrams.
--
-- param   labels        the model's labels
-- param   min_examples  fewest examples of the slice a word must stand in
-- column  slice         column of the dataset
-- column  value         its value
-- column  kind          word or bigram
-- column  label         gold label
-- column  word          lower-case word; both words of a bigram
-- column  n_examples    examples of the slice with the word
-- column  n_label       of these, examples with the label
-- column  label_rate    n_label / n_examples                                            [0..1]
-- column  label_share   share of the label among all examples of the slice              [0..1]
-- column  rate_low      95 % interval of label_rate (Wilson 1927)                       [0..1]
-- column  rate_high     95 % interval of label_rate (Wilson 1927)                       [0..1]
-- column  z             as in label_association, within the slice
-- column  p_value       two-sided, of no association
-- column  q_value       Benjamini-Hochberg, within (slice, value, kind, label)
-- unique  slice, value, kind, label, word
with

members as (
    select
        slices.slice,
        slices.value,
        examples.example_id,
        examples.gold_label
    from example_slices as slices
    inner join examples using (example_id)
    where examples.converged
),

shares as (
    select
        members.slice,
        members.value,
        labels.label,
        count(*) filter (where members.gold_label = labels.label) / count(*) as label_share
    from members
    cross join (select unnest($labels::varchar[]) as label) as labels
    group by members.slice, members.value, labels.label
),

counts as (
    select
        members.slice,
        members.value,
        word_scores.kind,
        members.gold_label,
        word_scores.word,
        count(*) as n_label
    from word_scores
    inner join members using (example_id)
    where word_scores.kind in ('word', 'bigram')
    group by members.slice, members.value, word_scores.kind, members.gold_label, word_scores.word
),

words as (
    select
        slice,
        value,
        kind,
        word,
        sum(n_label)::bigint as n_examples
    from counts
    group by slice, value, kind, word
    having sum(n_label) >= $min_examples
),

tested as (
    select
        words.slice,
        words.value,
        words.kind,
        shares.label,
        words.word,
        words.n_examples,
        coalesce(counts.n_label, 0) as n_label,
        coalesce(counts.n_label, 0) / words.n_examples as label_rate,
        shares.label_share,
        (label_rate - label_share) / sqrt(label_share * (1 - label_share) / words.n_examples) as z,
        least(normal_p(z), 1) as p_value
    from words
    inner join shares using (slice, value)
    left join counts
        on
            words.slice = counts.slice
            and words.value = counts.value
            and words.kind = counts.kind
            and words.word = counts.word
            and shares.label = counts.gold_label
    -- A label nobody has, or everybody has, is associated with nothing.
    where shares.label_share > 0 and shares.label_share < 1
),

ranked as (
    select
        *,
        step_up_rank(p_value, (slice, value, kind, label)) as p_rank,
        count(*) over (partition by slice, value, kind, label) as n_tests
    from tested
)

select
    slice,
    value,
    kind,
    label,
    word,
    n_examples,
    n_label,
    label_rate,
    label_share,
    wilson_low(n_label, n_examples) as rate_low,
    wilson_high(n_label, n_examples) as rate_high,
    z,
    p_value,
    step_up_q(p_value, n_tests, p_rank, (slice, value, kind, label)) as q_value
from ranked
order by slice, value, label, kind desc, abs(z) desc, word
