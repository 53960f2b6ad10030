-- A good batch of transactions with one more column, as version 1.1.0 of the contract promises it.
-- @SOURCE@ and @TARGET@ stand for the Parquet files read and written, as quoted SQL texts.
copy (
  select *, retail_disc + coupon_disc + coupon_match_disc > 0 as is_discounted
  from read_parquet(@SOURCE@)
) to @TARGET@ (format parquet, compression zstd)
