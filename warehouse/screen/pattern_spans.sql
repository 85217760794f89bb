-- pattern_spans: where the patterns stand that many texts share, whichever words fill them.
-- One row per (type, pattern, place in a text).
--
--   shape       what stands between spaces, by its shape: digits, capitals, brackets and marks in letters
--   opening     the first one to six chunks of a text; * where texts differ
--   ending      the last ones
--   line        a line of a text of several; * where texts differ
--   element     tags of one name
--   address     e-mail addresses of one domain, *@domain, and links to it, */domain
--   companions  words that nearly always stand in the same texts
--   capitals    the whole text, if four of five letters are capitals
--   length      the whole text, if it is among the longest tenth, twentieth or fortieth
--   marks       the whole text, if it is among those tenth, twentieth or fortieth with the most marks to a letter
--
-- first   screen/templates, screen/addresses, screen/companions
-- column  type        shape, opening, ending, line, element, address, companions, capitals, length or marks
-- column  pattern     what its texts have in common
-- column  example_id  explained example
-- column  span_start  first character                 [code points]
-- column  span_end    end, exclusive                  [code points]
-- column  surface     what stands there; nothing for a whole text
-- column  place       start, end, first line, last line, inside or whole
-- unique  type, pattern, example_id, span_start
with

many as (
    select
        greatest(8, 0.01 * count(*)) as n_texts
    from examples
    where converged
),

-- Marks within words, as in don't, are none.
measured as (
    select
        example_id,
        text,
        n_tokens,
        length(regexp_replace(text, '[\p{L}\p{N}][''’-][\p{L}\p{N}]|[^\p{P}\p{S}]', '', 'g')) as n_marks,
        n_marks / length(text) as mark_rate
    from examples
    where converged
),

longest as (
    select
        unnest(['the longest tenth', 'the longest twentieth', 'the longest fortieth']) as pattern,
        unnest(quantile_cont(n_tokens, [0.9, 0.95, 0.975])) as n_tokens
    from measured
),

most_marked as (
    select
        unnest([
            'the tenth with the most marks', 'the twentieth with the most marks',
            'the fortieth with the most marks'
        ]) as pattern,
        unnest(quantile_cont(mark_rate, [0.9, 0.95, 0.975])) as mark_rate
    from measured
),

elements as (
    select
        'element' as type,
        concat('<', lower(regexp_extract(surface, '^</?\s*([A-Za-z][A-Za-z0-9]*)', 1)), '>') as pattern,
        example_id,
        word_start as span_start,
        word_end as span_end
    from word_occurrences
    where regexp_matches(surface, '^</?\s*[A-Za-z][^<>]*>$')
),

shapes as (
    select
        'shape' as type,
        shape as pattern,
        example_id,
        core_start as span_start,
        core_start + length(core) as span_end
    from chunks
    -- Letters alone have no shape; what starts like a handle, a hashtag or an address is a type of words.
    -- Tags are elements, with what is written against them.
    where regexp_matches(shape, '[^a''’.-]')
        and not regexp_matches(core, '^(#|@|https?:|www\.)|</?[A-Za-z][^<>]*>|<[A-Za-z]*$|^[A-Za-z]*>')
        and not exists (
            select 1
            from elements
            where chunks.example_id = elements.example_id
                and elements.span_start < chunks.chunk_end and chunks.chunk_start < elements.span_end
        )
),

whole_texts as (
    select
        'capitals' as type,
        'all capitals' as pattern,
        example_id,
        0 as span_start,
        length(text) as span_end
    from examples
    where converged
        and length(regexp_replace(text, '[^\p{Lu}]', '', 'g')) >= 10
        and length(regexp_replace(text, '[^\p{Lu}]', '', 'g')) >= 0.8 * length(regexp_replace(text, '\P{L}', '', 'g'))
    union all
    select
        'length' as type,
        longest.pattern,
        own.example_id,
        0 as span_start,
        length(own.text) as span_end
    from measured as own
    inner join longest on own.n_tokens >= longest.n_tokens
    union all
    select
        'marks' as type,
        most_marked.pattern,
        own.example_id,
        0 as span_start,
        length(own.text) as span_end
    from measured as own
    inner join most_marked on own.mark_rate >= most_marked.mark_rate
    where own.n_marks >= 3
),

found as (
    select
        *,
        false as is_whole
    from shapes
    union all
    select
        *,
        false as is_whole
    from templates
    union all
    select
        *,
        false as is_whole
    from elements
    union all
    select
        *,
        false as is_whole
    from addresses
    union all
    select
        *,
        false as is_whole
    from companions
    union all
    select
        *,
        true as is_whole
    from whole_texts
),

common as (
    select type, pattern
    from found
    cross join many
    group by type, pattern, many.n_texts
    having count(distinct example_id) >= many.n_texts
)

select
    found.type,
    found.pattern,
    found.example_id,
    found.span_start::bigint as span_start,
    found.span_end::bigint as span_end,
    if(found.is_whole, '', examples.text[found.span_start + 1:found.span_end]) as surface,
    case
        when found.is_whole then 'whole'
        when trim(examples.text[:found.span_start]) = '' then if(found.type = 'line', 'first line', 'start')
        when found.type = 'line' then 'last line'
        when trim(examples.text[found.span_end + 1:]) = '' then 'end'
        else 'inside'
    end as place
from found
inner join common using (type, pattern)
inner join examples using (example_id)
-- What the model does not read is no pattern to it.
where found.is_whole
    or examples.n_cut = 0
    or found.span_end <= (1 - examples.n_cut / examples.n_tokens) * length(examples.text)
order by found.type, found.pattern, found.example_id, span_start
