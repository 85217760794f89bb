-- kept: what every finished run keeps, newest first.
-- One row per run.
--
-- column  run_id         name and hash of what went in
-- column  name           name in the config
-- column  finished_at    latest end
-- column  data           hash of the dataset and of the choice of its rows
-- column  model          hash of all that decides a prediction
-- column  weights        hash of the weights and the configuration; null in runs of earlier versions
-- column  tokenizer      hash of the files of the tokenizer; null in runs of earlier versions
-- column  settings       hash of how it is measured
-- column  versions       hash of the versions of the packages
-- column  subject        what a certificate covers
-- column  labels         labels of the model
-- column  n_read         usable texts
-- column  n_rejected     rows set aside
-- column  n_quarantined  texts whose attribution missed its tolerance
-- column  n_texts        texts explained
-- column  n_gold         of these, with a gold label
-- column  n_correct      of these, predicted as labelled
-- column  min_examples   fewest texts of a word with figures
-- column  state          state of the audit
-- column  per_1000       predictions per 1,000 texts that hang on all findings together
-- column  per_1000_low   95 % interval of per_1000
-- column  per_1000_high  95 % interval of per_1000
-- column  n_findings     findings that are no part of another
-- column  n_used         words and pieces that the model uses
-- unique  run_id
select
    facts.run_id,
    facts.name,
    coalesce(runs.finished_at, facts.finished_at) as finished_at,
    data,
    model,
    weights,
    tokenizer,
    settings,
    facts.versions,
    subject,
    facts.labels,
    n_read,
    n_rejected,
    n_quarantined,
    n_texts,
    n_gold,
    n_correct,
    min_examples,
    state,
    per_1000,
    per_1000_low,
    per_1000_high,
    n_findings,
    n_used
from main.run_facts as facts
left join main.runs as runs using (run_id)
order by finished_at desc, facts.run_id
