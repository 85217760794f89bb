-- texts: the explained texts and their words, for a recogniser of names.
-- One row per example.
--
-- column  example_id  example
-- column  text        raw text
-- column  words       its words: first character, end exclusive [code points], and the word as the tables have it
-- unique  example_id
select
    examples.example_id,
    examples.text,
    list(
        {'start': occurrences.word_start, 'end': occurrences.word_end, 'word': occurrences.word}
        order by occurrences.word_start
    ) filter (where occurrences.word is not null) as words
from examples
left join word_occurrences as occurrences using (example_id)
where examples.converged
group by examples.example_id, examples.text
order by examples.example_id
