-- casing: how often a word is capitalised where no sentence starts.
-- One row per word.
--
-- Casing is read from the raw text, so it works under an uncased tokenizer. Words in capitals are passed over where
-- people write so for emphasis.
--
-- column  word                   lower-case word
-- column  n_occurrences          occurrences in all texts
-- column  n_inside               occurrences where no sentence starts and capitals say something
-- column  n_capitalised          of these, capitalised
-- column  nouns_are_capitalised  the corpus capitalises all nouns; the same in every row
-- unique  word
with

telling as (
    select
        word,
        regexp_matches(surface, '^[\p{Lu}\p{Lt}]') as capitalised,
        regexp_matches(surface, '^\p{Lu}[\p{Lu}\p{M}''’]*\p{Lu}$') as in_capitals
    from word_occurrences
    inner join telling_texts using (example_id)
    where not starts_sentence and regexp_matches(surface, '^[\p{Lu}\p{Ll}\p{Lt}]')
),

counted as (
    select
        word,
        count(*) as n,
        count(*) filter (where capitalised) as n_capitalised,
        count(*) filter (where in_capitals) as n_in_capitals,
        -- one in a thousand words or fewer: names and most nouns, and hardly any word that holds sentences together
        count(*) <= greatest(0.001 * sum(count(*)) over (), median(count(*)) over ()) as rare
    from telling
    group by word
),

corpus as (
    select
        -- a lower-cased corpus has stray capitals
        coalesce(sum(n_capitalised) / nullif(sum(n), 0) >= 0.002, false) as casing_speaks,
        -- of the words in capitals, a quarter are words that are mostly written without: emphasis, not acronyms
        coalesce(
            sum(n_in_capitals) filter (where n > 2 * n_in_capitals) / nullif(sum(n_in_capitals), 0) >= 0.25, false
        ) as shouts,
        -- German: about half of the rarer words; English news, rich in names, a quarter
        coalesce(
            sum(n_capitalised) filter (where rare) / nullif(sum(n) filter (where rare), 0) >= 0.4
            and sum(n) filter (where rare) >= 100,
            false
        ) as nouns_are_capitalised
    from counted
),

inside as (
    select
        telling.word,
        count(*) as n_inside,
        count(*) filter (where telling.capitalised) as n_capitalised
    from telling
    cross join corpus
    where corpus.casing_speaks and not (telling.in_capitals and corpus.shouts)
    group by telling.word
),

distinct_words as (
    select
        word,
        count(*) as n_occurrences
    from word_occurrences
    group by word
)

select
    word,
    n_occurrences,
    coalesce(n_inside, 0) as n_inside,
    coalesce(n_capitalised, 0) as n_capitalised,
    nouns_are_capitalised
from distinct_words
cross join corpus
left join inside using (word)
order by word
