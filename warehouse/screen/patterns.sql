-- patterns: the patterns that are put to the test: those whose texts are read as one label more often than others.
-- One row per (type, pattern), up to max_patterns.
--
-- Of two patterns in nearly the same texts the longer is tried: a part of it alone may show nothing, where the rest
-- says the same. The part that carries the effect is found by the trials.
--
-- param   max_patterns  longest list
-- param   max_q         false discovery rate of the association
-- column  rank          1 for the strongest association
-- column  type          shape, opening, ending, line, element, address, companions, capitals, length or marks
-- column  pattern       what its texts have in common
-- column  n_examples    explained examples with it
-- column  n_surfaces    ways in which it is filled
-- column  place         where it mostly stands: start, end, first line, last line, inside or whole
-- column  label         label that its texts are read as more often than others
-- column  z             association with that label, in standard errors
-- column  surfaces      how it is filled most often, at most five
-- unique  pattern
with

texts as (
    select distinct
        spans.type,
        spans.pattern,
        spans.example_id,
        examples.predicted_label
    from pattern_spans as spans
    inner join examples using (example_id)
),

shares as (
    select
        predicted_label as label,
        count(*) as n_label,
        sum(count(*)) over () as n_all,
        n_label / n_all as share
    from examples
    where converged
    group by predicted_label
),

held as (
    select
        type,
        pattern,
        count(*) as n_examples
    from texts
    group by type, pattern
),

filled as (
    select
        type,
        pattern,
        surface,
        count(*) as n
    from pattern_spans
    group by type, pattern, surface
),

surfaces as (
    select
        type,
        pattern,
        count(*) as n_surfaces,
        avg(length(surface)) as length,
        list(surface order by n desc, surface)[:5] as surfaces
    from filled
    group by type, pattern
),

places as (
    select
        type,
        pattern,
        arg_max(place, (n, place)) as place
    from (
        select
            type,
            pattern,
            -- What stands at an end only sometimes stands inside.
            case
                when count(*) >= 0.8 * sum(count(*)) over (partition by type, pattern) then place
                else if(type = 'line', 'last line', 'inside')
            end as place,
            count(*) as n
        from pattern_spans
        group by type, pattern, pattern_spans.place
    )
    group by type, pattern
),

-- Without replacement, as in a hypergeometric distribution.
associations as (
    select
        held.*,
        shares.label,
        (count(texts.example_id) - n_examples * share)
        / nullif(sqrt(n_examples * share * (1 - share) * (n_all - n_examples) / nullif(n_all - 1, 0)), 0) as z
    from held
    cross join shares
    left join texts on held.type = texts.type and held.pattern = texts.pattern and shares.label = texts.predicted_label
    group by held.type, held.pattern, held.n_examples, shares.label, share, n_all
),

tests as (
    select
        *,
        count(*) over () as n_tests,
        step_up_rank(normal_p(z), true) as p_rank
    from associations
    where z is not null
),

strongest as (
    select
        *,
        step_up_q(normal_p(z), n_tests, p_rank, true) as q_value
    from tests
    qualify row_number() over (partition by type, pattern order by z desc, label) = 1
),

-- One shape with one filling is a word, unless it is made of several.
chosen as (
    select strongest.*, surfaces.length, surfaces.n_surfaces, surfaces.surfaces, places.place
    from strongest
    inner join surfaces using (type, pattern)
    inner join places using (type, pattern)
    where q_value <= $max_q and z > 0
        and (n_surfaces > 1 or type != 'shape' or regexp_matches(pattern, '[^a0A+]'))
),

in_common as (
    select
        own.type,
        own.pattern,
        other.type as other_type,
        other.pattern as other_pattern,
        count(*) as n_both
    from texts as own
    inner join texts as other using (example_id)
    where (own.type, own.pattern) in (select (type, pattern) from chosen)
        and (other.type, other.pattern) in (select (type, pattern) from chosen)
        and (own.type != other.type or own.pattern != other.pattern)
    group by all
),

repeated as (
    select distinct
        own.type,
        own.pattern
    from in_common
    inner join chosen as own on in_common.type = own.type and in_common.pattern = own.pattern
    inner join chosen as other on in_common.other_type = other.type and in_common.other_pattern = other.pattern
    where in_common.n_both >= 0.8 * greatest(own.n_examples, other.n_examples)
        and (other.length, other.z, other.type, other.pattern) > (own.length, own.z, own.type, own.pattern)
)

select
    row_number() over (order by z desc, n_examples desc, type, pattern) as rank,
    type,
    pattern,
    n_examples,
    n_surfaces,
    place,
    label,
    z,
    surfaces
from chosen
anti join repeated using (type, pattern)
-- A line and a shape may be written alike.
qualify row_number() over (partition by pattern order by z desc, type) = 1 and rank <= $max_patterns
order by rank
