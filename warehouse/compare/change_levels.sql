-- change_levels: the q-values of the words that have changed (Benjamini and Hochberg 1995).
-- One row per word of change_tests whose change counts.
--
-- Sorted without the words, whose ten million would not fit into the memory of a small machine.
--
-- param   fdr      false discovery rate at which a change counts  [0..1]
-- column  in_both  words with figures in both runs, or in one alone: a kind of test
-- column  p_value  that nothing has changed
-- column  q_value  the same over all words of this kind of test
with

ranks as (
    select
        in_both,
        p_value,
        step_up_rank(p_value, in_both) as p_rank
    from change_tests
),

controlled as (
    select
        in_both,
        p_value,
        step_up_q(p_value, n_tests, p_rank, in_both) as q_value
    from ranks
    inner join change_families using (in_both)
)

select
    in_both,
    p_value,
    q_value
from controlled
where p_value is not null and q_value <= $fdr
