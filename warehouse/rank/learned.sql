-- learned: whether the model learned each shortcut, by its accuracy on held-out texts that all obey it.
-- One row per (shortcut, strength).
--
-- param   planted_rows      file: the planted copy
-- param   shards            files: the probes
-- param   example_parts     files: the planted model's predictions of them
-- param   clean             file: the clean model's predictions (source_id, predicted_id)
-- param   min_learned       accuracy from which it counts as learned          [0..1]
-- column  shortcut          kind of shortcut
-- column  strength          share of the planted rows that obey it            [0..1]
-- column  n_probes          texts
-- column  clean_accuracy    of the model that never saw the shortcut          [0..1]
-- column  planted_accuracy  of the model that was trained with it             [0..1]
-- column  learned           planted_accuracy >= min_learned
-- unique  shortcut, strength
select
    planted.shortcut,
    planted.strength,
    count(*) as n_probes,
    avg((clean.predicted_id = shards.label_id)::integer) as clean_accuracy,
    avg((parts.predicted_id = shards.label_id)::integer) as planted_accuracy,
    planted_accuracy >= $min_learned as learned
from read_parquet($shards::varchar[]) as shards
inner join read_parquet($planted_rows) as planted on shards.source_id = planted.id
inner join read_parquet($example_parts::varchar[]) as parts using (example_id)
inner join read_parquet($clean) as clean on shards.source_id = clean.source_id
group by planted.shortcut, planted.strength
order by planted.shortcut, planted.strength
