-- browser: the examples to leaf through: mistakes, then sure answers, then typical ones.
-- One row per example.
--
-- Half of the places are for the mistakes the model is surest of; of the rest, two in three are for its surest
-- right answers, evenly over the labels, and one in three for right answers of middling confidence.
--
-- param   browser_sentences  most examples
-- column  example_id         example
-- column  part               mistake, sure or typical
-- column  place              1 for the first of its part
-- unique  example_id
with

mistakes as (
    select
        example_id,
        'mistake' as part,
        row_number() over (order by confidence desc, example_id) as place
    from examples
    where converged and not correct
    qualify place <= ($browser_sentences + 1) // 2
),

places as (
    select $browser_sentences - (select count(*) from mistakes) as n_left
),

ranked as (
    select
        example_id,
        row_number() over (partition by predicted_label order by confidence desc, example_id) as label_place,
        abs(confidence - median(confidence) over (partition by predicted_label)) as distance,
        confidence
    from examples
    where converged and correct
),

sure as (
    select
        example_id,
        'sure' as part,
        row_number() over (order by label_place, confidence desc, example_id) as place
    from ranked
    qualify place <= (select (2 * n_left + 2) // 3 from places)
),

typical as (
    select
        example_id,
        'typical' as part,
        row_number() over (order by distance, example_id) as place
    from ranked
    where example_id not in (select example_id from sure)
    qualify place <= (select n_left - (2 * n_left + 2) // 3 from places)
)

select * from mistakes
union all
select * from sure
union all
select * from typical
order by part = 'typical', part = 'sure', place
