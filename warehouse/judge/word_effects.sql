-- word_effects: the effects of the words that were tried, and the words of patterns, of which an effect is expected.
-- One row per (label, word).
--
-- column  label        label the word pushes towards
-- column  word         lower-case word
-- column  effect       mean effect; null where it was not tried  [log-odds]
-- column  expectation  none, meaning, exempt or unknown: whether it should decide
-- unique  label, word
with

tried as (
    select
        evidence.label,
        evidence.word,
        evidence.effect,
        candidates.expectation
    from evidence
    inner join candidates using (kind, label, word)
    where evidence.kind = 'word' and evidence.effect is not null
),

in_patterns as (
    select distinct
        pattern_effects.label,
        pattern_words.word,
        null::double as effect,
        types.expectation
    from pattern_words
    inner join pattern_effects using (type, pattern)
    inner join word_types as types on types.kind = 'word' and pattern_words.word = types.word
    anti join tried on pattern_effects.label = tried.label and pattern_words.word = tried.word
)

select
    label,
    word,
    effect,
    expectation
from (
    select * from tried
    union all
    select * from in_patterns
)
order by label, word
