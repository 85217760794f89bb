-- taught_words: the table taught_words, for other programs. Its columns are those of trace/taught_words.sql.
-- One row per (kind, label, word).
select *
from taught_words
order by kind, label, word
