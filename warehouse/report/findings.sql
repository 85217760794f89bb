-- findings: the flags in short, for the terminal.
-- One row per flag.
--
-- param   n_rows        longest list
-- column  word          lower-case word; a piece with · where the word goes on
-- column  kind          word or piece
-- column  label         label the word speaks for
-- column  type          type of the word
-- column  n_examples    examples with the word
-- column  mean_score    mean score towards the label   [unit of the scalar]
-- column  spuriousness  0..1
-- column  why           the reasons in words
select
    word,
    kind,
    label,
    type,
    n_examples,
    mean_score,
    spuriousness,
    why
from flags
where place <= $n_rows
order by place
