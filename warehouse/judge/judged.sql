-- judged: the verdict of every candidate.
-- One row per (kind, label, word).
--
-- The first that fits, in the words of tasks/pages/verdicts.csv:
--   negligible         the 95 % interval of its effect lies within the smallest effect that counts, on both sides of 0
--   context-dependent  it moves predictions, but the other way in significantly more than one text in four
--   spurious           it pushes towards its label, in most texts and by the smallest effect that counts or more, both
--                      where it stands and where it is inserted; and what neither its meaning nor its type explains is
--                      significantly more than that, and most of its effect
--   genuine            it moves predictions, in most texts the same way, as words of similar meaning do; or it is
--                      exempt, as negation and affixes are, which carry meaning
--   unclear            all else: it is not shown to move predictions, or not the same way in most texts, or neither its
--                      meaning nor chance is ruled out; also what is not judged: function words and, unless the config
--                      says so, identity terms
-- Significance is controlled by the procedure of Benjamini and Hochberg 1995, in three families: words that a
-- labelling rule names, which were suspected before the data were seen and are few; words that the model is not seen
-- to use: they have spare trials, are many and seldom do anything; and all else together. In a model that a few words
-- decide, words of similar meaning predict too little of them: the grade of a word has to rule its meaning out, too.
--
-- param   fdr            false discovery rate of the verdict spurious  [0..1]
-- param   max_explained  largest share of a spurious effect that meaning explains  [0..1]
-- param   min_grade      smallest grade of a spurious word that is judged by its meaning  [0..1]
-- column  kind     word, piece, pair or type
-- column  label    label it pushes towards
-- column  word     lower-case word; a piece with · where the word goes on; both words of a pair; a type
-- column  q_value  smallest false discovery rate at which it is spurious; null where it is not judged
-- column  verdict  spurious, context-dependent, genuine, negligible or unclear
-- unique  kind, label, word
with

families as (
    select
        tested.*,
        case
            when tested.p_value is null then 'none'
            when named.word is not null then 'named'
            when candidates.is_used is false then 'spare'
            else 'used'
        end as family,
        coalesce(tested.kind = 'word' and not tested.within_type and grades.grade < $min_grade, false) as may_be_meant
    from tested
    left join candidates using (kind, label, word)
    left join grades using (kind, label, word)
    left join named_words as named
        on tested.kind = 'word' and tested.label = named.label and tested.word = named.word
),

ranks as (
    select
        *,
        count(p_value) over (partition by family) as n_tests,
        step_up_rank(p_value, family) as p_rank
    from families
),

controlled as (
    select
        *,
        if(p_value is null, null, step_up_q(p_value, n_tests, p_rank, family)) as q_value
    from ranks
)

select
    kind,
    label,
    word,
    q_value,
    case
        when type = 'identity term' and not is_judged then 'unclear'
        when is_negligible then 'negligible'
        when is_contextual and moves then 'context-dependent'
        when q_value <= $fdr and shows_in_both and is_consistent and coalesce(predicted_share, 0) < $max_explained
            and not may_be_meant
            then 'spurious'
        when not moves or not is_consistent then 'unclear'
        when is_exempt then 'genuine'
        when within_type or type = 'function word' then 'unclear'
        when predicted_share >= $max_explained then 'genuine'
        else 'unclear'
    end as verdict
from controlled
order by kind, label, word
