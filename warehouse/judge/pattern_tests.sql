-- pattern_tests: the three questions of a verdict, asked of patterns.
-- One row per pattern.
--
-- The label of a pattern is the one it pushes towards most, so its tests have two sides. The words that an opening, an
-- ending, a line and companions always hold may explain what they do: expected is what these words are expected to do,
-- added up. What an emoticon means is not known. Sizes are those near the boundary; p-values are of the texts that it
-- can turn, as the few near it could not pass the control of multiplicity.
--
-- param   min_effect  smallest mean effect that counts  [log-odds]
-- column  kind                pattern
-- column  label               label it pushes towards
-- column  word                what its texts have in common
-- column  type                type of the pattern
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

emoticons as (
    select
        type,
        pattern
    from pattern_spans
    group by type, pattern
    having avg(is_emoticon(surface)::int) > 0.5
),

tests as (
    select
        'pattern' as kind,
        own.label,
        own.pattern as word,
        own.type,
        1 as direction,
        (own.removal_effect + own.insertion_effect) / 2 as effect,
        sqrt(own.removal_se ** 2 + own.insertion_se ** 2) / 2 as effect_se,
        least(own.n_removal, own.n_insertion) - 1 as freedom,
        effect - t_975(freedom) * effect_se as effect_low,
        effect + t_975(freedom) * effect_se as effect_high,
        rules.pattern != 'template' as within_type,
        -- What no known word explains is unexplained; what cannot be known is not.
        case
            when emoticons.type is not null then null
            when within_type or explained.type is null then 0
            else explained.expected
        end as own_expected,
        if(within_type, 0, coalesce(explained.expected_se, 0)) as own_se,
        effect - own_expected as excess,
        2 * student_above(own.removal_turning, own.removal_turning_se, own.n_removal_turning - 1) as p_removal,
        2 * student_above(own.insertion_turning, own.insertion_turning_se, own.n_insertion_turning - 1) as p_insertion,
        sqrt(own.removal_turning_se ** 2 + own.insertion_turning_se ** 2) / 2 as turning_se,
        2 * student_above(
            (own.removal_turning + own.insertion_turning) / 2 - own_expected - $min_effect,
            sqrt(turning_se ** 2 + own_se ** 2),
            if(own_se > turning_se, 1e6, least(own.n_removal_turning, own.n_insertion_turning) - 1)
        ) as p_excess,
        own.removal_effect >= $min_effect and own.insertion_effect >= $min_effect as shows_in_both,
        true as is_judged,
        false as is_exempt,
        effect_low > 0 and effect >= $min_effect as moves,
        greatest(
            abs(own.removal_effect) + t_975(own.n_removal - 1) * own.removal_se,
            abs(own.insertion_effect) + t_975(own.n_insertion - 1) * own.insertion_se
        ) < $min_effect as is_negligible,
        binomial_above(own.n_opposite, own.n_signed, 0.25) < 0.05 and own.n_signed > 0 as is_contextual,
        binomial_above(own.n_signed - own.n_opposite, own.n_signed, 0.5) < 0.05 and own.n_signed > 0 as is_consistent,
        own.flip_rate,
        wilson_low(own.flip_rate * own.n_removal, own.n_removal) as flip_low,
        wilson_high(own.flip_rate * own.n_removal, own.n_removal) as flip_high,
        patterns.n_examples / (select count(*) from examples where converged) as document_frequency
    from pattern_effects as own
    inner join patterns using (type, pattern)
    inner join type_rules as rules on own.type = rules.type
    left join expected_patterns as explained
        on own.type = explained.type and own.pattern = explained.pattern and own.label = explained.label
    left join emoticons on own.type = emoticons.type and own.pattern = emoticons.pattern
    where own.n_removal >= 8 and own.n_insertion >= 8
    qualify row_number() over (partition by own.type, own.pattern order by effect desc, own.label) = 1
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
    own_expected as expected,
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
order by label, word, type
