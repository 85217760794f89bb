-- Functions the queries share. DuckDB has no normal or t distribution.

-- The one form of a word in tables, lists, commands and waivers: lower case, composed, straight apostrophes. İ is an i.
create or replace temp macro lowered(word) as (
    nfc_normalize(replace(lower(replace(word, '’', '''')), 'i' || chr(775), 'i'))
);

-- Greek has no accents in capitals, and a sigma of its own at the end of a word: ΚΟΣΜΟΣ and κόσμος are one word.
create or replace temp macro folded(word) as (
    case
        when strlen(word) = length(word) then lower(word)
        when regexp_matches(word, '\p{Greek}')
            then regexp_replace(
                replace(strip_accents(lowered(word)), 'ς', 'σ'), '(\p{L})σ($|[^\p{L}\p{M}])', '\1ς\2', 'g'
            )
        else lowered(word)
    end
);

-- exp(-z*z/2) * t * exp(polynomial in t): complementary error function at z/sqrt(2), z >= 0, relative
-- error below 1.3e-7 everywhere (Chebyshev fit of Numerical Recipes, section 6.2), so that far tails still rank.
create or replace temp macro erfc_polynomial(t) as (
    -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (
    0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))))
);

-- Two-sided p-value of a standard normal z.
create or replace temp macro normal_p(z) as (
    (1 / (1 + abs(z) / sqrt(8)))
    * exp(-z * z / 2 + erfc_polynomial(1 / (1 + abs(z) / sqrt(8))))
);

-- Log-odds of a probability; of what rounding has taken to 0 or 1, those of one in 1e12.
create or replace temp macro log_odds(p) as (
    ln(greatest(least(p, 1 - 1e-12), 1e-12) / (1 - greatest(least(p, 1 - 1e-12), 1e-12)))
);

-- Student's t with v degrees of freedom as the normal z with nearly the same tail (Wallace 1959, equation 3.2):
-- for v >= 8 the p-value is within 0.3 % at p = 0.05, 2 % at p = 0.004 and 10 % at p = 4e-5.
create or replace temp macro t_to_normal(t, v) as (
    sign(t) * (8 * v + 1) / (8 * v + 3) * sqrt(v * ln(1 + t * t / v))
);

-- 0.975 quantile of Student's t (Cornish-Fisher, Abramowitz and Stegun 26.7.5): within 3e-5 for v >= 8.
create or replace temp macro t_975(v) as (
    1.959963984540054
    + 2.3722712 / v
    + 2.8224986 / (v * v)
    + 2.5558497 / (v * v * v)
    + 1.5895341 / (v * v * v * v)
);

-- Bounds of Wilson's 95 % interval of a proportion k / n (Wilson 1927); null where n = 0. Of none and of all the one
-- bound is the proportion itself, which rounding would leave outside.
create or replace temp macro wilson_low(k, n) as (
    if(
        k = 0 and n > 0,
        0.0,
        (
            k + 1.920729410347062
            - 1.959963984540054 * sqrt(greatest(k * (n - k) / nullif(n, 0), 0) + 0.960364705173531)
        )
        / (nullif(n, 0) + 3.841458820694124)
    )
);

create or replace temp macro wilson_high(k, n) as (
    if(
        k = n and n > 0,
        1.0,
        (
            k + 1.920729410347062
            + 1.959963984540054 * sqrt(greatest(k * (n - k) / nullif(n, 0), 0) + 0.960364705173531)
        )
        / (nullif(n, 0) + 3.841458820694124)
    )
);

-- Upper tail of the chi-square distribution with a whole number of degrees of freedom, from its finite series
-- (Abramowitz and Stegun 26.4.4 and 26.4.5): exact but for normal_p where the degrees of freedom are odd.
create or replace temp macro chi_square_p(x, degrees) as (
    case
        when x <= 0 then 1.0
        when degrees % 2 = 0
            then least(list_sum(list_transform(
                range(degrees // 2), lambda i: exp(i * ln(x / 2) - x / 2 - lgamma(i + 1))
            )), 1)
        else least(normal_p(sqrt(x)) + coalesce(list_sum(list_transform(
            range(degrees // 2), lambda i: exp((i + 0.5) * ln(x / 2) - x / 2 - lgamma(i + 1.5))
        )), 0), 1)
    end
);

-- Two-sided p-value of t = (value - null) / standard error; where nothing varies, a difference is certain; null where
-- one of them is missing, which least() would pass over.
create or replace temp macro student_p(difference, std_error, degrees) as (
    case
        when difference is null or std_error is null or degrees is null then null
        when std_error = 0 then if(difference = 0, 1.0, 0.0)
        else least(normal_p(t_to_normal(difference / std_error, degrees)), 1)
    end
);

-- One-sided p-value of a mean that is at most `difference` above its null.
create or replace temp macro student_above(difference, std_error, degrees) as (
    if(difference > 0, student_p(difference, std_error, degrees) / 2, 1 - student_p(difference, std_error, degrees) / 2)
);

-- Probability of k or more of n, each with probability p (binomial distribution).
create or replace temp macro binomial_above(k, n, p) as (
    if(k <= 0, 1.0, coalesce(list_sum(list_transform(
        range(k, n + 1), lambda i: exp(
            lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * ln(p) + (n - i) * ln(1 - p)
        )
    )), 0))
);

-- Two-sided p-value of McNemar's exact test (McNemar 1947): texts that one of two reads rightly, better ones and worse.
create or replace temp macro mcnemar(n_better, n_worse) as (
    least(2 * binomial_above(greatest(n_better, n_worse), n_better + n_worse, 0.5), 1)
);

-- Degrees of freedom of the sum of two variances of means of n_a and n_b (Satterthwaite 1946); null where both are 0.
create or replace temp macro satterthwaite(a, n_a, b, n_b) as (
    (a + b) ** 2 / nullif(a ** 2 / greatest(n_a - 1, 1) + b ** 2 / greatest(n_b - 1, 1), 0)
);

-- The step-up procedure of Benjamini and Hochberg 1995 in two steps, since a window cannot hold a window: the rank of
-- a p-value in its family (equal ones share the largest), then its q-value. Rounding must not put q below p.
create or replace temp macro step_up_rank(p, family) as (
    count(*) over (partition by family order by p)
);

create or replace temp macro step_up_q(p, n_tests, p_rank, family) as (
    greatest(least(
        min(p * n_tests / p_rank) over (
            partition by family order by p desc range between unbounded preceding and current row
        ),
        1
    ), p)
);

-- What a word may stand in for: words of its type and, of function words, of its group; a beginning of a word for a
-- beginning, an end for an end.
create or replace temp macro stand_in_sort(kind, word, type, word_group) as (
    if(
        kind = 'word',
        concat(type, ' ', word_group),
        concat(if(starts_with(word, '·'), '·', ''), 'piece', if(ends_with(word, '·'), '·', ''))
    )
);

-- The score by the method that an audit adds up.
create or replace temp macro summed_score(method, integrated_gradients, gradient_x_input, relevance) as (
    case method
        when 'gradient_x_input' then gradient_x_input
        when 'relevance' then relevance
        else integrated_gradients
    end
);

-- Marks that draw a face or a heart: eyes, a nose or none, a mouth; either way round; or two eyes and what is between.
create or replace temp macro is_emoticon(chunk) as (
    regexp_full_match(
        chunk,
        '[<>]?[:;=][-o^''*]?[)(\]\[{}dDpP|/\\@$3*oOsSxX]+|[)(\]\[|/\\]+[-o^''*]?[:;=][<>]?|[xX]D+|</?3+|\^\^'
        || '|[-^~=*;>TtoOxX][._,]+[-^~=*;<TtoOxX]'
    )
);

-- The script of a word, by its first letter; its first digit, or whatever it is made of, where it has none.
create or replace temp macro script_of(word) as (
    case
        when not regexp_matches(word, '\p{L}') then if(regexp_matches(word, '\p{N}'), 'digits', 'marks')
        when regexp_matches(word, '^\P{L}*\p{Latin}') then 'Latin'
        when regexp_matches(word, '^\P{L}*\p{Cyrillic}') then 'Cyrillic'
        when regexp_matches(word, '^\P{L}*\p{Greek}') then 'Greek'
        when regexp_matches(word, '^\P{L}*\p{Arabic}') then 'Arabic'
        when regexp_matches(word, '^\P{L}*\p{Hebrew}') then 'Hebrew'
        when regexp_matches(word, '^\P{L}*\p{Devanagari}') then 'Devanagari'
        when regexp_matches(word, '^\P{L}*\p{Han}') then 'Han'
        when regexp_matches(word, '^\P{L}*[\p{Hiragana}\p{Katakana}]') then 'Kana'
        when regexp_matches(word, '^\P{L}*\p{Hangul}') then 'Hangul'
        when regexp_matches(word, '^\P{L}*\p{Thai}') then 'Thai'
        else 'other'
    end
);

-- A word drawn out, as in sooo: three times the same letter of the Latin alphabet (this dialect knows no
-- backreference).
create or replace temp macro is_drawn_out(word) as (
    regexp_matches(
        lower(word),
        '^\p{L}*(a{3}|b{3}|c{3}|d{3}|e{3}|f{3}|g{3}|h{3}|i{3}|j{3}|k{3}|l{3}|m{3}|n{3}|o{3}|p{3}|q{3}|r{3}|s{3}|t{3}'
        || '|u{3}|v{3}|w{3}|x{3}|y{3}|z{3})\p{L}*$'
    )
);
