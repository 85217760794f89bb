-- compared: texts of all lengths, for the comparison with the pipeline that users of the model run.
-- One row per text.
--
-- param   most        most texts
-- column  example_id  0-based place in the dataset
-- column  text        raw text
-- column  pair_start  where the second text of a pair begins; null for a single text   [code points]
-- unique  example_id
with

ordered as (
    select
        example_id,
        text,
        pair_start,
        row_number() over (order by n_tokens, example_id) as place,
        count(*) over () as n_all
    from plan
    where shard is not null
)

-- Evenly spaced, the longest among them.
select
    example_id,
    text,
    pair_start
from ordered
where n_all <= $most or place * $most // n_all > (place - 1) * $most // n_all
order by place
