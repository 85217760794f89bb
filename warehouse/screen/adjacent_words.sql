-- adjacent_words: what the words right beside a word say about it.
-- One row per word.
--
-- param   first_names         common first names, lower case
-- column  word                lower-case word
-- column  n_after_first_name  occurrences, capitalised, right after a first name
-- column  n_before_name       occurrences of a first name, capitalised, right before another capitalised word
-- column  n_after_locative    occurrences right after a word that leads to a place
-- column  n_in_places         occurrences as a part of a place of two words
-- column  n_clitic            occurrences as a half of a contraction
-- unique  word
with

occurrences as (
    select
        example_id,
        word_start,
        word_end,
        word,
        regexp_matches(surface, '^[\p{Lu}\p{Lt}]') as capitalised
    from word_occurrences
),

leads as (
    select
        example_id,
        word,
        word_end + 1 as next_start,
        -- in, her and my are first names to the census
        capitalised and word in (select unnest($first_names::varchar[]))
        and word not in (select word from listed_words) as first_name,
        word in (
            'in', 'from', 'near', 'outside', 'around', 'across', 'throughout', 'aus', 'nach', 'bei', 'en', 'dans'
        ) as locative
    from occurrences
    where first_name or locative
),

led as (
    select
        occurrences.word,
        count(*) filter (where leads.first_name and occurrences.capitalised) as n_after_first_name,
        count(*) filter (where leads.locative) as n_after_locative
    from occurrences
    inner join leads
        on occurrences.example_id = leads.example_id and occurrences.word_start = leads.next_start
    group by occurrences.word
),

before_names as (
    select
        leads.word,
        count(*) as n_before_name
    from leads
    inner join occurrences
        on leads.example_id = occurrences.example_id and leads.next_start = occurrences.word_start
    where leads.first_name and occurrences.capitalised
    group by leads.word
),

place_parts as (
    select
        word,
        sum(n_possible)::bigint as n_in_places
    from (
        select first_word as word, n_possible from place_pairs
        union all
        select second_word as word, n_possible from place_pairs
    )
    group by word
),

apostrophes as (
    select
        example_id,
        word_start,
        word_end
    from word_occurrences
    where word = ''''
),

-- Contractions that a tokenizer took apart before the text got here: don ' t.
clitics as (
    select
        occurrences.word,
        count(*) as n_clitic
    from occurrences
    inner join apostrophes
        on occurrences.example_id = apostrophes.example_id
        and (
            (
                occurrences.word in ('s', 't', 'd', 'm', 're')
                and occurrences.word_start - apostrophes.word_end between 0 and 1
            )
            or (occurrences.word = 'don' and apostrophes.word_start - occurrences.word_end between 0 and 1)
        )
    group by occurrences.word
)

select
    word,
    coalesce(n_after_first_name, 0) as n_after_first_name,
    coalesce(n_before_name, 0) as n_before_name,
    coalesce(n_after_locative, 0) as n_after_locative,
    coalesce(n_in_places, 0) as n_in_places,
    coalesce(n_clitic, 0) as n_clitic
from casing
left join led using (word)
left join before_names using (word)
left join place_parts using (word)
left join clitics using (word)
order by word
