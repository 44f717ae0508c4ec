-- Request bodies that are too big for the queue, in the embedded mode (claim check). Text may not hold U+0000, so the
-- body is kept as the JSON text that was sent, in which it is escaped.
create table ingress.request_bodies (
  claim text primary key,
  body text not null,
  expires_at timestamptz not null
);

create index request_bodies_expires_at on ingress.request_bodies (expires_at);
