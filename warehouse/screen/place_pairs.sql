-- place_pairs: places of two words, as the texts have them: new york.
-- One row per place of the list that stands in a text.
--
-- param   places             CSV file: place, kind
-- column  place              place in lower case
-- column  first_word         its first word
-- column  second_word        its second word
-- column  n_possible         occurrences that capitals do not speak against
-- column  capitalised_share  share of occurrences with both words capitalised; null where capitals say nothing  [0..1]
-- unique  place
with

places as (
    select place
    from read_csv($places, header = true, all_varchar = true)
    where contains(place, ' ')
),

occurrences as (
    select
        example_id,
        word_start,
        word_end,
        word,
        regexp_matches(surface, '^[\p{Lu}\p{Lt}]') as capitalised
    from word_occurrences
),

found as (
    select
        places.place,
        firsts.word as first_word,
        seconds.word as second_word,
        if(telling_texts.example_id is null, null, firsts.capitalised and seconds.capitalised) as capitalised
    from places
    inner join occurrences as firsts on split_part(places.place, ' ', 1) = firsts.word
    inner join occurrences as seconds
        on firsts.example_id = seconds.example_id
        and firsts.word_end + 1 = seconds.word_start
        and substring(places.place, length(firsts.word) + 2) = seconds.word
    left join telling_texts on firsts.example_id = telling_texts.example_id
)

select
    place,
    first_word,
    second_word,
    count(*) filter (where coalesce(capitalised, true)) as n_possible,
    avg(capitalised::integer) as capitalised_share
from found
group by place, first_word, second_word
order by place
