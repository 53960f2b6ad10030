/* Hostile statements written by hand: what leaked elsewhere, and what might. Tables: leak_world.h. */
#ifndef HEDDLE_TEST_QUERY_LEAK_FIXED_H
#define HEDDLE_TEST_QUERY_LEAK_FIXED_H

static const char *const scalars[] = {
    "name::INTEGER", "name::DATE", "name::DOUBLE", "note::JSON", "card::INTEGER", "code::INTEGER", "name::BLOB", "name::UUID", "name::INTERVAL",
    "amount::TINYINT", "amount::DECIMAL(4,2)", "(amount * 1e300)::FLOAT", "1 / (amount - 20.25)", "100 // (id - 45)::INTEGER", "id % (id - 35)",
    "chr((amount * 1000)::INTEGER)", "ln(10 - amount)", "sqrt(1 - amount)", "factorial(id::INTEGER)", "repeat('x', (amount::INTEGER) % 3)",
    "substring(name, amount::INTEGER, 2)", "regexp_matches(name, name)", "regexp_matches('a', name || '(')", "regexp_extract(note, name || '[')",
    "regexp_replace(name, note, 'x')", "hamming(name, '12')", "hamming(name, 'SSN-17')", "jaccard(name, '1')", "jaccard(note, name)", "levenshtein(name, card)", "jaro_similarity(name, '123')",
    "date_diff('day', born, DATE '2000-01-01')", "date_diff(name, born, DATE '2000-01-01')", "date_trunc(name, born)", "date_part(name, born)",
    "born + to_days((amount * 1000000)::INTEGER)", "make_date(amount::INTEGER, id::INTEGER, 1)", "strptime(name, '%d')", "strptime(note, name)",
    "strftime(born, note)", "format(note, name)", "printf(note, 1)", "name LIKE '%SSN%'", "name LIKE note ESCAPE 'a'", "like_escape(name, 'a%', name)",
    "list_value(name)[id]", "array_value(amount, 1.0::DOUBLE)::DOUBLE[3]", "list_resize([1], amount::INTEGER)", "list_distance([amount], [1.0])",
    "list_cosine_similarity([amount, 1], [1.0])", "list_transform([name], x -> x::INTEGER)", "list_transform([1], x -> x / (id - 35))",
    "list_reduce([id, 0], (a, b) -> a // b)", "list_filter([name], x -> x::INTEGER > 3)", "[name::INTEGER, 1]", "{'a': name::INTEGER}", "map([name], [id])", "map([name, name], [1, 2])",
    "json_extract(note, '$.a')", "json_extract(note, name)", "json_keys(note)", "json_transform(note, '{\"a\": \"INTEGER\"}')",
    "from_hex(name)", "from_base64(name)", "unhex(note)", "decode(name::BLOB)", "url_decode(note)", "bitstring(name, 8)", "name::BIT", "set_bit('0101'::BIT, id::INTEGER, 1)",
    "CASE WHEN id % 10 = 5 THEN name::INTEGER END", "try_cast(name AS INTEGER)", "TRY(name::INTEGER)", "coalesce(try_cast(name AS INTEGER), note::INTEGER)",
    "(SELECT name)::INTEGER", "(SELECT max(q.name::INTEGER) FROM d.p.t q WHERE q.id = t.id)", "hash(name)", "md5(note)", "enum_code(name::ENUM('1', '2'))",
    "name::ENUM('1', '2', '3')", "timezone(name, born::TIMESTAMP)", "time_bucket(to_days(amount::INTEGER), born)", "age(born)::VARCHAR = note", "width_bucket(amount, 1, 2, 3)",
    "gcd(id, 0)", "bit_count(id)", "(id << amount::INTEGER)", "id::INTEGER * 1000000000", "to_base(id, name::INTEGER)", "split_part(note, name, 3)", "string_split(note, name)", "nextafter(amount, 'inf')",
};

/* {s}: a scalar */
static const char *const places[] = {
    "SELECT count({s}) FROM d.p.t",
    "SELECT {s} FROM d.p.t",
    "SELECT count(*) FROM d.p.t WHERE {s} IS NOT NULL",
};

