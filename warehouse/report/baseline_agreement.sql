-- baseline_agreement: how far two baselines agree on the tokens of a text.
-- One row per pair of baselines. Its columns are those of the table.
select *
from baseline_agreement
order by baseline_a, baseline_b
