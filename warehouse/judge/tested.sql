-- tested: the three questions of a verdict, asked of every candidate.
-- One row per (kind, label, word): words and pieces that were tried, pairs of words that interact, types of words.
--
-- How a verdict comes about stands in judge/judged.sql.
--
-- param   min_effect     smallest mean effect that counts  [log-odds]
-- column  kind           word, piece, pair or type
-- column  label          label it pushes towards
-- column  word           lower-case word; a piece with · where the word goes on; both words of a pair; a type
-- column  type           type of the word; of the first word of a pair
-- column  direction      1 towards the label, -1 away from it
-- column  effect         mean effect, less the placebo  [log-odds]
-- column  effect_low     95 % interval of effect  [log-odds]
-- column  effect_high    95 % interval of effect  [log-odds]
-- column  expected       effect that its meaning or its type explains; null where nothing is known  [log-odds]
-- column  excess         effect - expected  [log-odds]
-- column  p_removal      p-value of removal: it does not push towards the label
-- column  p_insertion    p-value of insertion: it does not push towards the label
-- column  p_excess       p-value of the excess: it is at most min_effect
-- column  shows_in_both  removal and insertion each show an effect of min_effect or more
-- column  p_value        of spurious: the largest of the three; null where it is not judged or one is missing
-- column  is_judged      it can be spurious
-- column  within_type    compared with other words of its type
-- column  is_exempt      it is never spurious: negation, intensifiers, affixes, identity terms and their like
-- column  moves          it moves predictions by min_effect or more
-- column  is_negligible  it does not: the interval lies within
-- column  is_contextual  it is the opposite in significantly more than one text in four
-- column  is_consistent  it is the opposite in significantly less than one text in two
-- column  predicted_share  expected as a share of effect; null without either
-- column  flip_rate      predictions of its texts that differ without it  [0..1]
-- column  flip_low       95 % interval of flip_rate  [0..1]
-- column  flip_high      95 % interval of flip_rate  [0..1]
-- column  document_frequency  share of the explained examples with it  [0..1]
-- unique  kind, label, word
with

-- A word that the model uses in one direction was chosen for it; the direction of others is seen in the trials, so their
-- tests have two sides.
words_and_pieces as (
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        candidates.type,
        candidates.document_frequency,
        words.expectation != 'exempt' and candidates.type != 'function word' as is_judged,
        words.expectation = 'none' as within_type,
        words.expectation = 'exempt' as is_exempt,
        if(words.used, 1, 2) as sides,
        if(words.used or evidence.effect >= 0, 1, -1) as direction,
        evidence.* exclude (kind, label, word),
        if(within_type, 0, expected_effects.expected) as expected,
        coalesce(if(within_type, type_effects.between_sd, expected_effects.expected_se), 0) as expected_se
    from candidates
    inner join words using (kind, label, word)
    left join evidence using (kind, label, word)
    left join expected_effects
        on candidates.kind = 'word'
        and candidates.label = expected_effects.label
        and candidates.word = expected_effects.word
    left join type_effects on candidates.type = type_effects.type and candidates.label = type_effects.label
),

tested_words as (
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
        effect - expected as excess,
        sides * student_above(direction * removal_effect, removal_se, removal_dof) as p_removal,
        sides * student_above(direction * insertion_effect, insertion_se, insertion_dof) as p_insertion,
        coalesce(direction * removal_effect >= $min_effect and direction * insertion_effect >= $min_effect, false)
            as shows_in_both,
        -- The error of what is expected is known no better than a normal one.
        sides * student_above(
            direction * excess - $min_effect,
            sqrt(effect_se ** 2 + expected_se ** 2),
            if(expected_se > effect_se, 1e6, effect_dof)
        ) as p_excess,
        is_judged,
        within_type,
        is_exempt,
        coalesce(direction * if(direction > 0, effect_low, effect_high) > 0 and abs(effect) >= $min_effect, false)
            as moves,
        coalesce(effect_low > -$min_effect and effect_high < $min_effect, false) as is_negligible,
        if(direction > 0, n_opposite, n_signed - n_opposite) as n_against,
        binomial_above(n_against, n_signed, 0.25) < 0.05 and n_signed > 0 as is_contextual,
        binomial_above(n_signed - n_against, n_signed, 0.5) < 0.05 and n_signed > 0 as is_consistent,
        flip_rate,
        flip_low,
        flip_high,
        document_frequency
    from words_and_pieces
),

