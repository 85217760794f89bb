-- examples: every audited example with its prediction and the error of its attribution.
-- One row per example.
--
-- param   shards           Parquet files of ingest
-- param   example_parts    Parquet files of attribution, one row per example
-- param   labels           the model's labels
-- column  example_id       0-based place in the dataset
-- column  source_id        the dataset's own id
-- column  text             raw text
-- column  gold_label       label of the dataset
-- column  predicted_label  label the model gives
-- column  target_label     label whose score is explained
-- column  correct          predicted_label = gold_label
-- column  confidence       probability of the predicted label                      [0..1]
-- column  score            explained scalar at the text                            [unit of the scalar]
-- column  change           explained scalar at the text minus at the baseline      [unit of the scalar]
-- column  gap              sum of integrated gradients minus change                [unit of the scalar]
-- column  relative_gap     |gap| / max(|change|, 1)
-- column  special_score    integrated gradients on tokens of no word: [CLS], white space ... [unit of the scalar]
-- column  steps            gradients spent on the path
-- column  converged        the gap is within attribution.max_gap; others are quarantined
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
    parts.steps,
    parts.converged,
    shards.n_tokens,
    shards.n_cut
from shards
inner join parts using (example_id)
order by shards.example_id
