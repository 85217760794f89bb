-- words: everything known about a word that the model may rely on.
-- One row per (kind, label, word) with a positive mean score; a piece only where it comes from unrelated words.
--
-- param   fdr              largest q-value of a word the model uses
-- param   min_score        smallest distance of the interval from the typical word [unit of the scalar]
-- column  label               label the word pushes towards
-- column  word                lower-case word; a piece with · where the word goes on
-- column  kind                word, piece or bigram
-- column  type                type of the word, one of those in type_rules
-- column  type_evidence       why it has this type: rule, figures, words
-- column  expectation         none, meaning, exempt or unknown: whether it should decide
-- column  n_examples          examples with the word
-- column  mean_score          mean score towards the label  [unit of the scalar]
-- column  ci_low              95 % interval of mean_score  [unit of the scalar]
-- column  ci_high             95 % interval of mean_score  [unit of the scalar]
-- column  q_value             false discovery rate of the importance
-- column  rms                 root of the mean squared score, whichever label it pushes towards [unit of the scalar]
-- column  document_frequency  share of the explained examples with the word  [0..1]
-- column  impact              mean_score * document_frequency  [unit of the scalar]
-- column  pieces_per_word     tokens per occurrence
-- column  source_words        words a piece comes from
-- column  label_rate          share of the word's examples with the label; null for a piece  [0..1]
-- column  label_log_odds      label association; null for a piece  [log-odds]
-- column  label_z             label association in standard errors; null for a piece
-- column  label_q             false discovery rate of the label association; null for a piece
-- column  n_minority          examples with the word and another gold label
-- column  n_pulled            of these, predicted as label
-- column  minority_gap        error rate with the word minus without it  [0..1]
-- column  minority_low        95 % interval of minority_gap
-- column  used                the model relies on it: q_value <= fdr and ci_low - typical_score >= min_score
-- column  either_way          not used by its mean, but a whole word with scores as large as the typical used word's:
--                             it pushes now towards one label, now towards another, by the words around it
-- unique  kind, label, word
with

joined as (
    select
        importance.*,
        types.type,
        types.rule,
        {'rule': types.rule, 'figures': types.figures, 'words': types.words} as type_evidence,
        types.expectation,
        association.label_rate,
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

judged as (
    select
        joined.*,
        joined.q_value <= $fdr and joined.ci_low - joined.typical_score >= $min_score as used,
        joined.kind = 'word'
        and not used
        and coalesce(joined.rms >= median(joined.rms) filter (where used) over (partition by joined.kind), false)
            as either_way
    from joined
)

select
    label,
    word,
    kind,
    type,
    type_evidence,
    expectation,
    n_examples,
    mean_score,
    ci_low,
    ci_high,
    q_value,
    rms,
    document_frequency,
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
    either_way
from judged
order by used desc, impact desc, kind desc, label, word
