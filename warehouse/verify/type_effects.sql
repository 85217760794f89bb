-- type_effects: what a word of a type does, whichever word it is.
-- One row per (type, label).
--
-- Removal: all its words are taken out of a text, less as many content words that the model does not use. Insertion:
-- words of the type, less content words in the same texts at the same places; none for content words.
-- The test that it pushes at all uses the texts that it can turn: those that are read as another label without either,
-- or the eight that are closest to it. Both ways of taking words out are the same to such a choice.
--
-- param   type_parts      Parquet files of the trials of types
-- param   labels          the model's labels
-- column  type              type of the words
-- column  label             label
-- column  n_examples        explained examples that hold one
-- column  removal_effect    mean effect of its words in texts that hold some            [log-odds]
-- column  removal_se        its standard error                                          [log-odds]
-- column  n_removal         texts
-- column  removal_turning     mean effect in texts that hold some and that it can turn    [log-odds]
-- column  removal_turning_se  its standard error                                          [log-odds]
-- column  n_removal_turning   texts that hold some and that it can turn
-- column  insertion_effect  mean effect of one of its words in texts read as other labels [log-odds]
-- column  insertion_se      its standard error                                          [log-odds]
-- column  n_insertion       texts
-- column  between_sd        standard deviation between its words, by insertion          [log-odds]
-- column  flip_rate         predictions that differ without its words; those without as many others less [0..1]
-- column  flip_se           its standard error                                          [0..1]
-- unique  type, label
with

taken_out as (
    select
        type,
        label,
        avg(effect) as removal_effect,
        stddev_samp(effect) / sqrt(count(*)) as removal_se,
        count(*) as n_removal,
        avg(effect) filter (where turns) as removal_turning,
        stddev_samp(effect) filter (where turns) / sqrt(count(*) filter (where turns)) as removal_turning_se,
        count(*) filter (where turns) as n_removal_turning,
        avg((predicted != label_without)::int - (predicted != label_with)::int) as flip_rate,
        stddev_samp((predicted != label_without)::int - (predicted != label_with)::int) / sqrt(count(*)) as flip_se
    from (
        select
            parts.* exclude (predicted_with, predicted_without),
            examples.predicted_label as predicted,
            margin_with - margin_without as effect,
            margin_control < 0 or row_number() over (
                partition by type, label order by margin_control, example_id
            ) <= 8 as turns,
            list_extract($labels::varchar[], parts.predicted_with + 1) as label_with,
            list_extract($labels::varchar[], parts.predicted_without + 1) as label_without
        from read_parquet($type_parts) as parts
        inner join examples using (example_id)
    )
    group by type, label
),

-- Texts read as another label, as for a candidate.
inserted as (
    select placebos.*
    from placebos
    inner join examples using (example_id)
    where examples.predicted_label != placebos.label
),

per_text as (
    select
        type,
        label,
        example_id,
        avg(margin) as margin
    from inserted
    group by type, label, example_id
),

put_in as (
    select
        own.type,
        own.label,
        avg(own.margin - content.margin) as insertion_effect,
        stddev_samp(own.margin - content.margin) / sqrt(count(*)) as insertion_se,
        count(*) as n_insertion
    from per_text as own
    inner join per_text as content using (label, example_id)
    where content.type = 'content word' and own.type != 'content word'
    group by own.type, own.label
),

-- Between the words of a type, by the method of moments: what the means of the words differ by, less what they would
-- by chance. Each text has its own mean taken off, which takes off a part of the word's own share: for four words to a
-- text, a quarter.
centred as (
    select
        type,
        label,
        replacement,
        margin - avg(margin) over text as deviation,
        count(*) over text as n_words
    from inserted
    window text as (partition by type, label, example_id)
),

per_word as (
    select
        type,
        label,
        avg(deviation) as mean,
        var_samp(deviation) / count(*) as variance,
        avg(n_words) as n_words
    from centred
    where n_words > 1
    group by type, label, replacement
    having count(*) >= 3
),

between_words as (
    select
        type,
        label,
        sqrt(greatest(avg(mean ** 2 - variance), 0)) * avg(n_words) / (avg(n_words) - 1) as between_sd
    from per_word
    group by type, label
    having count(*) >= 5
),

holders as (
    select
        types.type,
        count(distinct occurrences.example_id) as n_examples
    from word_occurrences as occurrences
    inner join word_types as types on types.kind = 'word' and occurrences.word = types.word
    group by types.type
)

select
    type,
    label,
    coalesce(holders.n_examples, 0) as n_examples,
    taken_out.removal_effect,
    taken_out.removal_se,
    coalesce(taken_out.n_removal, 0) as n_removal,
    taken_out.removal_turning,
    taken_out.removal_turning_se,
    coalesce(taken_out.n_removal_turning, 0) as n_removal_turning,
    put_in.insertion_effect,
    put_in.insertion_se,
    coalesce(put_in.n_insertion, 0) as n_insertion,
    between_words.between_sd,
    taken_out.flip_rate,
    taken_out.flip_se
from taken_out
full join put_in using (type, label)
full join between_words using (type, label)
left join holders using (type)
order by type, label
