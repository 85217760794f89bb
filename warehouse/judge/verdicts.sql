-- verdicts: spurious, context-dependent, genuine or unclear, with the rules that fired and their figures.
-- One row per candidate (kind, label, word).
--
-- In this order: a word that does not demonstrably move predictions is unclear, whatever it looks like. A name,
-- number, fragment or the like that moves them is spurious: another one in its place should make no difference. A
-- mark (a comma, an exclamation mark) is so only if its effect is much the same in every text. Negation,
-- intensifiers, contrast and affixes carry meaning; they and other function words are never spurious. A content
-- word is spurious if its meaning does not explain it: its effect is far beyond what words of similar meaning foretell,
-- and that is next to nothing; where embeddings foretell nothing of any word, if its effect is far out and predictions
-- turn when it goes. Not if its neighbours do the same and labels do not support it: then what was learned is one of
-- them. Or if it acts beside another word, unless that is a negation or the like. In fewer than min_texts texts it
-- stays unclear: there a strong word of the language looks like that by chance. One whose effect changes sign or size
-- with the text is context-dependent. Else, if the labels or its meaning bear it out, it is genuine.
--
-- param   min_effect      smallest mean effect that counts                           [log-odds]
-- param   min_operators   operators that must agree
-- param   min_texts       texts in which a content word must have been tried to be spurious
-- param   min_turned      share of predictions that surely change when the word goes    [0..1]
-- param   max_foretold    share of an effect that is next to nothing, if no more is foretold   [0..1]
-- param   max_opposite    share of opposite effects that makes context-dependent     [0..1]
-- param   max_spread      spread that makes context-dependent
-- param   min_surface     share of the effect lost with neighbours: tied to the surface  [0..1]
-- param   max_surface     share of the effect lost with neighbours: the meaning counts   [0..1]
-- column  rank            1 for the most severe of its standing; spurious first
-- column  label           label the word speaks for
-- column  word            lower-case word; a piece with · where the word goes on
-- column  kind            word or piece
-- column  type            type of the word
-- column  verdict         spurious, context-dependent, genuine or unclear
-- column  standing        the verdict, or waived
-- column  severity        reach * strength * harm                                    [log-odds]
-- column  reach           share of the explained examples with the word              [0..1]
-- column  strength        mean effect over the operators                             [log-odds]
-- column  harm            largest of necessity, sufficiency and minority gap, 0.02 at least  [0..1]
-- column  n_for           operators that show the effect
-- column  n_against       operators that show the contrary
-- column  rules           what fired: rule, detail
-- column  waived_by       owner of the waiver that is honoured
-- column  waiver_reason   its reason
-- column  waiver_expires  its last day; also of one that has expired
-- unique  kind, label, word
with

artefacts (type) as (
    values
    ('name'), ('person'), ('place'), ('title'), ('number'), ('date'), ('markup'), ('boilerplate'), ('fragment'),
    ('punctuation'), ('symbol'), ('special token')
),

facts as (
    select
        candidates.place,
        candidates.kind,
        candidates.label,
        candidates.word,
        candidates.type,
        candidates.reach,
        candidates.is_used,
        words.type_evidence,
        words.label_rate,
        words.n_minority,
        words.n_pulled,
        words.minority_gap,
        types.word_group,
        association.label_share,
        evidence.* exclude (kind, label, word),
        artefacts.type is not null as is_artefact,
        candidates.type = 'affix' or coalesce(types.word_group in ('negation', 'intensifier', 'contrast'), false)
            as is_exempt,
        candidates.type = 'function word' as is_function_word,
        candidates.type in ('punctuation', 'symbol') as is_mark,
        company.companion,
        company.contrast,
        company.effect as company_effect,
        company.other_effect as company_other_effect,
        company.companion is not null
        and coalesce(companions.word_group, '') not in ('negation', 'intensifier', 'contrast') as is_paired,
        coalesce(evidence.turned_low >= $min_turned, false) as is_decisive,
        meaning.expected,
        meaning.residual,
        meaning.foretold,
        coalesce(words.label_z < 0.5, false) as is_unsupported,
        coalesce(words.minority_low > 0 and words.n_minority >= 3, false) as is_harmful
    from candidates
    inner join words using (kind, label, word)
    inner join word_types as types using (kind, word)
    left join evidence using (kind, label, word)
    left join label_association as association
        on candidates.kind = 'word' and candidates.label = association.label and candidates.word = association.word
    left join meaning
        on candidates.kind = 'word' and candidates.label = meaning.label and candidates.word = meaning.word
    left join company
        on candidates.kind = 'word' and candidates.label = company.label and candidates.word = company.word
    left join word_types as companions on companions.kind = 'word' and company.companion = companions.word
    left join artefacts on candidates.type = artefacts.type
),

