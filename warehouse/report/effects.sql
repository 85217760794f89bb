-- effects: what each operator shows of the spurious words on the page.
-- One row per (rank, operator), in the order of the page and of the operators.
--
-- param   max_verdicts  longest list of words
-- column  rank          rank of the word among the spurious ones
-- column  caption       rank and word
-- column  label         label the word pushes towards
-- column  word          lower-case word
-- column  operator      delete, mask, swap, neighbour or insert
-- column  n_trials      texts
-- column  mean_effect   what the word adds on average                [log-odds]
-- column  effect_low    95 % interval of mean_effect                 [log-odds]
-- column  effect_high   95 % interval of mean_effect                 [log-odds]
-- column  n_flippable   texts whose prediction could flip
-- column  n_flipped     of these, flipped
-- unique  rank, operator
select
    verdicts.rank,
    concat(verdicts.rank, '. ', verdicts.word) as caption,
    verdicts.label,
    verdicts.word,
    effects.operator,
    effects.n_trials,
    effects.mean_effect,
    effects.effect_low,
    effects.effect_high,
    effects.n_flippable,
    effects.n_flipped
from verdicts
inner join effects using (kind, label, word)
where verdicts.status = 'spurious' and verdicts.rank <= $max_verdicts
order by rank, list_position(['delete', 'mask', 'swap', 'neighbour', 'insert'], effects.operator)
