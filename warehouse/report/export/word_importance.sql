-- word_importance: the table word_importance, for other programs. Its columns are those of aggregate/word_importance.sql.
-- One row per (kind, label, word).
select *
from word_importance
order by label, kind desc, abs(impact) desc, word
