-- queue: texts whose label is probably wrong, as a queue to be read by a person.
-- One row per text.
--
-- param   text_parts   Parquet files of the stage suspect, one row per text
-- column  rank         1 for the first to be read
-- column  example_id   0-based place in the dataset
-- column  source_id    the dataset's own id
-- column  text         raw text
-- column  label        label that it has now
-- column  suggested    most probable label
-- column  rule         null: no rule is asked
-- column  term         word that misled, null for none
-- column  score        of 1,000 such labels, those that are wrong by the models that were fitted without the text
-- unique  example_id
select
    labels.rank,
    labels.example_id,
    labels.source_id,
    texts.text,
    labels.label,
    labels.likely as suggested,
    cast(null as varchar) as rule,
    labels.misled_by as term,
    1000 * (1 - labels.own_share) as score
from suspected_labels as labels
inner join read_parquet($text_parts) as texts using (example_id)
order by labels.rank
