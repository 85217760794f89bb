-- belongs: the spurious pattern or type that a spurious word, piece, pair, type or pattern is a part of.
-- One row per (kind, label, word) that is.
--
-- A pattern or a type is a part of what it stands within four times in five, if it pushes towards the same label; a
-- word, a piece or a pair of the spurious patterns that it stands within more often than not, whatever it is called
-- there: it cannot be told from them. A type that is not shown to push apart from the spurious patterns of its words,
-- at 5 % in eight texts or more, is a part of the widest of them; so is a pattern that is shown not to. A pattern
-- that does more than its type is no part of it, by their 95 % intervals. A part of a part is a part of the whole.
--
-- first   judge/finding_places
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
        tested.document_frequency,
        tested.effect_low,
        tested.effect_high
    from judged
    inner join tested using (kind, label, word)
    where judged.verdict = 'spurious'
),

wholes as (
    select *
    from finding_places
    where kind in ('pattern', 'type')
),

counts as (
    select
        kind,
        label,
        word,
        count(*) as n,
        sum(span_end - span_start) as length
    from finding_places
    group by kind, label, word
),

mostly_within as (
    select
        own.kind,
        own.label,
        own.word
    from finding_places as own
    inner join counts using (kind, label, word)
    inner join wholes as whole
        on whole.kind = 'pattern' and not whole.is_text
        and own.example_id = whole.example_id
        and own.span_start >= whole.span_start
        and own.span_end <= whole.span_end
    where own.kind not in ('pattern', 'type')
    group by own.kind, own.label, own.word, counts.n
    having count(distinct (own.example_id, own.span_start)) > 0.5 * counts.n
),

inside as (
    select
        own.kind,
        own.label,
        own.word,
        whole.kind as whole_kind,
        whole.label as whole_label,
        whole.word as whole,
        count(distinct (own.example_id, own.span_start)) as n_inside,
        sum(least(own.span_end, whole.span_end) - greatest(own.span_start, whole.span_start)) / counts.length as covered
    from finding_places as own
    inner join counts on own.kind = counts.kind and own.label = counts.label and own.word = counts.word
    inner join wholes as whole
        on own.example_id = whole.example_id
        and own.is_text = whole.is_text
        and own.span_start < whole.span_end
        and whole.span_start < own.span_end
        -- A pattern in the same texts is the same thing, wherever it stands.
        and (own.kind = 'pattern' or (own.span_start >= whole.span_start and own.span_end <= whole.span_end))
    -- A word of a spurious type is judged against the others of its type.
    where (own.kind, own.word) != (whole.kind, whole.word)
        and (whole.kind = 'pattern' or own.kind = 'pattern')
    group by own.kind, own.label, own.word, whole.kind, whole.label, whole.word, counts.n, counts.length
    having n_inside >= 0.8 * counts.n
        or (own.kind, own.label, own.word) in (select (kind, label, word) from mostly_within)
),

apart as (
    select
        trials.kind,
        trials.label,
        trials.word,
        count(*) as n_texts,
        student_above(avg(trials.effect), stddev_samp(trials.effect) / sqrt(count(*)), count(*) - 1) <= 0.05 as pushes
    from turning_trials as trials
    where not exists (
        select 1
        from inside
        inner join pattern_spans as spans on inside.word = spans.pattern
        where inside.kind = 'pattern'
            and inside.whole_kind = trials.kind and inside.whole = trials.word
            and spans.example_id = trials.example_id
    )
    group by trials.kind, trials.label, trials.word
    having count(*) >= 8
),

holds as (
    select
        inside.* exclude (covered),
        wider.document_frequency,
        own.document_frequency as own_frequency,
        inside.kind = 'pattern'
        and not coalesce(apart.pushes, inside.whole_kind = 'pattern') as turns,
        inside.kind = 'pattern' and inside.whole_kind = 'type' and own.effect_low > wider.effect_high as exceeds
    from inside
    inner join spurious as own using (kind, label, word)
    inner join spurious as wider
        on inside.whole_kind = wider.kind and inside.whole_label = wider.label and inside.whole = wider.word
    left join apart
        on inside.whole_kind = apart.kind and inside.whole_label = apart.label and inside.whole = apart.word
    where (inside.label = inside.whole_label or inside.kind not in ('pattern', 'type'))
        -- A line with a number in it is more than a number.
        and (inside.whole_kind = 'pattern' or inside.covered >= 0.5)
        -- Of two that hold each other, the one in more texts is the whole.
        and (
            inside.kind not in ('pattern', 'type')
            or (wider.document_frequency, inside.whole_kind, inside.whole)
            > (own.document_frequency, inside.kind, inside.word)
        )
),

wider as (
    select
        if(turns, whole_kind, kind) as kind,
        if(turns, whole_label, label) as label,
        if(turns, whole, word) as word,
        if(turns, kind, whole_kind) as whole_kind,
        if(turns, label, whole_label) as whole_label,
        if(turns, word, whole) as whole,
        turns
    from holds
    where turns or not exceeds
    qualify row_number() over (
        partition by if(turns, whole_kind, kind), if(turns, whole_label, label), if(turns, whole, word)
        order by
            turns desc,
            if(kind in ('pattern', 'type'), if(turns, own_frequency, document_frequency), n_inside) desc,
            if(turns, word, whole)
    ) = 1
)

select
    own.kind,
    own.label,
    own.word,
    coalesce(next.whole_kind, own.whole_kind) as whole_kind,
    coalesce(next.whole, own.whole) as whole
from wider as own
left join wider as next on own.whole_kind = next.kind and own.whole_label = next.label and own.whole = next.word
-- What is within a type that turned out to be one of its patterns need not be within that pattern.
where not coalesce(next.turns, false)
order by own.kind, own.label, own.word
