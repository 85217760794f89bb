-- telling_texts: the texts whose capitals say something about their words.
-- One row per example.
--
-- In them some words are capitalised and some are not, and not most words are. What is shouted, headlines, and texts
-- without any capital are passed over.
--
-- column  example_id  example
-- unique  example_id
with

occurrences as (
    select
        example_id,
        not starts_sentence as inside,
        regexp_matches(surface, '^[\p{Lu}\p{Lt}]') as capitalised
    from word_occurrences
    -- Chinese, Arabic and many other scripts have no capitals to leave out
    where regexp_matches(surface, '^[\p{Lu}\p{Ll}\p{Lt}]')
)

select example_id
from occurrences
group by example_id
having bool_or(capitalised)
    and bool_or(not capitalised)
    and (
        count(*) filter (where inside) < 4
        or count(*) filter (where inside and capitalised) <= 0.6 * count(*) filter (where inside)
    )
order by example_id
