-- languages: the languages of the texts, the most frequent first.
-- One row per language.
--
-- column  language  code of ISO 639
-- column  name      name in English
-- column  share     share of the letters of a sample of texts; null where the settings name it  [0..1]
-- unique  language
select
    language,
    name,
    share
from languages
order by share desc nulls last, language
