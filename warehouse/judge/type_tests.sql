-- type_tests: the three questions of a verdict, asked of the types of words.
-- One row per type.
--
-- The label of a type is the one it pushes towards most, so its tests have two sides. P-values are of the texts that it
-- can turn, sizes of all.
--
-- param   min_effect  smallest mean effect that counts  [log-odds]
-- column  kind                type
-- column  label               label it pushes towards
-- column  word                type of the words
-- column  type                the same
-- column  direction           1 towards the label, -1 away from it
-- column  effect              mean effect, less the placebo  [log-odds]
-- column  effect_low          95 % interval of effect  [log-odds]
-- column  effect_high         95 % interval of effect  [log-odds]
-- column  expected            effect that its meaning or its type explains; null where nothing is known  [log-odds]
-- column  excess              effect - expected  [log-odds]
-- column  p_removal           p-value of removal: it does not push towards the label; null without
-- column  p_insertion         p-value of insertion: it does not push towards the label; null without
-- column  p_excess            p-value of the excess: it is at most min_effect
-- column  shows_in_both       removal and insertion each show an effect of min_effect or more
-- column  is_judged           it can be spurious
-- column  within_type         compared with other words of its type
-- column  is_exempt           it is never spurious: negation, intensifiers, affixes, identity terms and their like
-- column  moves               it moves predictions by min_effect or more
-- column  is_negligible       it does not: the interval lies within
-- column  is_contextual       it is the opposite in significantly more than one in four of the texts that hold it
-- column  is_consistent       it is the opposite in significantly less than one in two of all its texts
-- column  flip_rate           predictions of its texts that differ without it  [0..1]
-- column  flip_low            95 % interval of flip_rate  [0..1]
-- column  flip_high           95 % interval of flip_rate  [0..1]
-- column  document_frequency  share of the explained examples with it  [0..1]
-- unique  kind, label, word
with

tests as (
    select
        'type' as kind,
        own.label,
        own.type as word,
        own.type,
        1 as direction,
        (own.removal_effect + own.insertion_effect) / 2 as effect,
        sqrt(own.removal_se ** 2 + own.insertion_se ** 2) / 2 as effect_se,
        effect - t_975(own.n_removal - 1) * effect_se as effect_low,
        effect + t_975(own.n_removal - 1) * effect_se as effect_high,
        0.0 as expected,
        effect as excess,
        2 * student_above(own.removal_turning, own.removal_turning_se, own.n_removal_turning - 1) as p_removal,
        2 * student_above(own.insertion_effect, own.insertion_se, own.n_insertion - 1) as p_insertion,
        2 * student_above(
            (own.removal_turning + own.insertion_effect) / 2 - $min_effect,
            sqrt(own.removal_turning_se ** 2 + own.insertion_se ** 2) / 2,
            least(own.n_removal_turning, own.n_insertion) - 1
        ) as p_excess,
        own.removal_effect >= $min_effect and own.insertion_effect >= $min_effect as shows_in_both,
        types.expectation = 'none' as is_judged,
        true as within_type,
        false as is_exempt,
        effect_low > 0 and effect >= $min_effect as moves,
        -- Two arms that cancel out are not two arms without an effect.
        greatest(abs(own.removal_effect) + t_975(own.n_removal - 1) * own.removal_se,
            abs(own.insertion_effect) + t_975(own.n_insertion - 1) * own.insertion_se) < $min_effect as is_negligible,
        false as is_contextual,
        true as is_consistent,
        greatest(own.flip_rate, 0) as flip_rate,
        -- Where nothing flipped, the standard error says nothing: Wilson's interval of as many texts.
        if(
            own.flip_se = 0, wilson_low(greatest(own.flip_rate, 0) * own.n_removal, own.n_removal),
            greatest(own.flip_rate - t_975(own.n_removal - 1) * own.flip_se, 0)
        ) as flip_low,
        if(
            own.flip_se = 0, wilson_high(greatest(own.flip_rate, 0) * own.n_removal, own.n_removal),
            greatest(own.flip_rate + t_975(own.n_removal - 1) * own.flip_se, 0)
        ) as flip_high,
        own.n_examples / (select count(*) from examples where converged) as document_frequency
    from type_effects as own
    inner join type_rules as types using (type)
    where own.n_removal >= 8 and own.n_insertion >= 8
    qualify row_number() over (partition by own.type order by effect desc, own.label) = 1
)

select
    kind,
    label,
    word,
    type,
    direction,
    effect,
    effect_low,
    effect_high,
    expected,
    excess,
    p_removal,
    p_insertion,
    p_excess,
    shows_in_both,
    is_judged,
    within_type,
    is_exempt,
    moves,
    is_negligible,
    is_contextual,
    is_consistent,
    flip_rate,
    flip_low,
    flip_high,
    document_frequency
from tests
order by label, word