-- What the model uses, in one direction or in either, has its scores to speak for it. The other words have not, there
-- are many of them, and either label may be theirs: they need an interval of twice the width, on either side of 0.
proven as (
    select
        *,
        coalesce(
            (
                pooled_low > 0 and n_agreeing >= $min_operators and n_against = 0 and strength >= $min_effect
                and (is_used or 2 * pooled_low > strength)
            )
            or (
                not is_used and 2 * pooled_high < strength and n_against >= $min_operators and n_for = 0
                and strength <= -$min_effect
            )
            or n_turning >= $min_operators,
            false
        ) as is_causal
    from facts
),

-- Far out: five standard deviations from the median of the words that were tried, both robust (median absolute
-- deviation times 1.4826), since there may be many such words.
fence as (
    select
        median(residual) as centre,
        5 * 1.4826 * mad(residual) as distance
    from meaning
    having count(*) >= 12
),

tested as (
    select
        proven.*,
        fence.centre + sign(residual - fence.centre) * fence.distance as far_out,
        coalesce(
            abs(residual - fence.centre) > fence.distance and coalesce(foretold < $max_foretold, is_decisive), false
        ) as is_unexplained,
        coalesce(opposite_share >= $max_opposite or spread > $max_spread, false) as is_mixed,
        -- Opposites are neighbours too, and lose more than all: the words around it must do no more than any word does,
        -- or little.
        coalesce(
            n_neighbours >= 3 and neighbour_loss between $min_surface and 2 - $min_surface
            and neighbour_size <= greatest(1.25 * stand_in_size, 0.5),
            false
        ) as is_surface,
        coalesce(n_neighbours >= 3 and neighbour_loss <= $max_surface, false) as is_alike,
        is_alike or coalesce(foretold >= 0.5, false) as is_meaning,
        is_paired or (is_unexplained and not (is_alike and is_unsupported)) as is_alarming
    from proven
    left join fence on true
),

judged as (
    select
        *,
        case
            when not is_causal then 'unclear'
            when is_mark and is_mixed then 'context-dependent'
            when is_artefact and not is_exempt then 'spurious'
            when is_alarming and not is_exempt and not is_function_word
                then if(n_texts >= $min_texts, 'spurious', 'unclear')
            when is_mixed then 'context-dependent'
            when is_exempt then 'genuine'
            when is_function_word then 'unclear'
            when is_surface or is_unexplained or (is_unsupported and not is_meaning) then 'unclear'
            else 'genuine'
        end as verdict,
        greatest(coalesce(necessity, 0), coalesce(sufficiency, 0), coalesce(minority_gap, 0), 0.02) as harm
    from tested
),

