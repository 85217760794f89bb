-- verdicts: spurious, context-dependent, genuine or unclear, with the rules that fired and their figures.
-- One row per candidate (kind, label, word).
--
-- How a verdict comes about stands in judge/judged.sql; what a rule says in words, in tasks/pages/rules.csv.
--
-- first   judge/judged
-- param   min_texts       texts in which a content word must have been tried to be spurious
-- column  rank                1 for the most severe of its status; spurious first
-- column  label               label the word pushes towards
-- column  word                lower-case word; a piece with · where the word goes on
-- column  kind                word or piece
-- column  type                type of the word
-- column  verdict             spurious, context-dependent, genuine or unclear
-- column  status              the verdict, or waived
-- column  severity            document_frequency * effect * harm  [log-odds]
-- column  document_frequency  share of the explained examples with the word  [0..1]
-- column  effect              mean effect over the operators  [log-odds]
-- column  harm                largest of necessity, sufficiency and minority gap, 0.02 at least  [0..1]
-- column  n_for               operators that show the effect
-- column  n_against           operators that show the contrary
-- column  rules               what fired: rule, figures (numbers by their names), words (texts by their names)
-- column  waived_by           owner of the waiver that is honoured
-- column  waiver_reason       its reason
-- column  waiver_expires      its last day; also of one that has expired
-- unique  kind, label, word
with

known as (
    select
        judged.*,
        candidates.rank,
        candidates.type,
        candidates.document_frequency,
        candidates.is_used,
        words.type_evidence,
        words.label_rate,
        words.n_minority,
        words.n_pulled,
        words.minority_gap,
        association.label_share,
        evidence.* exclude (kind, label, word),
        expected_effects.expected,
        expected_effects.predicted_share,
        interactions.partner,
        interactions.comparison,
        interactions.effect as effect_with_partner,
        interactions.other_effect as effect_without_partner
    from judged
    inner join candidates using (kind, label, word)
    inner join words using (kind, label, word)
    left join evidence using (kind, label, word)
    left join label_association as association
        on judged.kind = 'word' and judged.label = association.label and judged.word = association.word
    left join expected_effects
        on judged.kind = 'word' and judged.label = expected_effects.label and judged.word = expected_effects.word
    left join interactions
        on judged.kind = 'word' and judged.label = interactions.label and judged.word = interactions.word
),

fired as (
    select
        *,
        list_filter([
            {
                'rule': case
                    when is_causal then 'effect.moves'
                    when effect is null then 'effect.not_measured'
                    else 'effect.not_shown'
                end,
                'figures': map {'effect': effect, 'pooled_low': pooled_low, 'pooled_high': pooled_high},
                'words': map {'label': label}
            },
            if(is_artefact, {'rule': 'type.should_not_decide', 'words': map {'type': type}}, null),
            if(is_exempt, {'rule': 'type.carries_meaning', 'words': map {'type': type}}, null),
            if(is_function_word and not is_exempt, {'rule': 'type.function_word', 'words': map {'type': type}}, null),
            if(is_artefact or is_exempt or is_function_word, type_evidence, null),
            if(is_mixed, {
                'rule': 'effect.varies',
                'figures': map {'opposite_share': opposite_share, 'coefficient_of_variation': coefficient_of_variation}
            }, null),
            if(is_surface or is_alike, {
                'rule': if(is_surface, 'neighbours.lose_it', 'neighbours.keep_it'),
                'figures': map {'neighbour_loss': neighbour_loss, 'n_neighbours': n_neighbours}
            }, null),
            if(coalesce(necessity, 0) > 0 or coalesce(sufficiency, 0) > 0, {
                'rule': 'effect.flips',
                'figures': map {'necessity': coalesce(necessity, 0), 'sufficiency': coalesce(sufficiency, 0)},
                'words': map {'label': label}
            }, null),
            if(is_decisive, {'rule': 'effect.turns', 'figures': map {'flip_rate': flip_rate}}, null),
            if(is_unexplained, {
                'rule': if(expected is null, 'meaning.outweighs', 'meaning.unexplained'),
                'figures': map {'effect': effect, 'expected': expected, 'outlier_bound': outlier_bound}
            }, null),
            if(predicted_share >= 0.5 and not is_artefact, {
                'rule': 'meaning.explains',
                'figures': map {'effect': effect, 'expected': expected, 'predicted_share': predicted_share}
            }, null),
            if(is_paired, {
                'rule': concat('interaction.', comparison),
                'figures': map {
                    'effect_with_partner': effect_with_partner, 'effect_without_partner': effect_without_partner
                },
                'words': map {'partner': partner}
            }, null),
            if(is_flagged and not is_artefact and n_texts < $min_texts, {
                'rule': 'texts.too_few',
                'figures': map {'n_texts': n_texts, 'min_texts': $min_texts::bigint}
            }, null),
            if(is_unsupported, {
                'rule': 'labels.do_not_support',
                'figures': map {'label_rate': label_rate, 'label_share': label_share},
                'words': map {'label': label}
            }, null),
            if(is_harmful, {
                'rule': 'labels.pulled_over',
                'figures': map {'n_pulled': n_pulled, 'n_minority': n_minority, 'minority_gap': minority_gap},
                'words': map {'label': label}
            }, null)
        ], lambda fact: fact is not null) as rules
    from known
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
            list_position(['spurious', 'waived', 'context-dependent', 'unclear', 'genuine'], status),
            severity desc,
            rank
    ) as rank,
    label,
    word,
    kind,
    type,
    verdict,
    status,
    severity,
    document_frequency,
    effect,
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
        fired.document_frequency * fired.harm
        * coalesce(if(fired.is_used, greatest(fired.effect, 0), abs(fired.effect)), 0) as severity,
        if(not waived.expired, 'waived', fired.verdict) as status,
        if(not waived.expired, waived.owner, null) as waived_by,
        if(not waived.expired, waived.reason, null) as waiver_reason,
        waived.expires as waiver_expires
    from fired
    left join waived using (kind, label, word)
)
order by rank
