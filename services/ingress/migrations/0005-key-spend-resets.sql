-- To set the spend of a key back never touches what is booked. What of its balance counts no longer stands beside the
-- key, with the window of whose account it is; its budget there is higher by as much.
alter table ingress.virtual_keys
  add column waived_nano_usd ingress.budget_nano_usd not null default 0,
  -- start of the window, epoch milliseconds; 0: never resets
  add column waived_window_start ingress.limit_count not null default 0;

comment on table ingress.replaced_keys is
  'What regenerated keys were before: until valid_until it works; after that no other key may be made of it.';
