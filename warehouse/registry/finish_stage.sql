-- finish_stage: the tables of a stage are whole, and these are the inputs they came from.
insert or replace into main.stages
values ($run_id, $stage, $stage_key, $seconds, now()::timestamp)
