-- minority_gap: how many errors a word causes among examples with another gold label.
-- One row per (kind, label, word); whole words and bigrams. (label, word) is a key as well, see label_association.
--
-- Among the examples whose gold label is another one: how much more often the model predicts `label` when
-- the word is there. Interval of the difference of two proportions: Newcombe 1998, method 10. p-value: Fisher's exact
-- test, one-sided, since a word that spares mistakes does no harm; errors are few, and there the normal approximation
-- is wrong by a factor. From 201 examples on it is the normal tail at the hypergeometric mean and variance, with a
-- continuity correction.
--
-- param   min_examples  fewest examples a word must stand in
-- column  kind          word or bigram
-- column  label         label the word may push towards
-- column  word          lower-case word; both words of a bigram
-- column  n_minority    examples with the word and another gold label
-- column  n_pulled      of these, predicted as label
-- column  gap           error rate with the word minus without it                  [-1..1]
-- column  gap_low       95 % interval of gap
-- column  gap_high      95 % interval of gap
-- column  n_harmed      mistakes beyond the rate without the word: n_minority * gap, to the nearest whole, 0 below 0
-- column  p_value       of so many errors or more if the word had no effect
-- column  q_value       Benjamini-Hochberg, within the kind and label
-- unique  kind, label, word
with

minority as (
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
        sum(pulled)::bigint as n_all_pulled
    from minority
    group by label
),

-- One pass over the scores; what follows works on counts.
outcomes as (
    select
        word_scores.kind,
        word_scores.word,
        examples.gold_label,
        examples.predicted_label,
        count(*) as n_examples
    from word_scores
    inner join examples using (example_id)
    where word_scores.kind in ('word', 'bigram') and examples.converged
    group by word_scores.kind, word_scores.word, examples.gold_label, examples.predicted_label
),

frequent as (
    select
        kind,
        word
    from outcomes
    group by kind, word
    having sum(n_examples) >= $min_examples
),

counts as (
    select
        outcomes.kind,
        totals.label,
        outcomes.word,
        sum(outcomes.n_examples)::bigint as n_minority,
        coalesce(
            sum(outcomes.n_examples) filter (where outcomes.predicted_label = totals.label), 0
        )::bigint as n_pulled,
        any_value(totals.n_all) as n_all,
        any_value(totals.n_all_pulled) as n_all_pulled
    from outcomes
    inner join frequent using (kind, word)
    inner join totals on outcomes.gold_label != totals.label
    group by outcomes.kind, totals.label, outcomes.word
    -- without an example that lacks the word there is nothing to compare with
    having sum(outcomes.n_examples) < any_value(totals.n_all)
),

-- Hypergeometric tail: of n_all examples n_minority have the word and n_all_pulled are predicted as label; k have both.
exact as (
    select
        kind,
        label,
        word,
        sum(exp(
            lgamma(n_minority + 1) - lgamma(k + 1) - lgamma(n_minority - k + 1)
            + lgamma(n_all - n_minority + 1) - lgamma(n_all_pulled - k + 1)
            - lgamma(n_all - n_minority - n_all_pulled + k + 1)
            - lgamma(n_all + 1) + lgamma(n_all_pulled + 1) + lgamma(n_all - n_all_pulled + 1)
        )) as tail
    from (
        select
            *,
            unnest(range(
                greatest(n_pulled, n_minority + n_all_pulled - n_all), least(n_minority, n_all_pulled) + 1
            )) as k
        from counts
        where n_minority <= 200
    )
    group by kind, label, word
),

tested as (
    select
        counts.*,
        counts.n_pulled / counts.n_minority as with_word,
        (counts.n_all_pulled - counts.n_pulled) / (counts.n_all - counts.n_minority) as without_word,
        wilson_low(counts.n_pulled, counts.n_minority) as with_low,
        wilson_high(counts.n_pulled, counts.n_minority) as with_high,
        wilson_low(counts.n_all_pulled - counts.n_pulled, counts.n_all - counts.n_minority) as without_low,
        wilson_high(counts.n_all_pulled - counts.n_pulled, counts.n_all - counts.n_minority) as without_high,
        with_word - without_word as gap,
        counts.n_minority * counts.n_all_pulled / counts.n_all as expected,
        expected * (1 - counts.n_all_pulled / counts.n_all)
            * (counts.n_all - counts.n_minority) / (counts.n_all - 1) as variance,
        (counts.n_pulled - 0.5 - expected) / sqrt(nullif(variance, 0)) as z,
        case
            when exact.tail is not null then least(exact.tail, 1)
            -- all or none of the minority are predicted as label, with the word and without it
            when z is null then 1
            when z < 0 then 1 - least(normal_p(z), 1) / 2
            else least(normal_p(z), 1) / 2
        end as p_value
    from counts
    left join exact using (kind, label, word)
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
    n_minority,
    n_pulled,
    gap,
    gap - sqrt((with_word - with_low) ** 2 + (without_high - without_word) ** 2) as gap_low,
    gap + sqrt((with_high - with_word) ** 2 + (without_word - without_low) ** 2) as gap_high,
    greatest(round(n_minority * gap), 0)::bigint as n_harmed,
    p_value,
    step_up_q(p_value, n_tests, p_rank, (kind, label)) as q_value
from ranked
order by label, kind desc, n_pulled desc, word
