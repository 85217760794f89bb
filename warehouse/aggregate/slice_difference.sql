-- slice_difference: a word's score in one slice against the other slices of the same column, such as held-out
-- rows against training rows.
-- One row per (slice, value, kind, label, word) of words that are frequent enough in the slice and in another one.
--
-- The other slices are strata of one population: mean weighted by examples, variance the weighted sum of theirs.
-- Degrees of freedom: Welch 1947. A score is its distance from the score of the slice's typical word.
--
-- column  slice               column of the dataset
-- column  value               its value
-- column  kind                word, piece or bigram
-- column  label               label the scores push towards
-- column  word                lower-case word
-- column  n_examples          examples of the slice with the word
-- column  n_others            examples of the other slices with the word
-- column  difference          mean score in the slice minus mean score in the others   [unit of the scalar]
-- column  std_error           standard error of difference                             [unit of the scalar]
-- column  degrees_of_freedom  of std_error; null where nothing varies
-- column  p_value             two-sided, of no difference
-- column  q_value             Benjamini-Hochberg, within (slice, value, kind, label)
-- unique  slice, value, kind, label, word
with

other_slices as (
    select
        here.slice,
        here.value,
        here.kind,
        here.label,
        here.word,
        sum(there.n_examples)::bigint as n_others,
        sum(there.n_examples * (there.mean_score - there.typical_score)) / sum(there.n_examples) as mean_score,
        sum((there.n_examples * there.std_error) ** 2) / sum(there.n_examples) ** 2 as variance,
        sum((there.n_examples * there.std_error) ** 4 / there.degrees_of_freedom)
            / sum(there.n_examples) ** 4 as squared_variance_over_dof
    from slice_importance as here
    inner join slice_importance as there using (slice, kind, label, word)
    where here.value != there.value
    group by here.slice, here.value, here.kind, here.label, here.word
),

differences as (
    select
        slice,
        value,
        kind,
        label,
        word,
        here.n_examples,
        other_slices.n_others,
        here.mean_score - here.typical_score - other_slices.mean_score as difference,
        sqrt(here.std_error ** 2 + other_slices.variance) as std_error,
        (here.std_error ** 2 + other_slices.variance) ** 2
            / nullif(here.std_error ** 4 / here.degrees_of_freedom + other_slices.squared_variance_over_dof, 0)
            as degrees_of_freedom
    from slice_importance as here
    inner join other_slices using (slice, value, kind, label, word)
),

tested as (
    select
        *,
        student_p(difference, std_error, degrees_of_freedom) as p_value
    from differences
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
    n_others,
    difference,
    std_error,
    degrees_of_freedom,
    p_value,
    step_up_q(p_value, n_tests, p_rank, (slice, value, kind, label)) as q_value
from ranked
order by slice, value, label, kind desc, p_value, word
