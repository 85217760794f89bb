-- word: everything known about one word.
-- One row per (kind, label) the word pushes towards.
--
-- param   word          lower-case word, or a piece with · where the word goes on
-- column  label       label the word pushes towards
-- column  word        the word
-- column  kind        word or piece
-- column  type        type of the word
-- column  n_examples  examples with the word
-- column  mean_score  mean score towards the label  [unit of the scalar]
-- column  ci_low      95 % interval of mean_score  [unit of the scalar]
-- column  ci_high     95 % interval of mean_score  [unit of the scalar]
-- column  q_value     false discovery rate of the importance
-- column  label_rate  share of its examples with the label  [0..1]
-- column  verdict     null where the word was not tried
-- column  status      the verdict, or waived
-- column  rules       rules that fired: rule, figures, words
-- column  waived_by   owner of the waiver that is honoured
-- column  effects     what each operator shows: operator, n_texts, mean_effect, effect_low, effect_high
select
    words.label,
    words.word,
    words.kind,
    words.type,
    words.n_examples,
    words.mean_score,
    words.ci_low,
    words.ci_high,
    words.q_value,
    words.label_rate,
    verdicts.verdict,
    verdicts.status,
    if(taught.reason is null, verdicts.rules, list_append(verdicts.rules, taught.reason)) as rules,
    verdicts.waived_by,
    (
        select list({
            'operator': effects.operator,
            'n_texts': effects.n_texts,
            'mean_effect': effects.mean_effect,
            'effect_low': effects.effect_low,
            'effect_high': effects.effect_high
        } order by effects.operator)
        from effects
        where effects.kind = words.kind and effects.label = words.label and effects.word = words.word
    ) as effects
from words
left join verdicts using (kind, label, word)
left join taught_words as taught using (kind, label, word)
where words.word = $word
order by words.kind desc, words.mean_score desc, words.label
