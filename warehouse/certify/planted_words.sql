-- planted_words: how the audit of the planted copy judged each planted word.
-- One row per word.
--
-- param   planted_words  file: what was planted
-- column  role           shortcut, context, control or decoy
-- column  shortcut       kind of shortcut; null for controls and decoys
-- column  strength       share of the planted rows that obey it               [0..1]
-- column  word           lower-case word
-- column  label          label it was tied to
-- column  n_examples     audited texts with it
-- column  has_figures    in enough texts to be judged
-- column  type           type that the audit found
-- column  verdict        the gravest of its verdicts; null where it was no candidate
-- unique  word
with

occurrences as (
    select
        word,
        count(distinct example_id) as n_examples
    from word_occurrences
    group by word
),

figures as (
    select distinct word
    from word_importance
    where kind = 'word'
),

-- The order of the alphabet is not that of gravity.
judged as (
    select
        word,
        arg_min(
            verdict, list_position(['spurious', 'context-dependent', 'unclear', 'genuine'], verdict)
        ) as verdict
    from verdicts
    where kind = 'word'
    group by word
)

select
    planted.role,
    planted.shortcut,
    planted.strength,
    planted.word,
    planted.label,
    coalesce(occurrences.n_examples, 0) as n_examples,
    figures.word is not null as has_figures,
    types.type,
    judged.verdict
from read_parquet($planted_words) as planted
left join occurrences using (word)
left join figures using (word)
left join judged using (word)
left join word_types as types on planted.word = types.word and types.kind = 'word'
order by planted.role desc, planted.shortcut, planted.strength, planted.word
