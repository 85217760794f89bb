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

-- Warehouses of earlier versions have the table without it.
alter table main.runs add column if not exists reason varchar;

comment on table main.runs is 'One row per audit; its tables are in the schema of the same name.';
comment on column main.runs.run_id is
'Name and hash of what went in: data, model, tokenizer, attribution settings, version of the maths.';
comment on column main.runs.status is 'running, finished or failed; running, too, after its process was killed.';
comment on column main.runs.reason is 'The sentence a failed audit ended in.';
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

create table if not exists main.certificates (
    certificate_id varchar primary key,
    subject varchar not null,
    name varchar not null,
    made_at timestamp not null,
    folder varchar not null,
    run_id varchar not null,
    seed bigint not null,
    method varchar,
    baseline varchar,
    clean_accuracy double not null,
    planted_accuracy double not null,
    n_tested bigint not null,
    n_spurious bigint not null,
    config json not null
);

comment on table main.certificates is
'One row per self-test: words were planted into a copy of the data, and the audit was made to find them.';
comment on column main.certificates.subject is
'Hash of the data and of the kind of model: audits with the same one are covered by this certificate.';
comment on column main.certificates.folder is 'Folder with the planted copy, its parts and its warehouse.';
comment on column main.certificates.run_id is 'The audit of the planted copy, in the warehouse of that folder.';
comment on column main.certificates.method is
'The signed attribution method that ranked the planted words best; null if the model learned no shortcut.';
comment on column main.certificates.baseline is 'Its baseline; none if it needs none.';
comment on column main.certificates.clean_accuracy is 'Of the model of the clean data, on its own held-out rows.';
comment on column main.certificates.planted_accuracy is 'Of the model of the planted data, on its own held-out rows.';
comment on column main.certificates.n_tested is 'Words of the planted audit that have figures and were not planted.';
comment on column main.certificates.n_spurious is 'Of these, called spurious.';

create table if not exists main.certificate_words (
    certificate_id varchar not null,
    role varchar not null,
    shortcut varchar,
    strength double,
    word varchar not null,
    label varchar,
    n_examples bigint not null,
    has_figures boolean not null,
    type varchar,
    verdict varchar,
    primary key (certificate_id, word)
);

-- Warehouses of earlier versions have the table without them.
alter table main.certificate_words add column if not exists decoy_type varchar;
alter table main.certificate_words add column if not exists listed boolean;
alter table main.certificate_words add column if not exists group_type varchar;
alter table main.certificate_words add column if not exists reason varchar;
alter table main.certificate_words add column if not exists group_verdict varchar;
alter table main.certificate_words add column if not exists n_members bigint;
alter table main.certificate_words add column if not exists n_members_spurious bigint;

comment on table main.certificate_words is
'One row per planted word, and per group that was planted as one, with what the audit made of it.';
comment on column main.certificate_words.role is
'shortcut, context (switches a shortcut on), control (should be used), decoy (independent of the label) or member of '
'a group.';
comment on column main.certificate_words.strength is 'Share of the planted rows that obey the rule.';
comment on column main.certificate_words.n_examples is 'Audited texts with the word.';
comment on column main.certificate_words.has_figures is 'In enough texts to be judged.';
comment on column main.certificate_words.verdict is 'The gravest of the word; null where it was no candidate.';
comment on column main.certificate_words.decoy_type is 'Type that a decoy was made for.';
comment on column main.certificate_words.listed is 'Whether a list of the product holds the decoy.';
comment on column main.certificate_words.group_type is 'Of a group, the type that an audit should report.';
comment on column main.certificate_words.reason is 'Why it is not spurious; null if it is.';
comment on column main.certificate_words.group_verdict is 'Verdict on the type of the group.';
comment on column main.certificate_words.n_members is 'Words of the group with figures.';
comment on column main.certificate_words.n_members_spurious is 'Of these, called spurious.';

create table if not exists main.certificate_shortcuts (
    certificate_id varchar not null,
    shortcut varchar not null,
    strength double not null,
    n_probes bigint not null,
    clean_accuracy double not null,
    planted_accuracy double not null,
    learned boolean not null,
    primary key (certificate_id, shortcut, strength)
);

comment on table main.certificate_shortcuts is
'One row per kind and strength of shortcut: did the model learn it? Accuracy on held-out texts that all obey it.';

create table if not exists main.certificate_methods (
    certificate_id varchar not null,
    shortcut varchar not null,
    strength double not null,
    method varchar not null,
    baseline varchar not null,
    k bigint not null,
    n_texts bigint not null,
    precision_at_k double not null,
    mean_rank double not null,
    primary key (certificate_id, shortcut, strength, method, baseline)
);

comment on table main.certificate_methods is
'One row per shortcut, attribution method and baseline: where do the planted words rank among those of their text?';
comment on column main.certificate_methods.baseline is 'none for methods that need none.';
comment on column main.certificate_methods.precision_at_k is
'Share of planted words among the k top ones, k being planted.';
comment on column main.certificate_methods.mean_rank is 'Words to read from the top until all planted ones are seen.';

comment on table main.stages is 'One row per finished stage of a run that wrote tables here.';
comment on column main.stages.stage_key is
'Hash of the queries, settings and inputs of the stage: while it is the same, a repeat does no work.';