static const char *const others[] = {
    "SELECT * FROM d.p.t", "FROM d.p.t ORDER BY ALL LIMIT 3", "SELECT count(*) FROM d.p.t", "SUMMARIZE SELECT id, region, name, amount FROM d.p.t", "DESCRIBE d.p.t",
    "SELECT min(COLUMNS(*)), max(COLUMNS(*)) FROM d.p.t", "SELECT count(COLUMNS(*)) FROM d.p.t", "SELECT count(DISTINCT COLUMNS(*)) FROM d.p.t",
    "SELECT secret FROM d.p.t", "SELECT level FROM d.p.t", "SELECT t.secret FROM d.p.t t", "SELECT d.p.t.secret FROM d.p.t", "SELECT count(secret) FROM d.p.t",
    "SELECT * EXCLUDE (secret) FROM d.p.t", "SELECT COLUMNS('secret') FROM d.p.t", "SELECT t FROM d.p.t t LIMIT 5", "SELECT to_json(t) FROM d.p.t t LIMIT 5",
    "SELECT rowid FROM d.p.t", "SELECT file_row_number FROM d.p.t", "SELECT filename FROM d.p.t", "SELECT file_index FROM d.p.t", "SELECT row_number() OVER () FROM d.p.t",
    "SELECT id, lag(id) OVER (ORDER BY id), lead(name) OVER (ORDER BY id) FROM d.p.t", "SELECT sum(amount) OVER (ORDER BY id) FROM d.p.t",
    "SELECT approx_count_distinct(name), approx_quantile(amount, 0.5) FROM d.p.t", "SELECT histogram(region) FROM d.p.t", "SELECT mode(card), median(amount), entropy(name) FROM d.p.t",
    "SELECT max(card), min(card), max(born), min(born), max(code), max(gone), max(flat) FROM d.p.t", "SELECT card, born, code, gone, flat FROM d.p.t",
    "SELECT list(card ORDER BY id) FROM d.p.t", "SELECT count(*) FROM d.p.t WHERE born > DATE '1999-06-01'", "SELECT count(*) FROM d.p.t WHERE card LIKE '99%'",
    "SELECT count(*) FROM d.p.t WHERE gone = 'x1'", "SELECT count(*) FROM d.p.t WHERE flat <> '***'", "SELECT bool_or(gone IS NOT NULL) FROM d.p.t",
    "SELECT a.id FROM d.p.t a JOIN d.p.t b ON a.name = b.card ORDER BY ALL", "SELECT count(*) FROM d.p.t a NATURAL JOIN d.p.t b", "SELECT count(*) FROM d.p.t a POSITIONAL JOIN d.p.t b",
    "SELECT a.id, b.id FROM d.p.t a ASOF JOIN d.p.t b ON a.amount >= b.amount AND a.name = b.name ORDER BY ALL LIMIT 20", "SELECT count(*) FROM d.p.t a, d.p.t b WHERE a.id = b.id + 5",
    "SELECT * FROM d.p.t WHERE region = 'US'", "SELECT count(*) FROM d.p.t WHERE region NOT IN ('EU', 'UK')", "SELECT DISTINCT region FROM d.p.t", "SELECT count(*) FROM d.p.t WHERE amount > 1000",
    "SELECT region, count(*) FROM d.p.t GROUP BY ROLLUP (region) ORDER BY ALL", "SELECT * FROM (SELECT region, amount FROM d.p.t) PIVOT (sum(amount) FOR region IN ('EU', 'US', 'UK'))",
    "FROM (SELECT id, name, note FROM d.p.t) UNPIVOT (v FOR n IN (name, note)) ORDER BY ALL LIMIT 10", "SELECT name::INTEGER AS n, count(*) FROM d.p.t GROUP BY n ORDER BY n LIMIT 5",
    "SELECT count(*) FROM d.p.t GROUP BY 1 / (amount - 20.25)", "SELECT id FROM d.p.t ORDER BY name::INTEGER, id LIMIT 5", "SELECT id FROM d.p.t ORDER BY note::JSON->>'a', id LIMIT 5",
    "SELECT id FROM d.p.t QUALIFY sum(name::INTEGER) OVER (ORDER BY id) > 10 LIMIT 5", "SELECT any_value(name::INTEGER) FROM d.p.t", "SELECT string_agg(name, ',' ORDER BY card::INTEGER) FROM d.p.t",
    "WITH q AS MATERIALIZED (SELECT name FROM d.p.t) SELECT count(name::INTEGER) FROM q", "WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT count(*) FROM d.p.t)) SELECT max(n) FROM r",
    "SELECT * FROM d.p.t USING SAMPLE 100 PERCENT (bernoulli, 7)", "SELECT EXISTS (SELECT 1 FROM d.p.t WHERE name LIKE 'SSN%')", "SELECT (SELECT name FROM d.p.t)", "SELECT (SELECT name FROM d.p.t WHERE id = 15)",
    "SELECT 1 WHERE (SELECT count(*) FROM d.p.t WHERE name::INTEGER > 0) > 1", "SELECT a.id FROM d.p.t a WHERE a.amount > (SELECT avg(amount) FROM d.p.t) ORDER BY 1 LIMIT 3",
    "SELECT unnest([name::INTEGER]) FROM d.p.t LIMIT 3", "SELECT count(*) FROM d.p.t, json_each(note)", "SELECT count(*) FROM d.p.t, unnest(string_split(name, '-'))", "SELECT sum(id) FROM d.p.t WHERE random() < 2",
    /* what the gate alone stops */
    "SELECT stats(name) FROM d.p.t LIMIT 1", "SELECT stats(amount) FROM d.p.t LIMIT 1", "SELECT stats(id) FROM d.p.t LIMIT 1", "SELECT stats(born) FROM d.p.t LIMIT 1",
    "EXPLAIN SELECT * FROM d.p.t", "EXPLAIN SELECT count(*) FROM d.p.t WHERE id > 5", "EXPLAIN ANALYZE SELECT count(*) FROM d.p.t", "SELECT sql FROM duckdb_views() WHERE view_name = 't'",
    "SELECT estimated_size FROM duckdb_tables()", "SELECT * FROM parquet_metadata('/proc/self/fd/4/base.parquet')", "SELECT count(*) FROM read_parquet('/proc/self/fd/4/base.parquet')", "SHOW ALL TABLES",
    "SELECT * FROM pragma_table_info('d.p.t')", "SUMMARIZE d.p.t",
};

