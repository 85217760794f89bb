-- changed_groups: for every spurious pattern and type of words one text it was taken out of, and how often that changed a
-- prediction.
-- One row per (kind, label, word).
--
-- A text whose prediction changes comes first, then a short one.
--
-- param   pattern_trial_parts  Parquet files of the trials of patterns
-- param   type_trial_parts     Parquet files of the trials of types
-- param   names                the model's labels
-- column  kind               pattern or type
-- column  label              label it pushes towards
-- column  word               pattern, or type
-- column  operator           pattern: replaced by neutral words; type: taken out, beside as many other words
-- column  example_id         example
-- column  source_id          the dataset's own id
-- column  text               raw text
-- column  spans              where it stands                                       [code points]
-- column  margin_before      log-odds of the label with it, in the place of other words for a type
-- column  margin_after       the same without it
-- column  predicted_before   label the model gives with it
-- column  predicted_after    label it gives without it
-- column  n_removal          texts it was taken out of
-- column  n_removal_flips    of these, texts whose prediction changes
-- column  n_insertion        texts it was put into; 0 for a type
-- column  n_insertion_flips  of these, texts whose prediction changes
-- unique  kind, label, word
with

tried as (
    select
        'pattern' as kind,
        type,
        pattern as word,
        operator,
        example_id,
        label,
        margin_with,
        margin_without,
        predicted_with,
        predicted_without
    from read_parquet($pattern_trial_parts)
    union all by name
    select
        'type' as kind,
        type,
        type as word,
        'removal' as operator,
        example_id,
        label,
        margin_with,
        margin_without,
        predicted_with,
        predicted_without
    from read_parquet($type_trial_parts)
),

found as (
    select tried.*
    from tried
    inner join verdicts using (kind, type, word, label)
    inner join type_rules as rules using (type)
    where
        verdicts.status = 'spurious'
        -- Stretches of a text, not what is true of all of it.
        and coalesce(rules.pattern, 'part') != 'whole'
),

counted as (
    select
        kind,
        label,
        word,
        count_if(operator = 'removal') as n_removal,
        count_if(operator = 'removal' and predicted_with != predicted_without) as n_removal_flips,
        count_if(operator = 'insertion') as n_insertion,
        count_if(operator = 'insertion' and predicted_with != predicted_without) as n_insertion_flips
    from found
    group by kind, label, word
),

places as (
    select
        'pattern' as kind,
        pattern as word,
        example_id,
        span_start,
        span_end
    from pattern_spans
    union all by name
    select
        'type' as kind,
        types.type as word,
        words.example_id,
        words.word_start as span_start,
        words.word_end as span_end
    from word_occurrences as words
    inner join word_types as types on types.kind = 'word' and words.word = types.word
),

chosen as (
    select
        found.*,
        examples.source_id,
        examples.text
    from found
    inner join examples using (example_id)
    semi join places on found.kind = places.kind and found.word = places.word and found.example_id = places.example_id
    -- One that speaks against the finding would not show it.
    where found.operator = 'removal' and found.margin_with > found.margin_without
    qualify row_number() over (
        partition by found.kind, found.label, found.word
        order by
            found.predicted_with = found.predicted_without,
            length(examples.text) > 160,
            found.margin_with - found.margin_without desc,
            found.example_id
    ) = 1
)

select
    chosen.kind,
    chosen.label,
    chosen.word,
    chosen.kind as operator,
    chosen.example_id,
    chosen.source_id,
    chosen.text,
    list_sort(list(distinct {'span_start': places.span_start, 'span_end': places.span_end})) as spans,
    chosen.margin_with as margin_before,
    chosen.margin_without as margin_after,
    $names[chosen.predicted_with + 1] as predicted_before,
    $names[chosen.predicted_without + 1] as predicted_after,
    any_value(counted.n_removal) as n_removal,
    any_value(counted.n_removal_flips) as n_removal_flips,
    any_value(counted.n_insertion) as n_insertion,
    any_value(counted.n_insertion_flips) as n_insertion_flips
from chosen
inner join counted using (kind, label, word)
inner join places using (kind, word, example_id)
group by all
order by chosen.kind, chosen.label, chosen.word
