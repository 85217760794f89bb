-- An example whose words and special tokens do not add up to change + gap: some token was lost on the way.
-- Pieces that belong to no word (stray control characters) are allowed for by the token count.
select
    examples.example_id,
    sum(word_occurrences.integrated_gradients) + any_value(examples.special_score) as added_up,
    any_value(examples.change + examples.gap) as expected
from examples
inner join word_occurrences using (example_id)
group by examples.example_id
having abs(added_up - expected) > 1e-3 * greatest(1, sum(abs(word_occurrences.integrated_gradients)))
