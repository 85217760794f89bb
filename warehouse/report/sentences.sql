-- sentences: the examples to show.
-- One row per example.
--
-- param   example_ids      examples
-- column  example_id       0-based place in the dataset
-- column  source_id        the dataset's own id
-- column  text             raw text
-- column  gold_label       label of the dataset
-- column  predicted_label  label the model gives
-- column  target_label     label whose score is explained
-- column  confidence       probability of the predicted label      [0..1]
-- column  score            explained scalar at the text            [unit of the scalar]
-- column  relative_gap     |gap| / max(|change|, 1)
-- column  error            estimated error of the scores            [share of |scores|]
-- column  n_cut            tokens beyond the limit, not seen by the model
-- unique  example_id
select
    example_id,
    source_id,
    text,
    gold_label,
    predicted_label,
    target_label,
    confidence,
    score,
    relative_gap,
    error,
    n_cut
from examples
where example_id in (select unnest($example_ids::bigint[]))
order by example_id
