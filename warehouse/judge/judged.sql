-- judged: the verdict of every candidate, and what it rests on.
-- One row per candidate (kind, label, word).
--
-- In this order: a word that does not demonstrably move predictions is unclear, whatever it looks like. A name,
-- number, fragment or the like that moves them is spurious: another one in its rank should make no difference. A
-- mark (a comma, an exclamation mark) is so only if its effect is much the same in every text. Negation,
-- intensifiers, contrast and affixes carry meaning; they and other function words are never spurious. A content
-- word is spurious if its meaning does not explain it: its effect is far beyond what words of similar meaning predict,
-- and that is next to nothing; where embeddings predict nothing of any word, if its effect is far out and predictions
-- turn when it goes. Not if its neighbours do the same and labels do not support it: then what was learned is one of
-- them. Or if it acts beside another word, unless that is a negation or the like. In fewer than min_texts texts it
-- stays unclear: there a strong word of the language looks like that by chance. One whose effect changes sign or size
-- with the text is context-dependent. Else, if the labels or its meaning bear it out, it is genuine.
--
-- param   min_effect     smallest mean effect that counts  [log-odds]
-- param   min_operators  operators that must agree
-- param   min_texts      texts in which a content word must have been tried to be spurious
-- param   min_flip_rate  share of predictions that significantly change when the word goes  [0..1]
-- param   max_predicted  share of an effect that is next to nothing, if no more is predicted  [0..1]
-- param   max_opposite   share of opposite effects that makes context-dependent  [0..1]
-- param   max_variation  coefficient_of_variation that makes context-dependent
-- param   min_surface    share of the effect lost with neighbours: tied to the surface  [0..1]
-- param   max_surface    share of the effect lost with neighbours: the meaning counts  [0..1]
-- column  kind              word or piece
-- column  label             label the word pushes towards
-- column  word              lower-case word; a piece with · where the word goes on
-- column  outlier_bound     residual from which an effect is far out [log-odds]
-- column  is_causal         it demonstrably moves predictions
-- column  is_artefact       its type should not decide
-- column  is_exempt         it carries meaning
-- column  is_function_word  it is a function word
-- column  is_mixed          its effect changes sign or size with the text
-- column  is_surface        the effect goes with a neighbour in its rank
-- column  is_alike          a neighbour has the same effect
-- column  is_decisive       predictions turn when it goes
-- column  is_unexplained    its meaning does not explain its effect
-- column  is_paired         it acts beside another word
-- column  is_flagged       paired or unexplained, and the word itself was learned
-- column  is_unsupported    the labels do not support it
-- column  is_harmful        it pulls wrong examples over
-- column  verdict           spurious, context-dependent, genuine or unclear
-- column  harm              largest of necessity, sufficiency and minority gap, 0.02 at least [0..1]
-- unique  kind, label, word
with

facts as (
    select
        candidates.kind,
        candidates.label,
        candidates.word,
        candidates.is_used,
        words.minority_gap,
        evidence.* exclude (kind, label, word),
        words.expectation = 'none' as is_artefact,
        words.expectation = 'exempt' as is_exempt,
        candidates.type = 'function word' as is_function_word,
        types.is_mark,
        interactions.partner is not null
        and coalesce(partners.expectation, '') != 'exempt' as is_paired,
        coalesce(evidence.flip_rate_low >= $min_flip_rate, false) as is_decisive,
        expected_effects.residual,
        expected_effects.predicted_share,
        coalesce(words.label_z < 0.5, false) as is_unsupported,
        coalesce(words.minority_low > 0 and words.n_minority >= 3, false) as is_harmful
    from candidates
    inner join words using (kind, label, word)
    inner join type_rules as types on candidates.type = types.type
    left join evidence using (kind, label, word)
    left join expected_effects
        on candidates.kind = 'word'
        and candidates.label = expected_effects.label
        and candidates.word = expected_effects.word
    left join interactions
        on candidates.kind = 'word' and candidates.label = interactions.label and candidates.word = interactions.word
    left join word_types as partners on partners.kind = 'word' and interactions.partner = partners.word
),

-- What the model uses, in one direction or in either, has its scores as evidence. The other words have not, there
-- are many of them, and either label may be theirs: they need an interval of twice the width, on either side of 0.
proven as (
    select
        *,
        coalesce(
            (
                pooled_low > 0 and n_agreeing >= $min_operators and n_against = 0 and effect >= $min_effect
                and (is_used or 2 * pooled_low > effect)
            )
            or (
                not is_used and 2 * pooled_high < effect and n_against >= $min_operators and n_for = 0
                and effect <= -$min_effect
            )
            or n_flipping >= $min_operators,
            false
        ) as is_causal
    from facts
),

-- Far out: five standard deviations from the median of the words that were tried, both robust (median absolute
-- deviation times 1.4826), since there may be many such words.
outlier_bounds as (
    select
        median(residual) as centre,
        5 * 1.4826 * mad(residual) as distance
    from expected_effects
    having count(*) >= 12
),

tested as (
    select
        proven.*,
        outlier_bounds.centre + sign(residual - outlier_bounds.centre) * outlier_bounds.distance as outlier_bound,
        coalesce(
            abs(residual - outlier_bounds.centre) > outlier_bounds.distance
            and coalesce(predicted_share < $max_predicted, is_decisive),
            false
        ) as is_unexplained,
        coalesce(opposite_share >= $max_opposite or coefficient_of_variation > $max_variation, false) as is_mixed,
        -- Opposites are neighbours too, and lose more than all: the words around it must do no more than any word does,
        -- or little.
        coalesce(
            n_neighbours >= 3 and neighbour_loss between $min_surface and 2 - $min_surface
            and neighbour_size <= greatest(1.25 * replacement_size, 0.5),
            false
        ) as is_surface,
        coalesce(n_neighbours >= 3 and neighbour_loss <= $max_surface, false) as is_alike,
        is_alike or coalesce(predicted_share >= 0.5, false) as is_meaning,
        is_paired or (is_unexplained and not (is_alike and is_unsupported)) as is_flagged
    from proven
    left join outlier_bounds on true
)

select
    kind,
    label,
    word,
    outlier_bound,
    is_causal,
    is_artefact,
    is_exempt,
    is_function_word,
    is_mixed,
    is_surface,
    is_alike,
    is_decisive,
    is_unexplained,
    is_paired,
    is_flagged,
    is_unsupported,
    is_harmful,
    case
        when not is_causal then 'unclear'
        when is_mark and is_mixed then 'context-dependent'
        when is_artefact then 'spurious'
        when is_flagged and not is_exempt and not is_function_word
            then if(n_texts >= $min_texts, 'spurious', 'unclear')
        when is_mixed then 'context-dependent'
        when is_exempt then 'genuine'
        when is_function_word then 'unclear'
        when is_surface or is_unexplained or (is_unsupported and not is_meaning) then 'unclear'
        else 'genuine'
    end as verdict,
    greatest(coalesce(necessity, 0), coalesce(sufficiency, 0), coalesce(minority_gap, 0), 0.02) as harm
from tested
order by kind, label, word
