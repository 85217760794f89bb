-- verdicts: the candidates with their verdicts and what is known of them, worst first.
-- One row per (kind, label, word); types of words and patterns have queries of their own.
--
-- param   max_verdicts        longest list for each status
-- column  rank                1 for the most severe, spurious ones first
-- column  n_status            candidates of this status, shown or not
-- column  status              the verdict; waived; or part, of a spurious pattern or type
-- column  verdict             spurious, context-dependent, genuine, negligible or unclear
-- column  label               label it pushes towards
-- column  word                lower-case word; a piece with · where the word goes on; both words of a pair
-- column  kind                word, piece or pair
-- column  type                type of the word; of the first word of a pair
-- column  title               headline of the findings of this type
-- column  n_examples          examples with it
-- column  document_frequency  share of the explained examples with it  [0..1]
-- column  mean_score          mean score towards the label; null for a pair  [unit of the scalar]
-- column  effect              mean effect, less the placebo  [log-odds]
-- column  effect_low          95 % interval of effect  [log-odds]
-- column  effect_high         95 % interval of effect  [log-odds]
-- column  probability_shift   what it adds to the label's probability in a text at one half  [-0.5..0.5]
-- column  per_1000            predictions per 1,000 texts that change when it is taken out
-- column  per_1000_low        95 % interval of per_1000
-- column  per_1000_high       95 % interval of per_1000
-- column  label_rate          share of its examples with the label  [0..1]
-- column  label_share         share of the label among all examples  [0..1]
-- column  source_words        words a piece comes from
-- column  affix               the affix that a piece stands for, such as dis-; null for none
-- column  rules               rules that fired: rule, figures, words
-- column  taught_by           labelling rule that taught the model the word; null for none
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
    coalesce(
        words.n_examples,
        round(verdicts.document_frequency * (select count(*) from examples where converged))::bigint
    ) as n_examples,
    verdicts.document_frequency,
    words.mean_score,
    verdicts.effect,
    verdicts.effect_low,
    verdicts.effect_high,
    verdicts.probability_shift,
    verdicts.per_1000,
    verdicts.per_1000_low,
    verdicts.per_1000_high,
    words.label_rate,
    association.label_share,
    words.source_words,
    words.type_evidence.words['affix'] as affix,
    if(taught.reason is null, verdicts.rules, list_append(verdicts.rules, taught.reason)) as rules,
    taught.rule as taught_by,
    verdicts.waived_by,
    verdicts.waiver_reason,
    verdicts.waiver_expires
from verdicts
inner join type_rules as types on verdicts.type = types.type
left join words using (kind, label, word)
left join label_association as association
    on verdicts.kind = 'word' and verdicts.label = association.label and verdicts.word = association.word
left join taught_words as taught using (kind, label, word)
where verdicts.kind not in ('type', 'pattern')
qualify row_number() over (partition by verdicts.status order by verdicts.rank) <= $max_verdicts
order by verdicts.rank
