-- plan: which rows are audited, and in which shard. Runs on a scratch database.
-- One row per row of the dataset that the config keeps.
--
-- param   staging       Parquet files with the rows as they were read
-- param   sample        examples to draw; null for all
-- param   seed          seed of the draw
-- param   max_tokens    longer texts are cut here
-- param   shard_tokens  tokens in a shard
-- column  example_id    0-based place in the dataset
-- column  source_id     the dataset's own id
-- column  text          raw text
-- column  pair_start    where the second text of a pair begins; null for a single text   [code points]
-- column  label_id      index of the gold label
-- column  n_tokens      tokens of the whole text, special ones included
-- column  n_cut         tokens beyond max_tokens
-- column  reason        why the row is not audited (`for training`: by finetune.held_out); null for an audited one
-- column  shard         0-based shard; null for a row that is not audited
-- unique  example_id
with

staged as (
    select * from read_parquet($staging)
),

-- The second of two equal texts would count one piece of evidence twice.
copies as (
    select
        example_id,
        row_number() over same_text as copy,
        first_value(label_id) over same_text as first_label
    from staged
    where reason is null
    window same_text as (partition by text, pair_start order by example_id)
),

judged as (
    select
        staged.* replace (
            case
                when staged.reason is not null then staged.reason
                when copies.copy > 1 and copies.first_label != staged.label_id
                    then 'duplicate with another label'
                when copies.copy > 1 then 'duplicate'
            end as reason
        )
    from staged
    left join copies using (example_id)
),

-- md5 and not hash(): the draw must not change with the version of the database.
drawn as (
    select
        example_id,
        row_number() over (
            partition by label_id
            order by md5(concat($seed::varchar, ':', example_id::varchar)), example_id
        ) as draw,
        count(*) over (partition by label_id) as n_label,
        count(*) over () as n_all
    from judged
    where reason is null
),

audited as (
    select
        judged.example_id,
        least(judged.n_tokens, $max_tokens) as n_kept
    from judged
    inner join drawn using (example_id)
    where
        $sample::bigint is null
        or drawn.draw <= greatest(round($sample::bigint * drawn.n_label / drawn.n_all), 1)
),

placed as (
    select
        example_id,
        (sum(n_kept) over (order by n_kept, example_id) - 1) // $shard_tokens as place
    from audited
),

-- A text longer than a shard skips places; shards are counted without gaps.
sharded as (
    select
        example_id,
        dense_rank() over (order by place) - 1 as shard
    from placed
)

select
    judged.example_id,
    judged.source_id,
    judged.text,
    judged.pair_start,
    judged.label_id,
    judged.n_tokens,
    greatest(judged.n_tokens - $max_tokens, 0)::integer as n_cut,
    coalesce(
        judged.reason,
        case when sharded.example_id is null then 'not sampled' end
    ) as reason,
    sharded.shard::integer as shard
from judged
left join sharded using (example_id)
order by sharded.shard, least(judged.n_tokens, $max_tokens), judged.example_id
