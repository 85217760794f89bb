-- rejects: the rows of the dataset that could not be audited.
-- One row per row of the dataset.
--
-- param   reject_parts  Parquet files of ingest
-- column  example_id    0-based place in the dataset
-- column  source_id     the dataset's own id
-- column  text          raw text, empty where there is none
-- column  reason        empty, not text, undecodable, unknown label, no tokens, duplicate, ...
-- unique  example_id
select
    example_id,
    source_id,
    text,
    reason
from read_parquet($reject_parts)
order by example_id
