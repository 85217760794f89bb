-- evidence: the effects of a candidate side by side, and pooled.
-- One row per (kind, label, word).
--
-- Necessity and sufficiency are those of the model (Joshi et al. 2022): how often its prediction depends on the word,
-- and how often the word alone determines it. The texts of insert are other texts than those of the other operators.
--
-- param   min_flip_rate         share of predictions that must change significantly for an operator to count  [0..1]
-- column  kind                      word or piece
-- column  label                     label the word pushes towards
-- column  word                      lower-case word; a piece with · where the word goes on
-- column  n_trials                  trials of all operators
-- column  n_texts                   texts in which it was deleted
-- column  delete_effect             mean effect by delete  [log-odds]
-- column  mask_effect               mean effect by mask  [log-odds]
-- column  swap_effect               mean effect by swap  [log-odds]
-- column  insert_effect             mean effect by insert  [log-odds]
-- column  effect                    mean of these four, or of those that exist  [log-odds]
-- column  pooled_low                95 % interval of the mean of two: of delete, mask and swap, averaged in each
--                                   text, and of insert, in other texts; of one if the other has under three
--                                   texts  [log-odds]
-- column  pooled_high               its upper end  [log-odds]
-- column  n_agreeing                of these four, with a mean above 0
-- column  n_for                     of these four, with intervals above 0
-- column  n_against                 of these four, with intervals below 0
-- column  flip_rate                 texts whose prediction changes, to whichever label, by delete  [0..1]
-- column  flip_rate_low             lower end of its 95 % interval  [0..1]
-- column  n_flipping                of delete, mask and swap, those that significantly change min_flip_rate
--                                   of the predictions
-- column  necessity                 texts read as the label that no longer are, by delete and swap  [0..1]
-- column  sufficiency               texts read as another label that become the label, by insert  [0..1]
-- column  swap_size                 mean |effect| of a swap within the type: 0 if it should not matter  [log-odds]
-- column  opposite_share            texts in which delete has the opposite effect  [0..1]
-- column  coefficient_of_variation  standard deviation over |mean| of the effects by delete
-- column  n_neighbours              different neighbours that were tried
-- column  neighbour_loss            share of the effect by delete that is lost with a neighbour in its place:
--                                   the slope of one on the other
-- column  neighbour_size            mean |difference| of a neighbour to no word, over the mean |effect| by delete
-- column  replacement_size          the same for the words of swap: the size for an arbitrary word
-- unique  kind, label, word
with

wide as (
    select
        kind,
        label,
        word,
        sum(n_trials)::bigint as n_trials,
        max(n_trials) filter (where operator = 'delete') as n_texts,
        max(mean_effect) filter (where operator = 'delete') as delete_effect,
        max(mean_effect) filter (where operator = 'mask') as mask_effect,
        max(mean_effect) filter (where operator = 'swap') as swap_effect,
        max(mean_effect) filter (where operator = 'insert') as insert_effect,
        avg(mean_effect) filter (where operator != 'neighbour') as effect,
        count(*) filter (where operator != 'neighbour' and mean_effect > 0) as n_agreeing,
        count(*) filter (where operator != 'neighbour' and effect_low > 0) as n_for,
        count(*) filter (where operator != 'neighbour' and effect_high < 0) as n_against,
        max(change_rate) filter (where operator = 'delete') as flip_rate,
        max(change_low) filter (where operator = 'delete') as flip_rate_low,
        count(*) filter (where operator in ('delete', 'mask', 'swap') and change_low >= $min_flip_rate) as n_flipping,
        sum(n_flipped) filter (where operator in ('delete', 'swap'))
        / nullif(sum(n_flippable) filter (where operator in ('delete', 'swap')), 0) as necessity,
        max(flip_rate) filter (where operator = 'insert') as sufficiency,
        max(mean_size) filter (where operator = 'swap') as swap_size,
        max(opposite_share) filter (where operator = 'delete') as opposite_share,
        max(sd) filter (where operator = 'delete')
        / nullif(abs(max(mean_effect) filter (where operator = 'delete')), 0) as coefficient_of_variation
    from effects
    group by kind, label, word
),

-- Delete, mask and swap share their texts, so their effects are not independent: a text counts once, with their mean.
-- Insert has texts of its own.
per_text_effects as (
    select
        kind,
        label,
        word,
        operator = 'insert' as inserted,
        example_id,
        avg(effect) as effect
    from trials
    where operator != 'neighbour'
    group by kind, label, word, inserted, example_id
),

groups as (
    select
        kind,
        label,
        word,
        inserted,
        avg(effect) as mean,
        var_samp(effect) / count(*) as variance_of_mean,
        count(*) - 1 as dof
    from per_text_effects
    group by kind, label, word, inserted
    having count(*) >= 3
),

-- Degrees of freedom of a sum of independent means: Welch 1947 and Satterthwaite 1946.
pooled as (
    select
        kind,
        label,
        word,
        avg(mean) as mean,
        sqrt(sum(variance_of_mean)) / count(*) as std_error,
        coalesce(sum(variance_of_mean) ** 2 / nullif(sum(variance_of_mean ** 2 / dof), 0), sum(dof)) as dof
    from groups
    group by kind, label, word
),

-- Only texts in which the word was deleted as well.
compared as (
    select
        other.kind,
        other.label,
        other.word,
        count(distinct other.replacement) filter (where other.operator = 'neighbour') as n_neighbours,
        -- Not the quotient of the means: 0/0 for a word that pushes towards different labels in different texts.
        sum(other.effect * deleted.effect) filter (where other.operator = 'neighbour')
        / nullif(sum(deleted.effect ** 2) filter (where other.operator = 'neighbour'), 0) as neighbour_loss,
        avg(abs(other.margin_after - deleted.margin_after)) filter (where other.operator = 'neighbour')
        / nullif(avg(abs(deleted.effect)) filter (where other.operator = 'neighbour'), 0) as neighbour_size,
        avg(abs(other.margin_after - deleted.margin_after)) filter (where other.operator = 'swap')
        / nullif(avg(abs(deleted.effect)) filter (where other.operator = 'swap'), 0) as replacement_size
    from trials as other
    inner join trials as deleted using (kind, label, word, example_id)
    where other.operator in ('neighbour', 'swap') and deleted.operator = 'delete'
    group by other.kind, other.label, other.word
)

select
    wide.kind,
    wide.label,
    wide.word,
    wide.n_trials,
    wide.n_texts,
    wide.delete_effect,
    wide.mask_effect,
    wide.swap_effect,
    wide.insert_effect,
    wide.effect,
    pooled.mean - t_975(pooled.dof) * pooled.std_error as pooled_low,
    pooled.mean + t_975(pooled.dof) * pooled.std_error as pooled_high,
    wide.n_agreeing,
    wide.n_for,
    wide.n_against,
    wide.flip_rate,
    wide.flip_rate_low,
    wide.n_flipping,
    wide.necessity,
    wide.sufficiency,
    wide.swap_size,
    wide.opposite_share,
    wide.coefficient_of_variation,
    coalesce(compared.n_neighbours, 0) as n_neighbours,
    compared.neighbour_loss,
    compared.neighbour_size,
    compared.replacement_size
from wide
left join pooled using (kind, label, word)
left join compared using (kind, label, word)
order by wide.kind desc, wide.label, wide.word
