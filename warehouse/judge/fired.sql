-- fired: the rules that fired on every candidate, with their figures.
-- One row per (kind, label, word): every candidate with a verdict.
--
-- tasks/pages/rules.csv has the words.
--
-- param   fdr            false discovery rate of the verdict spurious  [0..1]
-- param   min_effect     smallest mean effect that counts  [log-odds]
-- param   max_explained  largest share of a spurious effect that meaning explains  [0..1]
-- param   min_grade      smallest grade of a spurious word that is judged by its meaning  [0..1]
-- column  kind     word, piece, pair, type or pattern
-- column  label    label it pushes towards
-- column  word     what was tried
-- column  q_value  smallest false discovery rate at which it is spurious; null where it is not judged
-- column  verdict  spurious, context-dependent, genuine, negligible or unclear
-- column  part_of  the spurious pattern or type that it is a part of; null for all others
-- column  grade    large where it is likely spurious; null for pairs, types and patterns  [0..1]
-- column  rules    what fired: rule, figures (numbers by their names), words (texts by their names)
-- unique  kind, label, word
with

known as (
    select
        tested.*,
        judged.q_value,
        judged.verdict,
        belongs.whole as part_of,
        grades.grade,
        words.expectation,
        words.type_evidence,
        words.label_rate,
        words.n_minority,
        words.n_pulled,
        words.minority_gap,
        topics.word is not null as names_the_class,
        named.word is not null as is_named,
        coalesce(words.label_z < 0.5, false) as is_unsupported,
        coalesce(words.minority_low > 0 and words.n_minority >= 3, false) as is_harmful,
        association.label_share,
        evidence.* exclude (
            kind, label, word, effect, effect_low, effect_high, flip_rate, flip_low, flip_high, n_opposite, n_signed,
            n_signed_all
        ),
        coalesce(evidence.n_opposite, pattern_effects.n_opposite) as n_opposite,
        coalesce(evidence.n_signed, pattern_effects.n_signed) as n_signed,
        coalesce(evidence.n_signed_all, pattern_effects.n_signed) as n_signed_all,
        interactions.word as first_word,
        interactions.partner,
        interactions.comparison,
        interactions.effect as effect_with_partner,
        interactions.other_effect as effect_without_partner
    from tested
    inner join judged using (kind, label, word)
    left join belongs using (kind, label, word)
    left join words using (kind, label, word)
    left join evidence using (kind, label, word)
    left join grades using (kind, label, word)
    left join pattern_effects
        on tested.kind = 'pattern'
        and tested.label = pattern_effects.label
        and tested.word = pattern_effects.pattern
        and tested.type = pattern_effects.type
    left join topics on tested.kind = 'word' and tested.label = topics.label and tested.word = topics.word
    left join named_words as named
        on tested.kind = 'word' and tested.label = named.label and tested.word = named.word
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
                    when kind = 'pattern' then if(moves, 'pattern.moves', 'pattern.not_shown')
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
                    when names_the_class then 'type.names_the_class'
                    when kind in ('word', 'piece') and within_type then 'type.should_not_decide'
                    when type = 'identity term' and not is_judged then 'type.identity'
                    when expectation = 'unknown' then 'type.unlisted'
                    when expectation = 'exempt' then 'type.carries_meaning'
                    when type = 'function word' and kind != 'pair' and not is_named then 'type.function_word'
                end,
                'words': map {'type': type, 'label': label}
            },
            if(is_named, {'rule': 'labelling.named', 'words': map {'label': label}}, null),
            if(kind = 'word' and q_value <= $fdr and not within_type and grade < $min_grade, {
                'rule': 'meaning.not_ruled_out', 'figures': map {'grade': grade}
            }, null),
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
)

select
    kind,
    label,
    word,
    q_value,
    verdict,
    part_of,
    grade,
    rules
from fired
order by kind, label, word
