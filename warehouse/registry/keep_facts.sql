-- keep_facts: what a run that is finished says in short.
insert or replace into main.run_facts by name
select
    runs.run_id,
    runs.name,
    runs.finished_at,
    $data as data,
    $model as model,
    $weights as weights,
    $tokenizer as tokenizer,
    $settings as settings,
    $versions as versions,
    $subject as subject,
    runs.labels,
    read.n_read,
    (select count(*) from rejects) as n_rejected,
    read.n_read - read.n_texts as n_quarantined,
    read.n_texts,
    read.n_gold,
    read.n_correct,
    $min_examples as min_examples,
    total.state,
    total.per_1000,
    total.per_1000_low,
    total.per_1000_high,
    total.n_findings,
    total.n_used
from main.runs as runs
cross join total
cross join (
    select
        count(*) as n_read,
        count(*) filter (where converged) as n_texts,
        count(*) filter (where converged and gold_label is not null) as n_gold,
        count(*) filter (where converged and correct) as n_correct
    from examples
) as read
where runs.run_id = $run_id
