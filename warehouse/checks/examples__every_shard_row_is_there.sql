-- An example of the shards without a prediction: its part is missing or belongs to another shard.
-- batch  shards, examples
-- param  shards  Parquet files of ingest
select shards.example_id
from read_parquet($shards) as shards
left join examples using (example_id)
where examples.example_id is null
