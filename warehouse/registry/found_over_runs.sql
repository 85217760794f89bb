-- found_over_runs: the findings of all runs of a config.
-- One row per (run, kind, label, word) that is spurious, part of a spurious pattern or type, or waived.
--
-- param   name      name in the config
-- column  run_id    run
-- column  kind      word, piece, pair, type or pattern
-- column  label     label it pushes towards
-- column  word      what was found
-- column  status    spurious, part or waived
-- column  per_1000  predictions per 1,000 texts that change without it
-- unique  run_id, kind, label, word
select
    verdicts.run_id,
    verdicts.kind,
    verdicts.label,
    verdicts.word,
    verdicts.status,
    verdicts.per_1000
from main.run_verdicts as verdicts
inner join main.run_facts as facts using (run_id)
where facts.name = $name and verdicts.status in ('spurious', 'part', 'waived')
order by verdicts.run_id, verdicts.rank
