-- belongs: the spurious pattern or type that a spurious word, piece, pair, type or pattern is a part of.
-- One row per (kind, label, word) that is.
--
-- A part stands within it four times in five, and pushes towards the same label. A pattern of words of one type that
-- does more than the type is no part of it: the type is one of the pattern. So is a type whose patterns push towards
-- several labels. What is itself a part is no whole.
--
-- column  kind        word, piece, pair, type or pattern
-- column  label       label it pushes towards
-- column  word        lower-case word; a piece with · where the word goes on; both words of a pair; a type; a pattern
-- column  whole_kind  pattern or type
-- column  whole       the pattern or the type
-- unique  kind, label, word
with

spurious as (
    select
        tested.kind,
        tested.label,
        tested.word,
        tested.type,
        tested.document_frequency,
        tested.effect_low,
        tested.effect_high
    from judged
    inner join tested using (kind, label, word)
    where judged.verdict = 'spurious'
),

-- Where each of them stands. A pair stands where its words do, a piece where the words it is cut from do.
parts as (
    select
        spurious.kind,
        spurious.label,
        spurious.word,
        own.example_id,
        own.word_start as span_start,
        own.word_end as span_end
    from spurious
    inner join word_occurrences as own
        on (spurious.kind = 'word' and spurious.word = own.word)
        or (spurious.kind = 'pair' and own.word in (
            split_part(spurious.word, ' … ', 1), split_part(spurious.word, ' … ', 2)
        ))
    union all
    select
        spurious.kind,
        spurious.label,
        spurious.word,
        own.example_id,
        own.word_start,
        own.word_end
    from spurious
    inner join word_types as types on types.kind = 'word' and spurious.word = types.type
    inner join word_occurrences as own on types.word = own.word
    where spurious.kind = 'type'
    union all
    select
        spurious.kind,
        spurious.label,
        spurious.word,
        own.example_id,
        own.word_start,
        own.word_end
    from spurious
    inner join piece_occurrences as pieces on spurious.word = pieces.piece
    inner join word_occurrences as own on pieces.example_id = own.example_id and pieces.source_word = own.word
    where spurious.kind = 'piece'
    union all
    select
        spurious.kind,
        spurious.label,
        spurious.word,
        spans.example_id,
        spans.span_start,
        spans.span_end
    from spurious
    inner join pattern_spans as spans on spurious.type = spans.type and spurious.word = spans.pattern
    where spurious.kind = 'pattern'
),

wholes as (
    select *
    from parts
    where kind in ('pattern', 'type')
),

inside as (
    select
        own.kind,
        own.label,
        own.word,
        whole.kind as whole_kind,
        whole.word as whole,
        count(distinct (own.example_id, own.span_start)) as n_inside
    from parts as own
    inner join wholes as whole
        on own.label = whole.label
        and own.example_id = whole.example_id
        and own.span_start < whole.span_end
        and whole.span_start < own.span_end
        -- A pattern in the same texts is the same thing, wherever it stands.
        and (own.kind = 'pattern' or (own.span_start >= whole.span_start and own.span_end <= whole.span_end))
    -- A word of a spurious type is judged against the others of its type.
    where (own.kind, own.word) != (whole.kind, whole.word)
        and (whole.kind = 'pattern' or own.kind = 'pattern')
    group by own.kind, own.label, own.word, whole.kind, whole.word
),

counts as (
    select
        kind,
        label,
        word,
        count(*) as n
    from parts
    group by kind, label, word
),

-- Types of which a spurious pattern pushes towards another label.
mixed as (
    select distinct
        whole.label,
        whole.word
    from wholes as whole
    inner join wholes as own
        on own.kind = 'pattern'
        and own.label != whole.label
        and own.example_id = whole.example_id
        and own.span_start < whole.span_end
        and whole.span_start < own.span_end
    inner join counts on own.kind = counts.kind and own.label = counts.label and own.word = counts.word
    where whole.kind = 'type'
    group by whole.label, whole.word, own.label, own.word, counts.n
    having count(distinct (own.example_id, own.span_start)) >= 0.8 * counts.n
),

holds as (
    select
        inside.*,
        wider.document_frequency,
        inside.kind = 'pattern' and inside.whole_kind = 'type'
        and (own.effect_low > wider.effect_high or mixed.word is not null) as exceeds,
        own.document_frequency as own_frequency
    from inside
    inner join counts using (kind, label, word)
    inner join spurious as own using (kind, label, word)
    inner join spurious as wider
        on inside.whole_kind = wider.kind and inside.label = wider.label and inside.whole = wider.word
    left join mixed on inside.whole_kind = 'type' and inside.label = mixed.label and inside.whole = mixed.word
    where inside.n_inside >= 0.8 * counts.n
        -- Of two that hold each other, the one in more texts is the whole.
        and (
            inside.kind not in ('pattern', 'type')
            or (wider.document_frequency, inside.whole_kind, inside.whole)
            > (own.document_frequency, inside.kind, inside.word)
        )
),

turned as (
    select
        if(exceeds, whole_kind, kind) as kind,
        label,
        if(exceeds, whole, word) as word,
        if(exceeds, kind, whole_kind) as whole_kind,
        if(exceeds, word, whole) as whole,
        if(exceeds, own_frequency, document_frequency) as document_frequency
    from holds
)

select
    kind,
    label,
    word,
    whole_kind,
    whole
from turned
anti join turned as wider on turned.whole_kind = wider.kind and turned.label = wider.label and turned.whole = wider.word
qualify row_number() over (
    partition by kind, label, word order by document_frequency desc, whole_kind, whole
) = 1
order by kind, label, word
