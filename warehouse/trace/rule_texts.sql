-- rule_texts: the texts that rules may label: those that are audited, and those that the classifier was trained on.
-- One row per (corpus, text).
--
-- param   rule_text_parts  Parquet files of this stage, one row per text
-- param   labels           the model's labels
-- column  corpus           audited or trained
-- column  example_id       0-based place in the dataset
-- column  source_id        the dataset's own id
-- column  given_label      label that the rules give; null where they give none
-- column  gold_label       label of the dataset; null for texts of the training, where it is not read
-- column  predicted_label  label that the model gives; null for texts of the training and quarantined ones
-- unique  corpus, example_id
select
    texts.corpus,
    texts.example_id,
    texts.source_id,
    if(texts.given_id >= 0, list_extract($labels, texts.given_id + 1), null) as given_label,
    examples.gold_label,
    if(examples.converged is not false, examples.predicted_label, null) as predicted_label
from read_parquet($rule_text_parts) as texts
left join examples on texts.corpus = 'audited' and texts.example_id = examples.example_id
order by texts.corpus, texts.example_id
