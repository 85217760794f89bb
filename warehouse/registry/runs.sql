-- runs: every audit in this warehouse, newest first.
-- One row per run.
--
-- column  run_id       name and hash of what went in
-- column  name         name in the config
-- column  status       running, finished or failed
-- column  started_at   first start
-- column  finished_at  latest end
-- column  folder       shards, parts, report and exports
-- column  labels       the model's labels
-- column  config       settings
-- column  inputs       content hashes
-- column  versions     package versions
-- column  reason       the sentence a failed audit ended in; no such column in a warehouse of an earlier version
select
    run_id,
    name,
    status,
    started_at,
    finished_at,
    folder,
    labels,
    config,
    inputs,
    columns(lambda name: name in ('versions', 'reason'))
from main.runs
order by coalesce(finished_at, started_at) desc, run_id
