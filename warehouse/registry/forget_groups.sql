-- forget_groups: what a run kept is entered anew, or goes with the run.
delete from main.run_groups
where run_id = $run_id
