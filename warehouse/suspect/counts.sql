-- counts: how many texts there are, and of how many the label is suspected.
-- One row.
--
-- param   text_parts   Parquet files of the stage suspect, one row per text
-- column  n_texts      texts with a label
-- column  n_suspected  those whose label is suspected
-- unique  n_texts
select
    count(*) as n_texts,
    count(*) filter (where is_suspected) as n_suspected
from read_parquet($text_parts)
