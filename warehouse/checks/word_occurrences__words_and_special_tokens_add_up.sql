-- An example whose words and wordless tokens (special ones, runs of spaces) do not add up to what its tokens sum to, or,
-- for integrated gradients, to change + gap: some token was lost on the way. Or tokens of an example that is not there.
-- batch  token_parts, examples, word_occurrences
-- param  token_parts  Parquet files of attribution, one row per token
-- param  method       the method that is added up
with

tokens as (
    select
        example_id,
        word_start,
        summed_score($method, integrated_gradients, gradient_x_input, relevance)::double as score
    from read_parquet($token_parts)
),

scores as (
    select
        example_id,
        score
    from word_occurrences
    union all
    select
        example_id,
        score
    from tokens
    where word_start is null
),

totals as (
    select
        example_id,
        sum(score) as total
    from tokens
    group by example_id
)

select
    examples.example_id,
    coalesce(sum(scores.score), 0) as added_up,
    any_value(coalesce(examples.change + examples.gap, totals.total)) as expected
from examples
left join scores using (example_id)
left join totals using (example_id)
where examples.converged
group by examples.example_id
having not coalesce(
    abs(added_up - expected) <= 1e-3 * greatest(1, coalesce(sum(abs(scores.score)), 0)), false
)

union all

select distinct
    tokens.example_id,
    null as added_up,
    null as expected
from tokens
anti join examples using (example_id)
