-- shard: the examples of one shard, shortest first.
-- One row per example.
--
-- param   shard       0-based shard
-- column  example_id  0-based place in the dataset
-- column  source_id   the dataset's own id
-- column  text        raw text
-- column  pair_start  where the second text of a pair begins; null for a single text   [code points]
-- column  label_id    index of the gold label
-- column  n_tokens    tokens of the whole text, special ones included
-- column  n_cut       tokens beyond max_tokens
-- unique  example_id
select
    example_id,
    source_id,
    text,
    pair_start,
    label_id,
    n_tokens,
    n_cut
from plan
where shard = $shard
order by n_tokens - n_cut, example_id