-- A pair is judged by what its words do together and not apart. Dozens of partners were tried for each word
-- (Bonferroni), and either sign counts: student_p has two sides.
tested_pairs as (
    select
        'pair' as kind,
        interactions.label,
        concat(interactions.word, ' … ', interactions.partner) as word,
        types.type,
        sign(difference) as direction,
        difference as effect,
        difference - t_975(interactions.n_texts + interactions.n_others - 2) * abs(difference / interactions.t)
            as effect_low,
        difference + t_975(interactions.n_texts + interactions.n_others - 2) * abs(difference / interactions.t)
            as effect_high,
        0.0 as expected,
        difference as excess,
        interactions.p_value as p_excess,
        abs(difference) >= $min_effect as shows_in_both,
        -- Negation and its like are there to work beside other words.
        types.type != 'function word' and partners.type != 'function word'
        and types.expectation != 'exempt' and partners.expectation != 'exempt' as is_judged,
        false as within_type,
        false as is_exempt,
        abs(difference) >= $min_effect as moves,
        false as is_negligible,
        not is_judged as is_contextual,
        is_judged as is_consistent,
        interactions.flip_rate,
        wilson_low(interactions.flip_rate * interactions.n_texts, interactions.n_texts) as flip_low,
        wilson_high(interactions.flip_rate * interactions.n_texts, interactions.n_texts) as flip_high,
        candidates.document_frequency * interactions.n_texts / (interactions.n_texts + interactions.n_others)
            as document_frequency
    from (select *, effect - other_effect as difference from interactions) as interactions
    inner join candidates on candidates.kind = 'word' and interactions.label = candidates.label
        and interactions.word = candidates.word
    inner join word_types as types on types.kind = 'word' and interactions.word = types.word
    inner join word_types as partners on partners.kind = 'word' and interactions.partner = partners.word
),

-- The label of a type is the one it pushes towards most, so its tests have two sides.
tested_types as (
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
        2 * student_above(own.removal_effect, own.removal_se, own.n_removal - 1) as p_removal,
        2 * student_above(own.insertion_effect, own.insertion_se, own.n_insertion - 1) as p_insertion,
        2 * student_above(effect - $min_effect, effect_se, own.n_removal - 1) as p_excess,
        own.removal_effect >= $min_effect and own.insertion_effect >= $min_effect as shows_in_both,
        types.expectation = 'none' as is_judged,
        true as within_type,
        false as is_exempt,
        effect_low > 0 and effect >= $min_effect as moves,
        effect_low > -$min_effect and effect_high < $min_effect as is_negligible,
        false as is_contextual,
        true as is_consistent,
        greatest(own.flip_rate, 0) as flip_rate,
        greatest(own.flip_rate - t_975(own.n_removal - 1) * own.flip_se, 0) as flip_low,
        greatest(own.flip_rate + t_975(own.n_removal - 1) * own.flip_se, 0) as flip_high,
        own.n_examples / (select count(*) from examples where converged) as document_frequency
    from type_effects as own
    inner join type_rules as types using (type)
    where own.n_removal >= 8 and own.n_insertion >= 8
    qualify row_number() over (partition by own.type order by effect desc, own.label) = 1
),

tested as (
    select
        * exclude (n_against),
        if(is_judged, greatest(p_removal, p_insertion, p_excess), null) as p_value
    from tested_words
    union all by name
    select
        *,
        if(is_judged, p_excess, null) as p_value
    from tested_pairs
    union all by name
    select
        * exclude (effect_se),
        if(is_judged, greatest(p_removal, p_insertion, p_excess), null) as p_value
    from tested_types
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
    -- greatest() passes over what is missing; a verdict does not.
    if(
        p_value is null or p_excess is null or kind != 'pair' and (p_removal is null or p_insertion is null),
        null,
        least(p_value, 1)
    ) as p_value,
    is_judged,
    within_type,
    is_exempt,
    moves,
    is_negligible,
    is_contextual,
    is_consistent,
    expected / nullif(effect, 0) as predicted_share,
    flip_rate,
    flip_low,
    flip_high,
    document_frequency
from tested
order by kind, label, word
