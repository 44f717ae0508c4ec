-- Nano-USD per million of the output tokens that were reasoning; null: they cost like other output.
alter table ledger.spend_rows add column reasoning_nano_usd_per_million bigint;
