-- slice_importance: how much the model relies on a word in one slice of the dataset, such as its training rows.
-- One row per (slice, value, kind, label, word).
--
-- The figures of word_importance from the examples of the slice alone, so that slices stay
-- independent: moderated variance, typical word and families of tests are the slice's own.
--
-- param   labels              the model's labels
-- param   mirrored            a score towards one of two labels is minus the score towards the other
-- param   min_examples        fewest examples of the slice a word must stand in
-- param   prior_examples      weight of the median variance
-- column  slice               column of the dataset
-- column  value               its value
-- column  kind                word, piece or bigram
-- column  label               label the score pushes towards
-- column  word                lower-case word
-- column  n_examples          its examples with the word and the label as target; all with the word if mirrored
-- column  mean_score          mean over these examples                                  [unit of the scalar]
-- column  std_error           standard error of mean_score                              [unit of the scalar]
-- column  degrees_of_freedom  of std_error
-- column  typical_score       mean score of the slice's typical word; 0 where mirrored  [unit of the scalar]
-- column  p_value             two-sided, of mean_score = typical_score
-- column  q_value             Benjamini-Hochberg, within (slice, value, kind, label)
-- unique  slice, value, kind, label, word
with

labels as (
    select unnest($labels::varchar[]) as label
),

per_target as (
    select
        slices.slice,
        slices.value,
        word_scores.kind,
        examples.target_label,
        word_scores.word,
        count(*) as n_examples,
        avg(word_scores.score) as mean_score,
        var_pop(word_scores.score) * count(*) as squares
    from word_scores
    inner join examples using (example_id)
    inner join example_slices as slices using (example_id)
    group by slices.slice, slices.value, word_scores.kind, examples.target_label, word_scores.word
),

towards as (
    select
        per_target.* exclude (target_label) replace (
            if(per_target.target_label = labels.label, 1, -1) * per_target.mean_score as mean_score
        ),
        labels.label
    from per_target
    inner join labels on per_target.target_label = labels.label or $mirrored
),

pooled as (
    select
        *,
        sum(n_examples * mean_score) over same_word / sum(n_examples) over same_word as pooled_mean
    from towards
    window same_word as (partition by slice, value, kind, label, word)
),

means as (
    select
        slice,
        value,
        kind,
        label,
        word,
        sum(n_examples)::bigint as n_examples,
        any_value(pooled_mean) as mean_score,
        (sum(squares) + sum(n_examples * (mean_score - pooled_mean) ** 2)) / (sum(n_examples) - 1) as variance
    from pooled
    group by slice, value, kind, label, word
    having sum(n_examples) >= $min_examples
),

typical as (
    select
        slice,
        value,
        kind,
        label,
        median(variance) as typical_variance,
        case when $mirrored then 0 else median(mean_score) end as typical_score
    from means
    group by slice, value, kind, label
),

moderated as (
    select
        means.*,
        typical.typical_score,
        n_examples - 1 + $prior_examples as degrees_of_freedom,
        sqrt(
            ($prior_examples * typical_variance + (n_examples - 1) * variance)
            / (n_examples - 1 + $prior_examples)
            / n_examples
        ) as std_error
    from means
    inner join typical using (slice, value, kind, label)
),

tested as (
    select
        *,
        student_p(mean_score - typical_score, std_error, degrees_of_freedom) as p_value
    from moderated
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
    mean_score,
    std_error,
    degrees_of_freedom,
    typical_score,
    p_value,
    step_up_q(p_value, n_tests, p_rank, (slice, value, kind, label)) as q_value
from ranked
order by slice, value, label, kind desc, abs(mean_score) desc, word
