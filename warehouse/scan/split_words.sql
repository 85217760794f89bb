-- split_words: what cutting a word costs and what its pieces decide, the most first, beside the verdict on the word.
-- One row per word that is cut.
--
-- column  rank                1 for the word whose cut weighs most
-- column  word                lower-case word
-- column  spelling            its commonest spelling
-- column  type                type of the word
-- column  sort                name, place, handle, code (letters and digits), term, or the type itself
-- column  script              its script
-- column  stem                what it shares with its inflections among the words that are cut
-- column  n_inflections       words that are cut and have this stem, this one included
-- column  pieces              pieces of its commonest cut, in their order
-- column  weights             mean absolute score of each of them there                        [unit of the scalar]
-- column  n_examples          texts with the word
-- column  n_occurrences       times it stands in the explained texts
-- column  document_frequency  share of the explained texts with the word                          [0..1]
-- column  pieces_per_word     tokens per occurrence
-- column  tokens_over         tokens that would be saved if each occurrence were one token
-- column  importance          mean of the absolute scores of its pieces, added up            [unit of the scalar]
-- column  cancelled           share of it that opposite signs take away from the word's score     [0..1]
-- column  value               tokens_over * importance: the order of the list                [unit of the scalar]
-- column  label               label that the word pushes towards; null for a word in too few texts
-- column  mean_score          mean score towards it                                           [unit of the scalar]
-- column  expectation         whether a word of its type should decide: none, meaning, exempt or unknown
-- column  status              verdict on the word, the gravest over labels; null where it was not tried
-- column  can_be_token        a word of such a type may be one token: no link, markup, number or mark
-- unique  word
with

explained as (
    select count(*) as n_explained
    from examples
    where converged
),

strongest as (
    select
        word,
        label,
        mean_score
    from word_importance
    where kind = 'word'
    qualify row_number() over (partition by word order by mean_score desc, label) = 1
),

statuses as (
    select
        word,
        arg_min(status, list_position(
            ['spurious', 'part', 'context-dependent', 'genuine', 'waived', 'unclear', 'negligible'], status
        )) as status
    from verdicts
    where kind = 'word'
    group by word
),

weighed as (
    select
        cut_words.*,
        types.type,
        types.expectation,
        cut_words.tokens_over * cut_words.importance as value,
        count(*) over (partition by cut_words.stem) as n_inflections
    from cut_words
    inner join word_types as types on types.kind = 'word' and cut_words.word = types.word
)

select
    row_number() over (order by weighed.value desc, weighed.word) as rank,
    weighed.word,
    spellings.surface as spelling,
    weighed.type,
    case
        when rules.as_token = 'own' then weighed.type
        when regexp_matches(weighed.word, '\p{L}')
            and regexp_matches(weighed.word, '\p{Nd}')
            and rules.as_token is distinct from 'never'
            and not regexp_matches(weighed.word, '^\p{Nd}+(st|nd|rd|th|s|am|pm)$')
            then 'code'
        when rules.as_token = 'term' then 'term'
        else weighed.type
    end as sort,
    script_of(weighed.word) as script,
    weighed.stem,
    weighed.n_inflections,
    weighed.pieces,
    weighed.weights,
    weighed.n_examples,
    weighed.n_occurrences,
    weighed.n_examples / explained.n_explained as document_frequency,
    weighed.pieces_per_word,
    weighed.tokens_over,
    weighed.importance,
    weighed.cancelled,
    weighed.value,
    strongest.label,
    strongest.mean_score,
    weighed.expectation,
    statuses.status,
    regexp_matches(weighed.word, '\p{L}')
    and (sort = 'code' or coalesce(rules.as_token, '') not in ('never', 'code')) as can_be_token
from weighed
cross join explained
inner join type_rules as rules on weighed.type = rules.type
left join spellings using (word)
left join strongest using (word)
left join statuses using (word)
order by rank
