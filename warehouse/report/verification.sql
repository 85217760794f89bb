-- verification: what the tests cost, and what was left out.
-- One row.
--
-- column  n_used        words and pieces that the model uses
-- column  n_candidates  words and pieces that were tried
-- column  n_cut         words and pieces that the model uses, left out
-- column  n_trials      changed texts
-- column  n_passes      forward passes
-- column  n_lost        texts left out because they kill the process that reads them
-- column  n_operations  operators on candidates
-- column  n_early       of these, settled early
-- unique  n_candidates
select
    n_used,
    n_candidates,
    n_cut,
    n_trials,
    n_passes,
    n_lost,
    n_operations,
    n_early
from verification_cost
