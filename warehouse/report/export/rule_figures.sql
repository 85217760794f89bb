-- rule_figures: the table rule_figures, for other programs. Its columns are those of trace/rule_figures.sql.
-- One row per (corpus, rule) and (corpus, term).
select *
from rule_figures
order by corpus, rule_id, term_id
