-- tested: the three questions of a verdict, asked of every candidate, and the p-value of spurious.
-- One row per (kind, label, word): words and pieces that were tried, pairs of words that interact, types of words,
-- patterns.
--
-- How a verdict comes about stands in judge/judged.sql.
--
-- first   judge/word_tests, judge/pair_tests, judge/type_tests, judge/pattern_tests
-- column  kind                word, piece, pair, type or pattern
-- column  label               label it pushes towards
-- column  word                lower-case word; a piece with · where the word goes on; both words of a pair; a type
-- column  type                type of the word; of the first word of a pair
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
-- column  predicted_share     expected as a share of effect; null without either
-- column  p_value             of spurious: the largest of the three; null where it is not judged or one is missing
-- unique  kind, label, word
with

tested as (
    select * from word_tests
    union all
    select * from pair_tests
    union all
    select * from type_tests
    union all
    select * from pattern_tests
)

select
    *,
    expected / nullif(effect, 0) as predicted_share,
    -- greatest() passes over what is missing; a verdict does not.
    case
        when not is_judged then null
        when kind = 'pair' then least(p_excess, 1)
        when p_removal + p_insertion + p_excess is not null then least(greatest(p_removal, p_insertion, p_excess), 1)
    end as p_value
from tested
order by kind, label, word
