-- The registry: what was audited and how far each audit came.
create table if not exists main.runs (
    run_id varchar primary key,
    name varchar not null,
    status varchar not null,
    started_at timestamp not null,
    finished_at timestamp,
    folder varchar not null,
    labels varchar[] not null,
    config json not null,
    inputs json not null,
    versions json not null
);

comment on table main.runs is 'One row per audit; its tables are in the schema of the same name.';
comment on column main.runs.run_id is
'Name and hash of what went in: data, model, tokenizer, attribution settings, version of the maths.';
comment on column main.runs.status is 'running or finished.';
comment on column main.runs.folder is 'Folder with shards, parts, report and exports.';
comment on column main.runs.labels is 'The labels of the model, in the order of its outputs.';
comment on column main.runs.config is 'Every setting of the latest audit under this id.';
comment on column main.runs.inputs is 'Content hashes of data and model.';
comment on column main.runs.versions is 'Versions of the packages that computed it.';

create table if not exists main.stages (
    run_id varchar not null,
    stage varchar not null,
    stage_key varchar not null,
    seconds double not null,
    finished_at timestamp not null,
    primary key (run_id, stage)
);

comment on table main.stages is 'One row per finished stage of a run that wrote tables here.';
comment on column main.stages.stage_key is
'Hash of the queries, settings and inputs of the stage: while it is the same, a repeat does no work.';
