-- spaceless: words of scripts that are written without spaces.
-- One row.
--
-- column  n_words   occurrences of all words
-- column  n_spaceless  of these, in Chinese, Japanese, Thai, Lao, Khmer or Burmese letters
-- unique  n_words
select
    count(*) as n_words,
    count(*) filter (
        where regexp_matches(surface, '[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]')
    ) as n_spaceless
from word_occurrences
