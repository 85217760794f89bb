-- slice_words: words that score otherwise in one slice than in the others of its column, the most significant first.
-- One row per (slice, value, label, word).
--
-- param   labels      labels to show
-- param   fdr         largest q-value of a difference
-- column  slice       column of the dataset
-- column  value       its value
-- column  label       label the scores push towards
-- column  word        lower-case word
-- column  type        type of the word
-- column  n_examples  examples of the slice with the word
-- column  n_others    examples of the other slices with it
-- column  difference  mean score in the slice less that in the others       [unit of the scalar]
-- column  q_value     false discovery rate of the difference
-- unique  slice, value, label, word
select
    difference.slice,
    difference.value,
    difference.label,
    difference.word,
    types.type,
    difference.n_examples,
    difference.n_others,
    difference.difference,
    difference.q_value
from slice_difference as difference
inner join word_types as types using (kind, word)
where
    difference.kind = 'word'
    and difference.q_value <= $fdr
    and difference.label in (select unnest($labels::varchar[]))
order by difference.q_value, difference.slice, difference.value, difference.label, difference.word
limit 20
