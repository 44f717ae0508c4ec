-- A batch that has ended is removed some time after, once its lines are.
create index batches_ended on ingress.batches (coalesce(completed_at, failed_at, cancelled_at, expired_at))
  where lines_removed_at is not null;
