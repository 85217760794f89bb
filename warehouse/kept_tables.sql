-- What a run keeps, to be compared with later ones: small, and there when its parts and tables are gone.
create table if not exists main.run_facts (
    run_id varchar primary key,
    name varchar not null,
    finished_at timestamp not null,
    data varchar not null,
    model varchar not null,
    weights varchar,
    tokenizer varchar,
    settings varchar not null,
    versions varchar not null,
    subject varchar,
    labels varchar[] not null,
    n_read bigint not null,
    n_rejected bigint not null,
    n_quarantined bigint not null,
    n_texts bigint not null,
    n_gold bigint not null,
    n_correct bigint not null,
    min_examples bigint not null,
    state varchar not null,
    per_1000 double,
    per_1000_low double,
    per_1000_high double,
    n_findings bigint not null,
    n_used bigint not null
);

comment on table main.run_facts is 'One row per finished run: what went in, and what came out in short.';
comment on column main.run_facts.data is 'Hash of the dataset and of the settings that choose its rows.';
comment on column main.run_facts.model is 'Hash of everything that decides a prediction.';
comment on column main.run_facts.weights is
'Hash of the weights and the configuration; null in runs of earlier versions.';
comment on column main.run_facts.tokenizer is 'Hash of the files of the tokenizer; null in runs of earlier versions.';
comment on column main.run_facts.settings is 'Hash of the settings that decide how it is measured.';
comment on column main.run_facts.versions is 'Hash of the versions of the packages.';
comment on column main.run_facts.subject is 'What a certificate covers.';
comment on column main.run_facts.n_read is 'Usable texts.';
comment on column main.run_facts.n_rejected is 'Rows that were set aside, duplicates included.';
comment on column main.run_facts.n_quarantined is 'Texts whose attribution missed its tolerance.';
comment on column main.run_facts.n_texts is 'Texts explained.';
comment on column main.run_facts.n_gold is 'Of these, with a gold label.';
comment on column main.run_facts.n_correct is 'Of these, predicted as labelled.';
comment on column main.run_facts.min_examples is 'Fewest texts of a word with figures.';
comment on column main.run_facts.per_1000 is 'Predictions per 1,000 texts that hang on all findings together.';

create table if not exists main.run_words (
    run_id varchar not null,
    word varchar not null,
    n_examples bigint not null,
    importance double not null
);

comment on table main.run_words is 'One row per run and word: in how many texts it stands, and its global importance.';
comment on column main.run_words.importance is
'Mean absolute score over all explained texts, those without the word counting as 0.';

create table if not exists main.run_means (
    run_id varchar not null,
    kind varchar not null,
    label varchar not null,
    word varchar not null,
    n_examples bigint not null,
    mean_score double not null,
    std_error double not null
);

comment on table main.run_means is 'One row per run, kind, label and word: its mean score, as in word_importance.';

create table if not exists main.run_verdicts (
    run_id varchar not null,
    rank bigint not null,
    kind varchar not null,
    label varchar not null,
    word varchar not null,
    type varchar not null,
    verdict varchar not null,
    status varchar not null,
    part_of varchar,
    effect double,
    effect_low double,
    effect_high double,
    per_1000 double,
    per_1000_low double,
    per_1000_high double,
    document_frequency double,
    waived_by varchar,
    waiver_reason varchar,
    waiver_expires date
);

comment on table main.run_verdicts is 'One row per run, kind, label and word that was tried, as in verdicts.';

create table if not exists main.run_groups (
    run_id varchar not null,
    word varchar not null,
    gold_label varchar not null,
    n_texts bigint not null,
    n_correct bigint not null
);

comment on table main.run_groups is
'One row per run, word that was tried and gold label: texts, and those predicted as labelled. Word '''': all texts.';
