-- forget_verdicts: what a run kept is entered anew, or goes with the run.
delete from main.run_verdicts
where run_id = $run_id
