-- run: what the registry knows about one audit.
-- One row.
--
-- param   run_id      run
-- column  name        name in the config
-- column  started_at  first start
-- column  labels      the model's labels, in the order of its outputs
-- column  versions    package versions, as JSON
-- unique  name
select
    name,
    started_at,
    labels,
    versions::varchar as versions
from main.runs
where run_id = $run_id
order by name
