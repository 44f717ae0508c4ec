-- How fast batches of a model have gone lately, and how much they wrote. Nothing of it changes while a batch runs, so
-- that its counts are updated in place.
create index batches_pace on ingress.batches (model, endpoint, in_progress_at) where in_progress_at is not null;
