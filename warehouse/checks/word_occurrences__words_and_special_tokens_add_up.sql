-- An example whose words and wordless tokens (special ones, runs of spaces) do not add up to change + gap: some token
-- was lost on the way.
-- param  token_parts  Parquet files of attribution, one row per token
with

scores as (
    select example_id, integrated_gradients
    from word_occurrences
    union all
    select example_id, integrated_gradients::double
    from read_parquet($token_parts)
    where word_start is null
)

select
    examples.example_id,
    coalesce(sum(scores.integrated_gradients), 0) as added_up,
    any_value(examples.change + examples.gap) as expected
from examples
left join scores using (example_id)
where examples.converged
group by examples.example_id
having not coalesce(
    abs(added_up - expected) <= 1e-3 * greatest(1, coalesce(sum(abs(scores.integrated_gradients)), 0)), false
)
