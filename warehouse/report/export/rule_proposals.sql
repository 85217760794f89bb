-- rule_proposals: the table rule_proposals, for other programs. Its columns are those of recommend/rule_proposals.sql.
-- One row per change.
select *
from rule_proposals
order by rank