fired as (
    select
        *,
        list_filter([
            {
                'rule': if(is_causal, 'moves predictions', 'not proven'),
                'detail': concat(
                    coalesce(n_agreeing, 0), ' of 4 operators show the effect, ', coalesce(n_against, 0),
                    ' surely the contrary; ', coalesce(round(strength, 2), 0), ' log-odds on average'
                )
            },
            if(is_artefact, {'rule': type, 'detail': type_evidence}, null),
            if(is_exempt, {'rule': 'carries meaning', 'detail': type_evidence}, null),
            if(is_function_word and not is_exempt, {'rule': 'function word', 'detail': type_evidence}, null),
            if(is_mixed, {
                'rule': 'depends on the text',
                'detail': concat(
                    'opposite in ', round(100 * opposite_share)::integer, ' % of the texts; effects vary by ',
                    round(spread, 1), ' times their mean'
                )
            }, null),
            if(is_surface or is_alike, {
                'rule': if(is_surface, 'tied to its surface', 'neighbours do the same'),
                'detail': concat(
                    'a neighbour loses ', round(100 * neighbour_loss)::integer, ' % of the effect (', n_neighbours,
                    ' neighbours)'
                )
            }, null),
            if(coalesce(necessity, 0) > 0 or coalesce(sufficiency, 0) > 0, {
                'rule': 'flips predictions',
                'detail': concat(
                    round(100 * coalesce(necessity, 0))::integer, ' % when it goes, ',
                    round(100 * coalesce(sufficiency, 0))::integer, ' % when it is added to texts read otherwise'
                )
            }, null),
            if(is_decisive, {
                'rule': 'decides texts',
                'detail': concat(
                    round(100 * turned)::integer, ' % of the predictions change when it goes, to whichever label'
                )
            }, null),
            if(is_unexplained, {
                'rule': if(expected is null, 'outweighs other words', 'not explained by its meaning'),
                'detail': concat(
                    round(strength, 2), ' log-odds',
                    ', of which words of similar meaning foretell ' || round(expected, 2),
                    '; among the words tried, ', round(far_out, 2), if(expected is null, '', ' beyond that'),
                    ' is far out'
                )
            }, null),
            if(foretold >= 0.5 and not is_artefact, {
                'rule': 'explained by its meaning',
                'detail': concat(
                    'words of similar meaning foretell ', round(expected, 2), ' of its ', round(strength, 2),
                    ' log-odds'
                )
            }, null),
            if(is_paired, {
                'rule': 'acts beside another word',
                'detail': concat(
                    round(company_effect, 2), ' log-odds with ', companion,
                    if(contrast = 'order', ' before it, ', ' in the text, '), round(company_other_effect, 2),
                    if(contrast = 'order', ' behind it', ' without')
                )
            }, null),
            if(is_alarming and not is_artefact and n_texts < $min_texts, {
                'rule': 'too few texts',
                'detail': concat('tried in ', n_texts, ', at least ', $min_texts, ' are asked of a content word')
            }, null),
            if(is_unsupported, {
                'rule': 'labels do not support it',
                'detail': concat(
                    round(100 * label_rate)::integer, ' % of its examples are ', label, ', against ',
                    round(100 * label_share)::integer, ' % of all'
                )
            }, null),
            if(is_harmful, {
                'rule': 'pulls wrong examples over',
                'detail': concat(
                    n_pulled, ' of ', n_minority, ' examples with another label are called ', label, ', ',
                    round(100 * minority_gap)::integer, ' points more than without the word'
                )
            }, null)
        ], lambda fact: fact is not null) as rules
    from judged
),

-- A waiver for the label itself goes before one for every label; one that holds before one that has expired.
waived as (
    select
        fired.kind,
        fired.label,
        fired.word,
        waivers.reason,
        waivers.owner,
        waivers.expires,
        waivers.expired
    from fired
    inner join waivers on fired.word = waivers.word and waivers.label in ('', fired.label)
    qualify row_number() over (
        partition by fired.kind, fired.label, fired.word order by waivers.expired, waivers.label desc
    ) = 1
)

select
    row_number() over (
        order by
            list_position(['spurious', 'waived', 'context-dependent', 'unclear', 'genuine'], standing),
            severity desc,
            place
    ) as rank,
    label,
    word,
    kind,
    type,
    verdict,
    standing,
    severity,
    reach,
    strength,
    harm,
    n_for,
    n_against,
    rules,
    waived_by,
    waiver_reason,
    waiver_expires
from (
    select
        fired.*,
        fired.reach * fired.harm
        * coalesce(if(fired.is_used, greatest(fired.strength, 0), abs(fired.strength)), 0) as severity,
        if(not waived.expired, 'waived', fired.verdict) as standing,
        if(not waived.expired, waived.owner, null) as waived_by,
        if(not waived.expired, waived.reason, null) as waiver_reason,
        waived.expires as waiver_expires
    from fired
    left join waived using (kind, label, word)
)
order by rank
