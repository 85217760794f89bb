-- spurious: words that a retraining should take their influence from, with others that may stand in for them.
-- One row per (label, word): spurious words, and those that are a part of a spurious type or pattern.
--
-- Words of a type that should decide nothing have words of that type, which the model is not seen to use, in their
-- place. A content word has none: no other word means the same.
--
-- param   max_stand_ins  most words that stand in for one
-- param   min_stand_ins  fewest words of a type that stand in for each other
-- column  label      label it pushes towards
-- column  word       lower-case word
-- column  type       type of the word
-- column  per_1000   predictions per 1,000 texts that change when it is taken out
-- column  stand_ins  words of its type, as they are written between two words
-- unique  label, word
with

spurious as (
    select
        label,
        word,
        type,
        per_1000
    from verdicts
    where kind = 'word' and status in ('spurious', 'part')
),

free as (
    select stand_ins.*
    from stand_ins
    anti join spurious using (word)
    where stand_ins.kind = 'word'
)

select
    spurious.label,
    spurious.word,
    spurious.type,
    spurious.per_1000,
    if(
        any_value(rules.expectation) = 'none' and count(free.word) >= $min_stand_ins,
        arg_min(free.inserted, md5(concat('swap ', spurious.word, ' ', free.word)), $max_stand_ins),
        []
    ) as stand_ins
from spurious
inner join type_rules as rules on spurious.type = rules.type
left join free on spurious.type = free.type
group by spurious.label, spurious.word, spurious.type, spurious.per_1000
order by spurious.per_1000 desc, spurious.word, spurious.label
