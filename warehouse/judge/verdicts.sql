-- verdicts: spurious, context-dependent, genuine, negligible or unclear, with the rules that fired and their figures.
-- One row per (kind, label, word): every word and piece that was tried, pairs of words that interact, types of words.
--
-- Its questions are asked in judge/tested.sql and answered in judge/judged.sql; tasks/pages/rules.csv has the words.
--
-- first   judge/tested, judge/judged
-- param   fdr            false discovery rate of the verdict spurious  [0..1]
-- param   min_effect     smallest mean effect that counts  [log-odds]
-- param   max_explained  largest share of a spurious effect that meaning explains  [0..1]
-- column  rank                1 for the most severe of its status; spurious first
-- column  label               label it pushes towards
-- column  word                lower-case word; a piece with · where the word goes on; both words of a pair; a type
-- column  kind                word, piece, pair or type
-- column  type                type of the word; of the first word of a pair
-- column  verdict             spurious, context-dependent, genuine, negligible or unclear
-- column  status              the verdict, or waived
-- column  effect              mean effect, less the placebo  [log-odds]
-- column  effect_low          95 % interval of effect  [log-odds]
-- column  effect_high         95 % interval of effect  [log-odds]
-- column  expected            effect that its meaning or its type explains; null where nothing is known  [log-odds]
-- column  excess              effect - expected  [log-odds]
-- column  p_value             of spurious; null where it is not judged
-- column  q_value             smallest false discovery rate at which it is spurious; null where it is not judged
-- column  per_1000            severity: predictions per 1,000 texts that change when it is taken out
-- column  per_1000_low        95 % interval of per_1000
-- column  per_1000_high       95 % interval of per_1000
-- column  probability_shift   what it adds to the label's probability in a text at one half  [-0.5..0.5]
-- column  document_frequency  share of the explained examples with it  [0..1]
-- column  grade               large where it is likely spurious; null for pairs and types  [0..1]
-- column  rules               what fired: rule, figures (numbers by their names), words (texts by their names)
-- column  waived_by           owner of the waiver that is honoured
-- column  waiver_reason       its reason
-- column  waiver_expires      its last day; also of one that has expired
-- unique  kind, label, word
with

known as (
    select
        tested.*,
        judged.q_value,
        judged.verdict,
        grades.grade,
        words.expectation,
        words.type_evidence,
        words.label_rate,
        words.n_minority,
        words.n_pulled,
        words.minority_gap,
        coalesce(words.label_z < 0.5, false) as is_unsupported,
        coalesce(words.minority_low > 0 and words.n_minority >= 3, false) as is_harmful,
        association.label_share,
        evidence.* exclude (kind, label, word, effect, effect_low, effect_high, flip_rate, flip_low, flip_high),
        interactions.word as first_word,
        interactions.partner,
        interactions.comparison,
        interactions.effect as effect_with_partner,
        interactions.other_effect as effect_without_partner
    from tested
    inner join judged using (kind, label, word)
    left join words using (kind, label, word)
    left join evidence using (kind, label, word)
    left join grades using (kind, label, word)
    left join label_association as association
        on tested.kind = 'word' and tested.label = association.label and tested.word = association.word
    left join interactions
        on tested.kind = 'pair'
        and tested.label = interactions.label
        and tested.word = concat(interactions.word, ' … ', interactions.partner)
),

