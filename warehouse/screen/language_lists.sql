-- language_lists: the word lists that rules about types rest on, and whether the languages of the texts have them.
-- One row per list.
--
-- param   word_lists  CSV file: list, language
-- column  list        name of the list
-- column  is_used     a language of the texts has it
-- column  is_known    all of them have it: a rule that makes a word suspect needs the list for every text
-- column  missing     languages of the texts that have none, by name
-- unique  list
with

word_lists as (
    select * from read_csv($word_lists, header = true, all_varchar = true)
),

pairs as (
    select
        names.list,
        languages.name,
        word_lists.list is not null as is_there
    from (select distinct list from word_lists) as names
    left join languages on true
    left join word_lists on names.list = word_lists.list and languages.language = word_lists.language
)

select
    list,
    coalesce(bool_or(is_there), false) as is_used,
    coalesce(bool_and(is_there) filter (where name is not null), false) as is_known,
    coalesce(list(name order by name) filter (where name is not null and not is_there), []) as missing
from pairs
group by list
order by list
