-- forget_stages: what was built from a stage that is being rebuilt no longer counts as finished.
delete from main.stages
where run_id = $run_id and list_contains($stages, stage)
