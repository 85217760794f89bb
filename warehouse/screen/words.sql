-- words: everything known about a word that the model may lean on, with its spuriousness.
-- One row per (kind, label, word) with a positive mean score; a piece only where it comes from unrelated words.
--
-- spuriousness: 1 minus the product of (1 - weight) over the reasons that hold, so that independent reasons add up
-- and none exceeds 1. The weights are our judgement of how often such a reason is right when it stands alone.
-- It is a lead, not a proof: no statistic of a corpus can tell a spurious feature from a real one (Eisenstein 2022).
--
-- param   fdr               largest q-value of a word the model uses
-- param   min_score         smallest distance of the interval from the typical word [unit of the scalar]
-- param   min_spuriousness  smallest spuriousness of a flag                     [0..1]
-- column  label             label the word speaks for
-- column  word              lower-case word; a piece with · where the word goes on
-- column  kind              word, piece or bigram
-- column  type              fragment, affix, markup, number, punctuation, symbol, function word, name or content word
-- column  type_evidence     why it has this type
-- column  n_examples        examples with the word
-- column  mean_score        mean score towards the label                        [unit of the scalar]
-- column  ci_low            95 % interval of mean_score                         [unit of the scalar]
-- column  ci_high           95 % interval of mean_score                         [unit of the scalar]
-- column  q_value           false discovery rate of the importance
-- column  size              root of the mean squared score, whichever label it speaks for [unit of the scalar]
-- column  reach             share of the explained examples with the word       [0..1]
-- column  impact            mean_score * reach                                  [unit of the scalar]
-- column  pieces_per_word   tokens per occurrence
-- column  source_words      words a piece comes from
-- column  label_rate        share of the word's examples with the label; null for a piece   [0..1]
-- column  label_log_odds    label association; null for a piece                 [log-odds]
-- column  label_z           label association in standard errors; null for a piece
-- column  label_q           false discovery rate of the label association; null for a piece
-- column  n_minority        examples with the word and another gold label
-- column  n_pulled          of these, predicted as label
-- column  minority_gap      error rate with the word minus without it           [0..1]
-- column  minority_low      95 % interval of minority_gap
-- column  used              the model leans on it: q_value <= max_q and ci_low - typical_score >= min_score
-- column  either_way        not used by its mean, but a whole word with scores as large as the typical used word's: it
--                           speaks now for one label, now for another, by the words around it
-- column  reasons           what speaks for spurious: reason, weight, detail
-- column  spuriousness      0 (nothing speaks for it) .. 1
-- column  flagged           used, with a reason, and spuriousness >= min_spuriousness
-- unique  kind, label, word
with

weights (reason, weight) as (
    values
    ('markup', 0.7),
    ('mixed script', 0.6),
    ('name', 0.6),
    ('place', 0.6),
    ('number', 0.6),
    ('fragment', 0.6),
    ('punctuation', 0.5),
    ('function word', 0.35),
    ('symbol', 0.3),
    ('label hangs on it', 0.3),
    ('labels do not support it', 0.2),
    ('pulls wrong examples over', 0.2),
    ('cut into pieces', 0.1)
),

joined as (
    select
        importance.*,
        types.type,
        types.rule,
        types.word_group,
        types.evidence as type_evidence,
        association.n_examples as n_labelled,
        association.label_rate,
        association.label_share,
        association.rate_low,
        association.log_odds as label_log_odds,
        association.z as label_z,
        association.q_value as label_q,
        gaps.n_minority,
        gaps.n_pulled,
        gaps.gap as minority_gap,
        gaps.gap_low as minority_low
    from word_importance as importance
    inner join word_types as types using (kind, word)
    left join label_association as association
        on importance.kind != 'piece' and importance.label = association.label and importance.word = association.word
    left join minority_gap as gaps
        on importance.kind != 'piece' and importance.label = gaps.label and importance.word = gaps.word
    where importance.mean_score > 0 and types.rule != 'fragment.one_word'
),

-- Negation, intensifiers, contrast and affixes carry meaning: their type does not speak against them.
fired as (
    select
        kind, label, word,
        type as reason,
        if(kind = 'piece', concat(type_evidence, ' (', source_words, ')'), type_evidence) as detail
    from joined
    where type not in ('content word', 'affix')
        and coalesce(word_group, '') not in ('negation', 'intensifier', 'contrast')
    union all
    select
        kind, label, word,
        'labels do not support it',
        concat(
            round(100 * label_rate)::integer, ' % of its examples are ', label, ', against ',
            round(100 * label_share)::integer, ' % of all'
        )
    from joined
    where label_z < 0.5
    union all
    select
        kind, label, word,
        'pulls wrong examples over',
        concat(
            n_pulled, ' of ', n_minority, ' examples with another label are called ', label, ', ',
            round(100 * minority_gap)::integer, ' points more than without the word'
        )
    from joined
    where minority_low > 0 and n_minority >= 3
    union all
    select
        kind, label, word,
        'label hangs on it',
        concat('in ', n_labelled, ' examples ', round(100 * label_rate)::integer, ' % have the label')
    from joined
    where rate_low >= 0.9
    union all
    select
        kind, label, word,
        'cut into pieces',
        concat(round(pieces_per_word, 1), ' pieces per occurrence')
    from joined
    where type = 'content word' and pieces_per_word >= 2
),

weighed as (
    select
        fired.kind,
        fired.label,
        fired.word,
        list({'reason': fired.reason, 'weight': weights.weight::double, 'detail': fired.detail}
            order by weights.weight desc, fired.reason) as reasons,
        1 - product(1 - weights.weight::double) as spuriousness
    from fired
    inner join weights using (reason)
    group by fired.kind, fired.label, fired.word
),

judged as (
    select
        joined.*,
        weighed.reasons,
        coalesce(weighed.spuriousness, 0) as spuriousness,
        joined.q_value <= $fdr and joined.ci_low - joined.typical_score >= $min_score as used,
        joined.kind = 'word'
        and not used
        and coalesce(joined.size >= median(joined.size) filter (where used) over (partition by joined.kind), false)
            as either_way,
        used and weighed.spuriousness is not null and weighed.spuriousness >= $min_spuriousness as flagged
    from joined
    left join weighed using (kind, label, word)
)

select
    label,
    word,
    kind,
    type,
    type_evidence,
    n_examples,
    mean_score,
    ci_low,
    ci_high,
    q_value,
    size,
    reach,
    impact,
    pieces_per_word,
    source_words,
    label_rate,
    label_log_odds,
    label_z,
    label_q,
    n_minority,
    n_pulled,
    minority_gap,
    minority_low,
    used,
    either_way,
    reasons,
    spuriousness,
    flagged
from judged
order by flagged desc, impact desc, kind desc, label, word
