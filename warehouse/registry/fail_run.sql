-- fail_run: the audit ended in an error; one that was killed cannot say so.
update main.runs
set status = 'failed', reason = $reason
where run_id = $run_id