fired as (
    select
        *,
        list_filter([
            {
                'rule': case
                    when kind = 'type' then if(moves, 'type.moves', 'type.not_shown')
                    when kind = 'pair' then concat('interaction.', comparison)
                    when effect is null then 'effect.not_measured'
                    when is_negligible then 'effect.negligible'
                    when moves then 'effect.moves'
                    else 'effect.not_shown'
                end,
                'figures': map {
                    'effect': effect, 'effect_low': effect_low, 'effect_high': effect_high,
                    'min_effect': $min_effect::double, 'effect_with_partner': effect_with_partner,
                    'effect_without_partner': effect_without_partner
                },
                'words': map {'label': label, 'type': type, 'first_word': first_word, 'partner': partner}
            },
            if(removal_effect is not null, {
                'rule': if(within_type, 'arm.swap', 'arm.delete'),
                'figures': map {
                    'effect': removal_effect, 'low': removal_low, 'high': removal_high, 'n_texts': n_removal::double
                }
            }, null),
            if(insertion_effect is not null, {
                'rule': 'arm.insert',
                'figures': map {
                    'effect': insertion_effect, 'low': insertion_low, 'high': insertion_high,
                    'n_texts': n_insertion::double
                }
            }, null),
            {
                'rule': case
                    when kind in ('word', 'piece') and within_type then 'type.should_not_decide'
                    when type = 'identity term' and not is_judged then 'type.identity'
                    when expectation = 'exempt' then 'type.carries_meaning'
                    when type = 'function word' and kind != 'pair' then 'type.function_word'
                end,
                'words': map {'type': type}
            },
            if(type != 'content word', type_evidence, null),
            if(is_contextual and n_signed > 0, {
                'rule': 'effect.varies',
                'figures': map {'n_against': if(direction > 0, n_opposite, n_signed - n_opposite), 'n_signed': n_signed}
            }, null),
            if(moves and not is_contextual and not is_consistent, {
                'rule': 'texts.too_few', 'figures': map {'n_signed': n_signed_all}
            }, null),
            if(moves and expected is not null and not within_type and kind = 'word', {
                'rule': if(predicted_share >= $max_explained, 'meaning.explains', 'meaning.unexplained'),
                'figures': map {'effect': effect, 'expected': expected, 'predicted_share': predicted_share}
            }, null),
            if(moves and q_value > $fdr, {
                'rule': 'control.not_passed', 'figures': map {'q_value': q_value, 'fdr': $fdr::double}
            }, null),
            if(flip_rate > 0, {'rule': 'effect.flips', 'figures': map {'flip_rate': flip_rate}}, null),
            if(is_unsupported, {
                'rule': 'labels.do_not_support', 'words': map {'label': label},
                'figures': map {'label_rate': label_rate, 'label_share': label_share}
            }, null),
            if(is_harmful, {
                'rule': 'labels.pulled_over', 'words': map {'label': label},
                'figures': map {'n_pulled': n_pulled, 'n_minority': n_minority, 'minority_gap': minority_gap}
            }, null)
        ], lambda fact: fact.rule is not null) as rules
    from known
),

-- A waiver for the label itself goes before one for every label; one that holds before one that has expired.
waived as (
    select
        fired.kind,
        fired.label,
        fired.word,
        waivers.* exclude (label, word)
    from fired
    inner join waivers on fired.word = waivers.word and waivers.label in ('', fired.label)
    qualify row_number() over (
        partition by fired.kind, fired.label, fired.word order by waivers.expired, waivers.label desc
    ) = 1
)

select
    row_number() over (
        order by
            list_position(
                ['spurious', 'waived', 'context-dependent', 'unclear', 'genuine', 'negligible'],
                if(not waived.expired, 'waived', fired.verdict)
            ),
            1000 * fired.document_frequency * fired.flip_rate desc,
            abs(fired.effect) * fired.document_frequency desc,
            fired.kind,
            fired.word,
            fired.label
    ) as rank,
    fired.label,
    fired.word,
    fired.kind,
    fired.type,
    fired.verdict,
    if(not waived.expired, 'waived', fired.verdict) as status,
    fired.effect,
    fired.effect_low,
    fired.effect_high,
    fired.expected,
    fired.excess,
    fired.p_value,
    fired.q_value,
    1000 * fired.document_frequency * fired.flip_rate as per_1000,
    1000 * fired.document_frequency * fired.flip_low as per_1000_low,
    1000 * fired.document_frequency * fired.flip_high as per_1000_high,
    1 / (1 + exp(-fired.effect)) - 0.5 as probability_shift,
    fired.document_frequency,
    fired.grade,
    fired.rules,
    if(not waived.expired, waived.owner, null) as waived_by,
    if(not waived.expired, waived.reason, null) as waiver_reason,
    waived.expires as waiver_expires
from fired
left join waived using (kind, label, word)
order by rank
