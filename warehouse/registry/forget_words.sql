-- forget_words: what a run kept is entered anew, or goes with the run.
delete from main.run_words
where run_id = $run_id
