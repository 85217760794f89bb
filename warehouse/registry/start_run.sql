-- start_run: enter an audit, or note that it is under way again.
insert into main.runs
values (
    $run_id, $name, 'running', now()::timestamp, null, $folder, $labels,
    $config::json, $inputs::json, $versions::json, null
)
on conflict (run_id) do update set
    status = 'running',
    finished_at = null,
    reason = null,
    folder = excluded.folder,
    config = excluded.config,
    inputs = excluded.inputs,
    versions = excluded.versions
