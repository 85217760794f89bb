-- findings: what is spurious in short, for the terminal and for Prefect.
-- One row per word, piece, pair of words, type of words or pattern.
--
-- param   n_rows             longest list
-- column  word               word in lower case; piece with · where the word goes on; pair; type; pattern
-- column  kind               word, piece, pair, type or pattern
-- column  label              label it pushes towards
-- column  type               type of the word
-- column  n_examples         examples with it
-- column  effect             mean effect, less the placebo  [log-odds]
-- column  probability_shift  what it adds to the label's probability in a text at one half  [-0.5..0.5]
-- column  per_1000           predictions per 1,000 texts that change when it is taken out
-- column  per_1000_low       95 % interval of per_1000
-- column  per_1000_high      95 % interval of per_1000
-- column  rules              rules that fired: rule, figures, words
select
    verdicts.word,
    verdicts.kind,
    verdicts.label,
    verdicts.type,
    coalesce(
        words.n_examples,
        round(verdicts.document_frequency * (select count(*) from examples where converged))::bigint
    ) as n_examples,
    verdicts.effect,
    verdicts.probability_shift,
    verdicts.per_1000,
    verdicts.per_1000_low,
    verdicts.per_1000_high,
    if(taught.reason is null, verdicts.rules, list_append(verdicts.rules, taught.reason)) as rules
from verdicts
left join words using (kind, label, word)
left join taught_words as taught using (kind, label, word)
where verdicts.status = 'spurious' and verdicts.rank <= $n_rows
order by verdicts.rank
