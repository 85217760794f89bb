-- flags: the suspect words with their reasons, worst first.
-- One row per (kind, label, word).
--
-- param   max_flags     longest list
-- column  place         1 for the flag with the largest impact
-- column  label         label the word speaks for
-- column  word          lower-case word; a piece with · where the word goes on
-- column  kind          word or piece
-- column  type          fragment, affix, markup, number, punctuation, symbol, function word, name or content word
-- column  n_examples    examples with the word
-- column  reach         share of the explained examples with the word     [0..1]
-- column  mean_score    mean score towards the label                      [unit of the scalar]
-- column  ci_low        95 % interval of mean_score                       [unit of the scalar]
-- column  ci_high       95 % interval of mean_score                       [unit of the scalar]
-- column  impact        mean_score * reach                                [unit of the scalar]
-- column  label_rate    share of its examples with the label              [0..1]
-- column  label_share   share of the label among all examples             [0..1]
-- column  source_words  words a piece comes from
-- column  reasons       what speaks for spurious: reason, weight, detail
-- column  spuriousness  0..1
-- unique  kind, label, word
select
    flags.place,
    flags.label,
    flags.word,
    flags.kind,
    flags.type,
    flags.n_examples,
    words.reach,
    flags.mean_score,
    flags.ci_low,
    flags.ci_high,
    flags.impact,
    flags.label_rate,
    association.label_share,
    words.source_words,
    words.reasons,
    flags.spuriousness
from flags
inner join words using (kind, label, word)
left join label_association as association
    on flags.kind = 'word' and flags.label = association.label and flags.word = association.word
where flags.place <= $max_flags
order by flags.place
