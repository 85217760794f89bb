-- missed: planted words and groups that an audit does not call spurious though the model learned them, and why.
-- One row per word.
--
-- param   certificate_id  certificate
-- column  shortcut        kind of shortcut
-- column  strength        share of the planted rows that obey it  [0..1]
-- column  word            lower-case word; of a group, what it is called
-- column  n_examples      audited texts with it
-- column  verdict         the gravest of its verdicts; null where it was no candidate
-- column  reason          why it is not spurious
-- unique  word
select
    words.shortcut,
    words.strength,
    words.word,
    words.n_examples,
    words.verdict,
    words.reason
from main.certificate_words as words
inner join main.certificate_shortcuts as shortcuts using (certificate_id, shortcut, strength)
where words.certificate_id = $certificate_id and words.role = 'shortcut' and shortcuts.learned
    and words.reason is not null
order by words.shortcut, words.strength, words.word
