-- A word that is found in more examples of the slices of a column than in all examples.
select
    slices.slice,
    slices.kind,
    slices.label,
    slices.word,
    sum(slices.n_examples) as n_in_slices,
    any_value(importance.n_examples) as n_examples
from slice_importance as slices
left join word_importance as importance using (kind, label, word)
group by slices.slice, slices.kind, slices.label, slices.word
having not coalesce(sum(slices.n_examples) <= any_value(importance.n_examples), false)
