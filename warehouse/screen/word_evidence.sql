-- word_evidence: what decides the type of a word: its casing, the lists it is in, and the places it stands in.
-- One row per word.
--
-- A name is capitalised where no sentence starts. Lists help only where casing says too little: such lists also
-- hold best, love and grace, reading, nice and mobile.
--
-- param   first_names            common first names, lower case
-- param   surnames               common surnames, lower case
-- param   fixed_words            CSV file: language (empty for all), word, rule
-- param   identity_list          CSV file: word as it is usually written, identity_group
-- param   places                 CSV file: place, kind
-- param   ordinary_words         CSV file: words that are also in the lists of names and places
-- param   min_capitalised        share of capitalised occurrences that makes a name          [0..1]
-- param   min_casing_examples    occurrences inside a sentence needed for casing alone
-- param   ner_votes              what a recogniser said: JSON list of word, type, n_votes, n_seen; [] without one
-- column  word                   lower-case word
-- column  n_occurrences          occurrences in all texts
-- column  n_inside               occurrences where no sentence starts and capitals say something
-- column  n_capitalised          of these, capitalised
-- column  nouns_are_capitalised  the corpus capitalises all nouns
-- column  word_group             group of a function word; null for all others
-- column  fixed_rule             rule of a word that always has the same; null for all others
-- column  identity_group         group of an identity term; null for all others
-- column  place_kind             kind of place in the list of places; null for all others
-- column  recognised_type        what the recogniser mostly says; null where it says nothing
-- column  n_votes                occurrences where it says so
-- column  n_seen                 occurrences that it has read
-- column  boilerplate_rule       where the word stands in boilerplate; null if nowhere
-- column  n_in_boilerplate       occurrences there
-- column  n_after_first_name     occurrences, capitalised, right after a first name
-- column  n_before_name          occurrences of a first name, capitalised, right before another capitalised word
-- column  n_in_places            occurrences as a part of a place of two words
-- column  n_clitic               occurrences as a half of a contraction
-- column  is_ordinary            an ordinary word that is in lists of names or places
-- column  is_first_name          in the list of first names
-- column  is_surname             in the list of surnames
-- column  proper                 capitalised, in enough places to decide by casing
-- column  perhaps_proper         capitalised in all places, which are few
-- column  is_place               in the list of places, and no person by what stands before it
-- column  is_identity_term       an identity term, and no person by what stands beside it
-- column  may_be_name            a capital makes it a name
-- unique  word
with

fixed_words as (
    select distinct
        word,
        rule
    from read_csv($fixed_words, header = true, all_varchar = true)
    where language is null or language in (select language from languages)
),

identity_terms as (
    select
        folded(word) as word,
        identity_group,
        regexp_matches(word, '^\p{Lu}') as has_capital
    from read_csv($identity_list, header = true, all_varchar = true)
    where (select is_used from language_lists where list = 'identity_terms')
),

places as (
    select * from read_csv($places, header = true, all_varchar = true)
),

ordinary_words as (
    select * from read_csv($ordinary_words, header = true, all_varchar = true)
),

votes as (
    select unnest(
        from_json($ner_votes::json, '[{"word":"varchar","type":"varchar","n_votes":"bigint","n_seen":"bigint"}]'),
        recursive := true
    )
),

recognised as (
    select
        word,
        type as recognised_type,
        n_votes,
        n_seen
    from votes
    where n_votes >= 2 and n_votes > 0.5 * n_seen
),

known as (
    select
        casing.*,
        listed_words.word_group,
        fixed_words.rule as fixed_rule,
        identity_terms.identity_group,
        identity_terms.has_capital,
        places.kind as place_kind,
        recognised.recognised_type,
        recognised.n_votes,
        recognised.n_seen,
        boilerplate.boilerplate_rule,
        coalesce(boilerplate.n_in_boilerplate, 0) as n_in_boilerplate,
        adjacent_words.n_after_first_name,
        adjacent_words.n_after_locative,
        adjacent_words.n_before_name,
        adjacent_words.n_in_places,
        adjacent_words.n_clitic,
        ordinary_words.word is not null as is_ordinary,
        casing.word in (select unnest($first_names::varchar[])) as is_first_name,
        casing.word in (select unnest($surnames::varchar[])) as is_surname,
        n_inside >= $min_casing_examples and n_capitalised >= $min_capitalised * n_inside as proper,
        n_inside between 1 and $min_casing_examples - 1 and n_capitalised = n_inside as perhaps_proper
    from casing
    inner join adjacent_words using (word)
    left join boilerplate using (word)
    left join listed_words using (word)
    left join fixed_words using (word)
    left join ordinary_words using (word)
    left join recognised using (word)
    left join identity_terms using (word)
    left join places on casing.word = places.place
)

-- Houston, Jackson and Washington are people as well: what stands before them decides, then what is more usual.
select
    * exclude (n_after_locative, has_capital),
    place_kind is not null and case
        when nouns_are_capitalised
            then place_kind in ('country', 'state', 'region') or 3 * n_after_locative >= n_inside
        when n_after_first_name != n_after_locative and (is_first_name or is_surname or n_after_first_name > 0)
            then n_after_locative > n_after_first_name
        else place_kind != 'city' or not (is_first_name or is_surname)
    end as is_place,
    -- Christian Bale, Jack Black and Lady Gaga are people: by a name beside them, or by a capital that the term itself
    -- does not have. Without its capital polish is no Polish.
    identity_group is not null
    and coalesce(recognised_type != 'name', true)
    and 2 * (n_after_first_name + n_before_name) < n_occurrences
    and if(has_capital, proper or perhaps_proper or not is_ordinary, not proper or nouns_are_capitalised)
        as is_identity_term,
    -- where all nouns are capitalised, a capital alone says nothing, and many surnames are nouns
    if(
        nouns_are_capitalised,
        (is_first_name and not is_ordinary) or 2 * n_after_first_name >= n_inside,
        true
    ) as may_be_name
from known
order by word
