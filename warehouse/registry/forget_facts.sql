-- forget_facts: what a run kept is entered anew, or goes with the run.
delete from main.run_facts
where run_id = $run_id
