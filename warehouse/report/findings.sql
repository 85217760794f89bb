-- findings: the spurious words in short, for the terminal and for Prefect.
-- One row per word.
--
-- param   n_rows      longest list
-- column  word        lower-case word; a piece with · where the word goes on
-- column  kind        word or piece
-- column  label       label the word pushes towards
-- column  type        type of the word
-- column  n_examples  examples with the word
-- column  effect      mean effect of the interventions  [log-odds]
-- column  severity    document_frequency * effect * harm  [log-odds]
-- column  rules       rules that fired: rule, figures, words
select
    verdicts.word,
    verdicts.kind,
    verdicts.label,
    verdicts.type,
    words.n_examples,
    verdicts.effect,
    verdicts.severity,
    verdicts.rules
from verdicts
inner join words using (kind, label, word)
where verdicts.status = 'spurious' and verdicts.rank <= $n_rows
order by verdicts.rank
