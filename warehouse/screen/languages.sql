-- languages: the languages of the texts, whose word lists are used.
-- One row per language, the most frequent first.
--
-- param   languages       JSON list of language, share: those that the settings name, or those that were detected
-- param   language_names  CSV file: language, name
-- column  language        code of ISO 639
-- column  name            name in English; the code where it has none in the file
-- column  share           share of the letters of a sample of texts; null where the settings name it  [0..1]
-- unique  language
select
    given.language,
    coalesce(names.name, given.language) as name,
    given.share
from (
    select unnest(from_json($languages::json, '[{"language":"varchar","share":"double"}]'), recursive := true)
) as given
left join read_csv($language_names, header = true, all_varchar = true) as names using (language)
order by given.share desc nulls last, given.language
