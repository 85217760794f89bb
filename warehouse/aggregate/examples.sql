-- examples: every audited example with its prediction and the error of its attribution.
-- One row per example.
--
-- batch   shards, example_parts
-- param   shards           Parquet files of ingest
-- param   example_parts    Parquet files of attribution, one row per example
-- param   labels           the model's labels
-- column  example_id       0-based place in the dataset
-- column  source_id        the dataset's own id
-- column  text             raw text
-- column  gold_label       label of the dataset
-- column  predicted_label  label the model gives; null if its worker died, as are all the figures below
-- column  target_label     label whose score is explained
-- column  correct          predicted_label = gold_label
-- column  confidence       probability of the predicted label                      [0..1]
-- column  score            explained scalar at the text                            [unit of the scalar]
-- column  change           explained scalar at the text minus at the baseline      [unit of the scalar]
-- column  gap              sum of the scores minus change; but for integrated gradients null [unit of the scalar]
-- column  relative_gap     |gap| / max(|change|, 1)
-- column  special_score    scores on tokens of no word: [CLS], white space ... [unit of the scalar]
-- column  gradients        gradients spent on the path; null where it was predicted only
-- column  error            estimated error of the scores as a share of them, where the rule gives one  [0..1]
-- column  converged        true: explained; false: quarantined; null: predicted only, the plan needed fewer texts
-- column  reason           why it is quarantined: tolerance, not finite, out of memory, worker died
-- column  n_windows        windows the text was read in
-- column  n_tokens         tokens of the whole text
-- column  n_cut            tokens beyond the limit, not seen by the model
-- unique  example_id
with

shards as (
    select * from read_parquet($shards)
),

parts as (
    select * from read_parquet($example_parts)
)

select
    shards.example_id,
    shards.source_id,
    shards.text,
    list_extract($labels, shards.label_id + 1) as gold_label,
    list_extract($labels, parts.predicted_id + 1) as predicted_label,
    list_extract($labels, parts.target_id + 1) as target_label,
    parts.predicted_id = shards.label_id as correct,
    parts.confidence,
    parts.score,
    parts.change,
    parts.gap,
    abs(parts.gap) / greatest(abs(parts.change), 1) as relative_gap,
    parts.special_score,
    parts.gradients,
    parts.error,
    parts.converged,
    parts.reason,
    parts.n_windows,
    shards.n_tokens,
    shards.n_cut
from shards
inner join parts using (example_id)
order by shards.example_id
