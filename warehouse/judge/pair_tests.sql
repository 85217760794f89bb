-- pair_tests: the three questions of a verdict, asked of the pairs of words that interact.
-- One row per pair (label, word).
--
-- A pair is judged by what its words do together and not apart. Dozens of partners were tried for each word, which
-- its p-value counts, and either sign counts. Where the word does nothing beside its partner the pair does nothing:
-- what it does without is its own. Of an order the other one may act.
--
-- param   min_effect  smallest mean effect that counts  [log-odds]
-- column  kind                pair
-- column  label               label it pushes towards
-- column  word                both words, with … between them
-- column  type                type of the first word
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
        'pair' as kind,
        interactions.label,
        concat(interactions.word, ' … ', interactions.partner) as word,
        types.type,
        sign(interactions.effect - interactions.other_effect) as direction,
        interactions.effect - interactions.other_effect as difference,
        difference as effect,
        abs(difference / interactions.t) as effect_se,
        interactions.n_texts + interactions.n_others - 2 as effect_dof,
        difference - t_975(effect_dof) * effect_se as effect_low,
        difference + t_975(effect_dof) * effect_se as effect_high,
        0.0 as expected,
        difference as excess,
        null::double as p_removal,
        null::double as p_insertion,
        interactions.p_value as p_excess,
        abs(difference) >= $min_effect
        and (interactions.comparison = 'order' or direction * interactions.effect >= $min_effect) as shows_in_both,
        -- Negation and its like are there to work beside other words; a mark stands in most texts.
        types.type != 'function word' and partners.type != 'function word'
        and types.expectation not in ('exempt', 'unknown') and partners.expectation not in ('exempt', 'unknown')
        and not partner_rules.is_mark as is_judged,
        false as within_type,
        false as is_exempt,
        shows_in_both as moves,
        false as is_negligible,
        not is_judged as is_contextual,
        is_judged as is_consistent,
        interactions.flip_rate,
        wilson_low(interactions.flip_rate * interactions.n_texts, interactions.n_texts) as flip_low,
        wilson_high(interactions.flip_rate * interactions.n_texts, interactions.n_texts) as flip_high,
        candidates.document_frequency * interactions.n_texts / (interactions.n_texts + interactions.n_others)
            as document_frequency
    from interactions
    inner join candidates on candidates.kind = 'word' and interactions.label = candidates.label
        and interactions.word = candidates.word
    inner join word_types as types on types.kind = 'word' and interactions.word = types.word
    inner join word_types as partners on partners.kind = 'word' and interactions.partner = partners.word
    inner join type_rules as partner_rules on partners.type = partner_rules.type
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
