-- forget_later_stages: what was built from a stage that is being rebuilt no longer counts as finished.
delete from main.stages
where
    run_id = $run_id
    and finished_at >= (
        select rebuilt.finished_at
        from main.stages as rebuilt
        where rebuilt.run_id = $run_id and rebuilt.stage = $stage
    )
