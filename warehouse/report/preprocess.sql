-- preprocess: the spurious patterns that can be taken out of a text, with texts to test that on.
-- One row per pattern.
--
-- column  pattern      what its texts have in common; * where they differ
-- column  type         shape, opening, ending, line, element, address or companions
-- column  label        label it pushes towards
-- column  effect       mean effect, less neutral words  [log-odds]
-- column  effect_low   95 % interval of effect          [log-odds]
-- column  effect_high  95 % interval of effect          [log-odds]
-- column  texts        three texts that hold it
-- unique  pattern
select
    verdicts.word as pattern,
    verdicts.type,
    any_value(verdicts.label) as label,
    any_value(verdicts.effect) as effect,
    any_value(verdicts.effect_low) as effect_low,
    any_value(verdicts.effect_high) as effect_high,
    list(distinct examples.text order by length(examples.text), examples.text)[:3] as texts
from verdicts
inner join pattern_spans as spans on verdicts.type = spans.type and verdicts.word = spans.pattern
inner join examples using (example_id)
where verdicts.kind = 'pattern' and verdicts.status = 'spurious' and spans.place != 'whole'
group by verdicts.word, verdicts.type, verdicts.rank
order by verdicts.rank
