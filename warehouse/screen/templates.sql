-- templates: first words, last words and lines that many texts have in common, with a star where they differ.
-- One row per (type, pattern, place in a text).
--
-- A word that few of the texts have in common is kept at one level and a star at the next.
--
-- column  type        opening, ending or line
-- column  pattern     what its texts have in common
-- column  example_id  explained example
-- column  span_start  first character                 [code points]
-- column  span_end    end, exclusive                  [code points]
-- unique  type, pattern, example_id, span_start
with

many as (
    select greatest(8, 0.01 * count(*)) as n_texts
    from examples
    where converged
),

levels as (
    select unnest([1, 2, 4, 8]) as times
),

edges as (
    select
        'opening' as type,
        example_id,
        position as place,
        chunk_start,
        chunk_end,
        token
    from chunks
    where position <= 6
    union all
    select
        'ending' as type,
        example_id,
        from_end as place,
        chunk_start,
        chunk_end,
        token
    from chunks
    where from_end <= 6
),

kept_edges as (
    select
        edges.*,
        levels.times,
        count(distinct example_id) over (partition by type, place, token, levels.times) >= levels.times * many.n_texts
            as is_kept,
        if(is_kept, token, '*') as part
    from edges
    cross join many
    cross join levels
),

grown as (
    select
        type,
        example_id,
        place,
        times,
        is_kept,
        min(chunk_start) over so_far as span_start,
        max(chunk_end) over so_far as span_end,
        count(*) filter (where is_kept) over so_far as n_kept,
        list(part) over so_far as parts
    from kept_edges
    window so_far as (
        partition by type, example_id, times order by place rows between unbounded preceding and current row
    )
),

edge_templates as (
    select
        type,
        if(
            type = 'opening',
            concat(array_to_string(parts, ' '), ' …'),
            concat('… ', array_to_string(list_reverse(parts), ' '))
        ) as pattern,
        example_id,
        span_start,
        span_end
    from grown
    -- One word at its place is a word; a mark or a number that opens texts is not.
    where is_kept and (n_kept >= 2 or place = 1 and regexp_matches(parts[1], '[^\p{L}’''-]'))
),

line_parts as (
    select
        chunks.*,
        levels.times,
        count(distinct example_id) over (partition by token, levels.times) >= levels.times * many.n_texts as is_kept
    from chunks
    cross join many
    cross join levels
    where example_id in (select example_id from chunks where line > 1)
),

lines as (
    select
        'line' as type,
        array_to_string(list(if(is_kept, token, '*') order by position), ' ') as pattern,
        example_id,
        min(chunk_start) as span_start,
        max(chunk_end) as span_end
    from line_parts
    group by example_id, line, times
    having count(*) <= 12 and bool_or(is_kept and regexp_matches(token, '[\p{L}\p{N}]'))
)

-- Two levels may give the same.
select distinct
    type,
    pattern,
    example_id,
    span_start,
    span_end
from (
    select * from edge_templates
    union all
    select * from lines
)
order by type, pattern, example_id, span_start
