-- change_families: of how many words two runs ask whether they have changed.
-- One row per kind of test.
--
-- param   before   earlier run
-- param   after    later run
-- column  in_both  words with figures in both runs, or in one alone
-- column  n_tests  words with figures that push towards a label in the later run, or in the earlier one where the later
--                  has none
select
    after.mean_score - before.mean_score is not null as in_both,
    count(*) as n_tests
from (select * from main.run_means where run_id = $before and kind = 'word') as before
full join (select * from main.run_means where run_id = $after and kind = 'word') as after using (label, word)
where coalesce(after.mean_score, before.mean_score) > 0
group by in_both
