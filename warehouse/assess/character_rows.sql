-- character_rows: the characters that stand in most unknown tokens.
-- One row per character, fifty at most. Its columns are those of unknown_characters.
--
-- unique  character
select *
from unknown_characters
order by n_unknown desc, character
limit 50
