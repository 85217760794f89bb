-- finish_run: the audit came to its end.
update main.runs
set status = 'finished', finished_at = now()::timestamp
where run_id = $run_id
