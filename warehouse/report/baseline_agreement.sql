-- baseline_agreement: how far two baselines agree on the tokens of a text, on the pilot.
-- One row per pair of baselines.
--
-- column  baseline_a      first baseline
-- column  baseline_b      second baseline
-- column  n_examples      texts compared
-- column  rank_agreement  mean rank correlation (Spearman) of the scores of a text's tokens   [-1..1]
-- column  top_agreement   share of texts whose strongest token is the same                    [0..1]
-- unique  baseline_a, baseline_b
select
    baseline_a,
    baseline_b,
    n_examples,
    rank_agreement,
    top_agreement
from baseline_agreement
order by baseline_a, baseline_b
