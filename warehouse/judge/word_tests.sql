-- word_tests: the three questions of a verdict, asked of the words and pieces that were tried.
-- One row per candidate (kind, label, word).
--
-- A word that the model uses in one direction was chosen for it. The direction of others is seen in the trials, so
-- their tests have two sides.
--
-- param   min_effect  smallest mean effect that counts  [log-odds]
-- column  kind                word or piece
-- column  label               label it pushes towards
-- column  word                lower-case word; a piece with · where the word goes on
-- column  type                type of the word
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
-- column  is_exempt           it is never spurious: negation, affixes, identity terms, names of the class
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

words_and_pieces as (
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        candidates.type,
        candidates.document_frequency,
        words.expectation not in ('exempt', 'unknown')
        and (candidates.type != 'function word' or named.word is not null)
        and topics.word is null as is_judged,
        words.expectation = 'none' as within_type,
        words.expectation = 'exempt' or topics.word is not null as is_exempt,
        if(words.used, 1, 2) as sides,
        if(words.used or evidence.effect >= 0, 1, -1) as direction,
        evidence.* exclude (kind, label, word),
        if(within_type, 0, expected_effects.expected) as expected,
        coalesce(if(within_type, type_effects.between_sd, expected_effects.expected_se), 0) as expected_se
    from candidates
    inner join words using (kind, label, word)
    left join evidence using (kind, label, word)
    left join topics
        on candidates.kind = 'word' and candidates.label = topics.label and candidates.word = topics.word
    left join named_words as named
        on candidates.kind = 'word' and candidates.label = named.label and candidates.word = named.word
    left join expected_effects
        on candidates.kind = 'word'
        and candidates.label = expected_effects.label
        and candidates.word = expected_effects.word
    left join type_effects on candidates.type = type_effects.type and candidates.label = type_effects.label
),

tests as (
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
        if(direction > 0, n_signed_all - n_opposite_all, n_opposite_all) as n_for_all,
        binomial_above(n_for_all, n_signed_all, 0.5) < 0.05 and n_signed_all > 0 as is_consistent,
        flip_rate,
        flip_low,
        flip_high,
        document_frequency
    from words_and_pieces
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
order by kind, label, word
