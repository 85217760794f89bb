-- verdicts: the candidates with their verdicts and what is known of them, worst first.
-- One row per (kind, label, word).
--
-- param   max_verdicts    longest list for each status
-- column  rank                1 for the most severe, spurious ones first
-- column  n_status            words of this status, shown or not
-- column  status              the verdict, or waived
-- column  verdict             spurious, context-dependent, genuine or unclear
-- column  label               label the word pushes towards
-- column  word                lower-case word; a piece with · where the word goes on
-- column  kind                word or piece
-- column  type                type of the word
-- column  title               headline of the findings of this type
-- column  n_examples          examples with the word
-- column  document_frequency  share of the explained examples with the word  [0..1]
-- column  mean_score          mean score towards the label  [unit of the scalar]
-- column  ci_low              95 % interval of mean_score  [unit of the scalar]
-- column  ci_high             95 % interval of mean_score  [unit of the scalar]
-- column  effect              mean effect of the interventions  [log-odds]
-- column  severity            document_frequency * effect * harm  [log-odds]
-- column  necessity           predictions that flip when it goes  [0..1]
-- column  sufficiency         predictions that flip when it is added  [0..1]
-- column  label_rate          share of its examples with the label  [0..1]
-- column  label_share         share of the label among all examples  [0..1]
-- column  source_words        words a piece comes from
-- column  rules               rules that fired: rule, figures, words
-- column  waived_by           owner of the waiver that is honoured
-- column  waiver_reason       its reason
-- column  waiver_expires      its last day; also of one that has expired
-- unique  kind, label, word
select
    verdicts.rank,
    count(*) over (partition by verdicts.status) as n_status,
    verdicts.status,
    verdicts.verdict,
    verdicts.label,
    verdicts.word,
    verdicts.kind,
    verdicts.type,
    types.title,
    words.n_examples,
    words.document_frequency,
    words.mean_score,
    words.ci_low,
    words.ci_high,
    verdicts.effect,
    verdicts.severity,
    evidence.necessity,
    evidence.sufficiency,
    words.label_rate,
    association.label_share,
    words.source_words,
    verdicts.rules,
    verdicts.waived_by,
    verdicts.waiver_reason,
    verdicts.waiver_expires
from verdicts
inner join words using (kind, label, word)
inner join type_rules as types on verdicts.type = types.type
left join evidence using (kind, label, word)
left join label_association as association
    on verdicts.kind = 'word' and verdicts.label = association.label and verdicts.word = association.word
qualify row_number() over (partition by verdicts.status order by verdicts.rank) <= $max_verdicts
order by verdicts.rank
