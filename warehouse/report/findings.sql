-- findings: the spurious words in short, for the terminal.
-- One row per word.
--
-- param   n_rows      longest list
-- column  word        lower-case word; a piece with · where the word goes on
-- column  kind        word or piece
-- column  label       label the word speaks for
-- column  type        type of the word
-- column  n_examples  examples with the word
-- column  strength    mean effect of the interventions   [log-odds]
-- column  severity    reach * strength * harm            [log-odds]
-- column  why         the rules that fired, in words
select
    verdicts.word,
    verdicts.kind,
    verdicts.label,
    verdicts.type,
    words.n_examples,
    verdicts.strength,
    verdicts.severity,
    array_to_string([concat(rule.rule, ': ', rule.detail) for rule in verdicts.rules], '; ') as why
from verdicts
inner join words using (kind, label, word)
where verdicts.standing = 'spurious' and verdicts.rank <= $n_rows
order by verdicts.rank
