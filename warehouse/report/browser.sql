-- browser: the examples to leaf through: mistakes, then sure answers, then typical ones.
-- One row per example.
--
-- Half of the places are for the mistakes the model is surest of; of the rest, two in three are for its surest
-- right answers, evenly over the labels, and one in three for right answers of middling confidence.
--
-- param   browser_sentences  most examples
-- column  example_id         example
-- column  part               mistake, sure or typical
-- column  rank               1 for the first of its part
-- unique  example_id
with

mistakes as (
    select
        example_id,
        'mistake' as part,
        row_number() over (order by confidence desc, example_id) as rank
    from examples
    where converged and not correct
    qualify rank <= ($browser_sentences + 1) // 2
),

places as (
    select $browser_sentences - (select count(*) from mistakes) as n_left
),

ranked as (
    select
        example_id,
        row_number() over (partition by predicted_label order by confidence desc, example_id) as label_rank,
        abs(confidence - median(confidence) over (partition by predicted_label)) as distance,
        confidence
    from examples
    where converged and correct
),

sure as (
    select
        example_id,
        'sure' as part,
        row_number() over (order by label_rank, confidence desc, example_id) as rank
    from ranked
    qualify rank <= (select (2 * n_left + 2) // 3 from places)
),

typical as (
    select
        example_id,
        'typical' as part,
        row_number() over (order by distance, example_id) as rank
    from ranked
    where example_id not in (select example_id from sure)
    qualify rank <= (select n_left - (2 * n_left + 2) // 3 from places)
)

select * from mistakes
union all
select * from sure
union all
select * from typical
order by part = 'typical', part = 'sure', rank
