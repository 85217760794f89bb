-- words: the table words, for other programs. Its columns are those of screen/words.sql.
-- One row per (kind, label, word).
select *
from words
order by used desc, impact desc, kind desc, label, word
