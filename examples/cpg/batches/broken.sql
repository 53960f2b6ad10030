-- A batch of transactions with two real defects: one line twice (a duplicate key) and one negative sales_value.
-- @SOURCE@ and @TARGET@ stand for the Parquet files read and written, as quoted SQL texts.
copy (
  select * replace (case when basket_id = 31198570044 and product_id = 1095275 then -0.5 else sales_value end as sales_value)
  from read_parquet(@SOURCE@)
  union all
  select * from read_parquet(@SOURCE@) where basket_id = 31198570047 and product_id = 9878513
) to @TARGET@ (format parquet, compression zstd)
