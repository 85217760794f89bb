-- forget_run: the entry of a run that is removed.
delete from main.runs
where run_id = $run_id
