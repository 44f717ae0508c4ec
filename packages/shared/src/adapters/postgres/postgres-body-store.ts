import { z } from 'zod';
import type { BodyStore } from '../../ports/body-store.ts';
import type { Sql } from '../../ports/sql.ts';

/** A body outlives its job's deadline by this much: a job taken over late must still find it. */
const expiryGraceMs = 600_000;
const Row = z.object({ body: z.string() });

/** Request bodies beside the queue in PostgreSQL, in `ingress.request_bodies`. */
export function createPostgresBodyStore(sql: Sql): BodyStore {
  return {
    async put(requestId, body, expiresAt) {
      await sql.query(
        `with expired as (
           delete from ingress.request_bodies
           where claim in (select claim from ingress.request_bodies where expires_at < now() limit 16)
         )
         insert into ingress.request_bodies (claim, body, expires_at)
         values ($1, $2, to_timestamp($3 / 1000.0))
         on conflict (claim) do nothing`,
        [requestId, body, expiresAt + expiryGraceMs],
      );
      return requestId;
    },
    async get(claim) {
      const { rows } = await sql.query(`select body from ingress.request_bodies where claim = $1`, [claim]);
      return rows.length === 0 ? null : Row.parse(rows[0]).body;
    },
    async delete(claim) {
      await sql.query(`delete from ingress.request_bodies where claim = $1`, [claim]);
    },
  };
}
