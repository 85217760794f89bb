-- total: what all findings do together, and the state of the audit.
-- One row.
--
-- Its columns are those of total.
select *
from total
