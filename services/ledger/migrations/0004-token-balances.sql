-- Tokens, input and output, as a second measure beside money: what token budgets are held against.

-- What a row added to each of its accounts. 0 in rows from before, whose tokens no balance has.
alter table ledger.spend_rows add column settled_tokens bigint not null default 0;

-- The view before the table under it, in the order of those who read.
lock table ledger.balance_report in access exclusive mode;
alter table ledger.account_balances add column settled_tokens bigint not null default 0;

create or replace view ledger.balance_report as
  select account_id, window_start, settled_nano_usd, version, settled_tokens from ledger.account_balances;
