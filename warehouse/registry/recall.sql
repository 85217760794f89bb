-- recall: of the planted shortcuts, how many words an audit finds.
-- One row per (shortcut, strength).
--
-- param   certificate_id    certificate
-- column  shortcut          kind of shortcut
-- column  strength          share of the planted rows that obey it                       [0..1]
-- column  learned           whether the model learned it; if not, there was nothing to find
-- column  clean_accuracy    on texts that obey it, of the model that never saw it        [0..1]
-- column  planted_accuracy  on the same texts, of the model that was trained with it     [0..1]
-- column  n_words           words that carry it; a group of words is one
-- column  n_spurious        of these, called spurious
-- column  recall_spurious   n_spurious / n_words                                         [0..1]
-- column  recall_suspect    share called spurious or context-dependent                   [0..1]
-- column  words             each with its verdict
-- unique  shortcut, strength
select
    shortcuts.shortcut,
    shortcuts.strength,
    any_value(shortcuts.learned) as learned,
    any_value(shortcuts.clean_accuracy) as clean_accuracy,
    any_value(shortcuts.planted_accuracy) as planted_accuracy,
    count(*) as n_words,
    count(*) filter (where words.verdict = 'spurious') as n_spurious,
    n_spurious / n_words as recall_spurious,
    count(*) filter (where words.verdict in ('spurious', 'context-dependent')) / n_words as recall_suspect,
    string_agg(concat(words.word, ' ', coalesce(words.verdict, 'no candidate')), ', ' order by words.word) as words
from main.certificate_shortcuts as shortcuts
inner join main.certificate_words as words using (certificate_id, shortcut, strength)
where shortcuts.certificate_id = $certificate_id and words.role = 'shortcut'
group by shortcuts.shortcut, shortcuts.strength
order by shortcuts.shortcut, shortcuts.strength
