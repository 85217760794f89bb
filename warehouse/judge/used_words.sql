-- used_words: what the model uses, in one direction or in either, or is tried; with what attributions and trials say.
-- One row per (kind, label, word).
--
-- column  kind                word or piece
-- column  label               label the word pushes towards
-- column  word                lower-case word; a piece with · where the word goes on
-- column  type                type of the word
-- column  expectation         none, meaning, exempt or unknown: whether it should decide
-- column  mean_score          mean score towards the label  [unit of the scalar]
-- column  mean_share          mean share of the scores of a text  [0..1]
-- column  document_frequency  share of the explained examples with the word  [0..1]
-- column  effect              mean effect; null where it was not tried  [log-odds]
-- column  effect_se           its standard error  [log-odds]
-- unique  kind, label, word
select
    words.kind,
    words.label,
    words.word,
    words.type,
    words.expectation,
    words.mean_score,
    importance.mean_share,
    words.document_frequency,
    evidence.effect,
    evidence.effect_se
from words
inner join word_importance as importance using (kind, label, word)
left join candidates using (kind, label, word)
left join evidence using (kind, label, word)
where words.kind != 'bigram' and (words.used or words.either_way or candidates.word is not null)
order by words.kind, words.label, words.word
