-- language_lists: the word lists that a language of the texts lacks.
-- One row per list.
--
-- column  list     name of the list
-- column  missing  languages without it, by name; none where no language is known
-- unique  list
select
    list,
    missing
from language_lists
where not is_known
order by list
