-- ranking: how alike two runs rank words by their global importance.
-- One row.
--
-- nDCG as SageMaker Clarify takes it for attribution drift: the importances of the earlier run in the order of the
-- later one, each divided by the binary logarithm of its rank + 1 (Järvelin and Kekäläinen 2002), over the same in
-- their own order; 1: the same order. A word that the earlier run has not counts 0, and one that the later run has not
-- stands behind all others.
-- Rank-biased overlap: RBO_EXT of Webber, Moffat and Zobel 2010, of the first max_depth words, with persistence p.
--
-- param   before     earlier run
-- param   after      later run
-- param   p          persistence of rank-biased overlap: how far down a reader goes  (0..1)
-- param   max_depth  words of each run that rank-biased overlap reads
-- column  n_before   words of the earlier run
-- column  n_after    words of the later run
-- column  n_shared   words of both
-- column  ndcg       null where nothing is important                                 [0..1]
-- column  rbo        null where a run has no words                                   [0..1]
with

ranked as (
    select
        word,
        before.importance as importance_before,
        after.importance as importance_after,
        row_number() over (order by coalesce(before.importance, -1) desc, word) as rank_before,
        row_number() over (order by coalesce(after.importance, -1) desc, word) as rank_after
    from (select * from main.run_words where run_id = $before) as before
    full join (select * from main.run_words where run_id = $after) as after using (word)
),

gains as (
    select
        count(importance_before) as n_before,
        count(importance_after) as n_after,
        count(importance_before + importance_after) as n_shared,
        sum(coalesce(importance_before, 0) / log2(rank_after + 1))
            / nullif(sum(coalesce(importance_before, 0) / log2(rank_before + 1)), 0) as ndcg,
        least(n_before, n_after, $max_depth) as depth
    from ranked
),

-- A word is in the overlap from the larger of its ranks on.
entered as (
    select
        greatest(rank_before, rank_after) as d,
        count(*) as n
    from ranked
    where importance_before is not null and importance_after is not null and d <= $max_depth
    group by d
),

deep as (
    select
        depths.d,
        sum(coalesce(entered.n, 0)) over (order by depths.d) as overlap
    from (select unnest(range(1, depth + 1)) as d from gains) as depths
    left join entered using (d)
),

overlap as (
    select
        arg_max(overlap, d) / max(d) * $p ** max(d) + (1 - $p) / $p * sum(overlap / d * $p ** d) as rbo
    from deep
)

select
    gains.n_before,
    gains.n_after,
    gains.n_shared,
    gains.ndcg,
    overlap.rbo
from gains
cross join overlap
