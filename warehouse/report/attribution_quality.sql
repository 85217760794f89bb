-- attribution_quality: what the audit can promise about its scores, and what it cost.
-- One row.
-- Its columns are those of the table.
select *
from attribution_quality
order by mode
