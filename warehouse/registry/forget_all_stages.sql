-- forget_all_stages: the stages of a run that is removed.
delete from main.stages
where run_id = $run_id
