-- evidence: the effects of a candidate side by side, and what they say together.
-- One row per (kind, label, word).
--
-- Necessity and sufficiency are those of the model (Joshi et al. 2022): how often its prediction hangs on the word, and
-- how often the word alone makes it. The texts of insert are other texts than those of the other operators.
--
-- column  kind               word or piece
-- column  label              label the word speaks for
-- column  word               lower-case word; a piece with · where the word goes on
-- column  n_trials           trials of all operators
-- column  delete_effect      mean effect by delete                                                        [log-odds]
-- column  mask_effect        mean effect by mask                                                          [log-odds]
-- column  swap_effect        mean effect by swap                                                          [log-odds]
-- column  insert_effect      mean effect by insert                                                        [log-odds]
-- column  strength           mean of these four, or of those there are                                    [log-odds]
-- column  n_for              of these four, with intervals above 0
-- column  n_against          of these four, with intervals below 0
-- column  necessity          texts read as the label that no longer are, by delete and swap               [0..1]
-- column  sufficiency        texts read as another label that become the label, by insert                 [0..1]
-- column  swap_size          mean |effect| of a swap within the type: 0 where the word should not matter  [log-odds]
-- column  opposite_share     texts in which delete has the opposite effect                                [0..1]
-- column  spread             standard deviation over |mean| of the effects by delete
-- column  n_neighbours       different neighbours that were tried
-- column  neighbour_loss     share of the effect by delete that is lost with a neighbour in its place
-- column  neighbour_size     mean |difference| of a neighbour to no word, over |delete_effect|
-- column  stand_in_size      the same for the words of swap: what any word does
-- unique  kind, label, word
with

wide as (
    select
        kind,
        label,
        word,
        sum(n_trials)::bigint as n_trials,
        max(mean_effect) filter (where operator = 'delete') as delete_effect,
        max(mean_effect) filter (where operator = 'mask') as mask_effect,
        max(mean_effect) filter (where operator = 'swap') as swap_effect,
        max(mean_effect) filter (where operator = 'insert') as insert_effect,
        avg(mean_effect) filter (where operator != 'neighbour') as strength,
        count(*) filter (where operator != 'neighbour' and effect_low > 0) as n_for,
        count(*) filter (where operator != 'neighbour' and effect_high < 0) as n_against,
        sum(n_flipped) filter (where operator in ('delete', 'swap'))
        / nullif(sum(n_flippable) filter (where operator in ('delete', 'swap')), 0) as necessity,
        max(flip_rate) filter (where operator = 'insert') as sufficiency,
        max(mean_size) filter (where operator = 'swap') as swap_size,
        max(opposite_share) filter (where operator = 'delete') as opposite_share,
        max(sd) filter (where operator = 'delete')
        / nullif(abs(max(mean_effect) filter (where operator = 'delete')), 0) as spread
    from effects
    group by kind, label, word
),

-- Only texts in which the word was deleted as well.
compared as (
    select
        other.kind,
        other.label,
        other.word,
        count(distinct other.replacement) filter (where other.operator = 'neighbour') as n_neighbours,
        avg(other.effect) filter (where other.operator = 'neighbour')
        / nullif(avg(without.effect) filter (where other.operator = 'neighbour'), 0) as neighbour_loss,
        avg(abs(other.margin_after - without.margin_after)) filter (where other.operator = 'neighbour')
        / nullif(abs(avg(without.effect) filter (where other.operator = 'neighbour')), 0) as neighbour_size,
        avg(abs(other.margin_after - without.margin_after)) filter (where other.operator = 'swap')
        / nullif(abs(avg(without.effect) filter (where other.operator = 'swap')), 0) as stand_in_size
    from trials as other
    inner join trials as without using (kind, label, word, example_id)
    where other.operator in ('neighbour', 'swap') and without.operator = 'delete'
    group by other.kind, other.label, other.word
)

select
    wide.kind,
    wide.label,
    wide.word,
    wide.n_trials,
    wide.delete_effect,
    wide.mask_effect,
    wide.swap_effect,
    wide.insert_effect,
    wide.strength,
    wide.n_for,
    wide.n_against,
    wide.necessity,
    wide.sufficiency,
    wide.swap_size,
    wide.opposite_share,
    wide.spread,
    coalesce(compared.n_neighbours, 0) as n_neighbours,
    compared.neighbour_loss,
    compared.neighbour_size,
    compared.stand_in_size
from wide
left join compared using (kind, label, word)
order by wide.kind desc, wide.label, wide.word
