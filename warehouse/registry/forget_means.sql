-- forget_means: what a run kept is entered anew, or goes with the run.
delete from main.run_means
where run_id = $run_id
