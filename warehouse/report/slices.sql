-- slices: the slices of the dataset, and how many words score otherwise in one than in the others of its column.
-- One row per (slice, value), the largest first; twelve of a column at most.
--
-- param   fdr           largest q-value of a difference
-- column  slice         column of the dataset
-- column  value         its value
-- column  n_examples    examples
-- column  accuracy      share read as labelled                  [0..1]
-- column  accuracy_low  95 % interval                           [0..1]
-- column  accuracy_high 95 % interval                           [0..1]
-- column  n_words       words with figures in it and in another slice
-- column  n_different   of these, with another mean score
-- unique  slice, value
with

sizes as (
    select
        slices.slice,
        slices.value,
        count(*) as n_examples,
        count(*) filter (where examples.correct) as n_correct
    from example_slices as slices
    inner join examples using (example_id)
    group by slices.slice, slices.value
),

differing as (
    select
        slice,
        value,
        count(distinct word) as n_words,
        count(distinct word) filter (where q_value <= $fdr) as n_different
    from slice_difference
    where kind = 'word'
    group by slice, value
)

select
    sizes.slice,
    sizes.value,
    sizes.n_examples,
    sizes.n_correct / sizes.n_examples as accuracy,
    wilson_low(sizes.n_correct, sizes.n_examples) as accuracy_low,
    wilson_high(sizes.n_correct, sizes.n_examples) as accuracy_high,
    coalesce(differing.n_words, 0) as n_words,
    coalesce(differing.n_different, 0) as n_different
from sizes
left join differing using (slice, value)
qualify row_number() over (partition by sizes.slice order by sizes.n_examples desc, sizes.value) <= 12
order by sizes.slice, sizes.n_examples desc, sizes.value
