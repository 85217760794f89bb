-- verification_cost: what was tried, what it cost, and what was left out.
-- One row.
--
-- param   passes         forward passes of all parts
-- param   lost           texts that the parts were made without
-- param   early          operators that were settled before their last text
-- column  n_used         words and pieces that the model uses
-- column  n_candidates   words and pieces that were tried
-- column  n_cut          words and pieces that the model uses, left out by screening.max_candidates
-- column  n_trials       changed texts, each stand-in once; without those of the placebos
-- column  n_passes       forward passes, those of the placebos too
-- column  n_lost         texts left out of a group of words because they kill the process that reads them
-- column  n_operations   operators on candidates
-- column  n_early        of these, settled before the largest number of texts
-- unique  n_candidates
select
    coalesce((select max(n_used) from candidates), 0) as n_used,
    (select count(*) from candidates) as n_candidates,
    coalesce((select max(n_used) - count(*) filter (where is_used) from candidates), 0) as n_cut,
    (select coalesce(sum(if(operator = 'swap', n_placebos, 1)), 0)::bigint from trials) as n_trials,
    $passes::bigint as n_passes,
    $lost::bigint as n_lost,
    count(*) as n_operations,
    $early::bigint as n_early
from effects
