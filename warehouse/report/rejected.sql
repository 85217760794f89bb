-- rejected: rows of the dataset that could not be audited, by reason.
-- One row per reason.
--
-- column  reason  empty, not text, undecodable, unknown label, no tokens, duplicate, ...
-- column  n_rows  rows
-- unique  reason
select
    reason,
    count(*) as n_rows
from rejects
group by reason
order by n_rows desc, reason
