-- pool: the texts into which words are inserted, and the placebo words of each type.
-- One row per type.
--
-- The placebo words of a type stand for what any word of it does in the same text at the same place. They are made once
-- and serve all candidates of the type. A type with too few words of its own has no row; content words serve it.
--
-- param   max_stand_ins  most placebo words of a type
-- param   min_stand_ins  fewest placebo words of a type
-- column  type       type of the words
-- column  stand_ins  how they are written
-- column  texts      the texts, and which share of each is read  [0..1]
-- unique  type
with

-- Words of several texts first: those of one text are often misspelt.
chosen as (
    select
        type,
        inserted,
        md5(concat('pool ', kind, ' ', word)) as drawn
    from stand_ins
    qualify row_number() over (partition by type order by n_examples = 1, drawn, kind) <= $max_stand_ins
)

select
    type,
    list(distinct inserted order by inserted) as stand_ins,
    (
        select list({'example_id': example_id, 'read_share': read_share} order by example_id) from pool_texts
    ) as texts
from chosen
group by type
having count(distinct inserted) >= $min_stand_ins
order by type