static const char *const of_groups[] = {
    "SELECT * FROM d.p.s", "SELECT amount, pieces, weight FROM d.p.s ORDER BY ALL", "SELECT min(amount), max(amount), median(amount), mode(pieces), stddev(weight) FROM d.p.s",
    "SELECT region, day, count(*), sum(amount), count(pieces), list(weight) FROM d.p.s GROUP BY ALL ORDER BY ALL", "SELECT household_id FROM d.p.s", "SELECT name FROM d.p.s",
    "SELECT DISTINCT region FROM d.p.s", "SELECT count(*) FROM d.p.s WHERE region = 'XX'", "SELECT amount::INTEGER, weight::DECIMAL(3,2), 1 / (amount - 10) FROM d.p.s",
    "SELECT count(*) FROM d.p.s a POSITIONAL JOIN d.p.s b WHERE a.amount = b.amount", "SELECT row_number() OVER (), amount FROM d.p.s", "SUMMARIZE d.p.s", "DESCRIBE d.p.s", "SELECT rowid FROM d.p.s", "SELECT file_row_number FROM d.p.s",
    "SELECT a.id, b.amount FROM d.p.t a ASOF JOIN d.p.s b ON a.amount >= b.amount ORDER BY ALL", "SELECT lag(pieces) OVER (ORDER BY region, amount) FROM d.p.s", "FROM d.p.s USING SAMPLE 50 PERCENT (bernoulli, 3)", "SELECT stats(amount) FROM d.p.s LIMIT 1",
    "SELECT count(*) FROM d.p.s WHERE pieces IS NULL", "SELECT s FROM d.p.s s LIMIT 3", "SELECT sum(amount) FILTER (WHERE pieces IS NULL) FROM d.p.s", "SELECT hash(s) FROM d.p.s s", "SELECT corr(amount, weight) FROM d.p.s",
};

#endif
