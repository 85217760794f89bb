-- stage_key: what a finished stage was built from.
-- One row, or none.
--
-- param   run_id     run
-- param   stage      stage
-- column  stage_key  hash of queries, settings and inputs
select stage_key
from main.stages
where run_id = $run_id and stage = $stage
