import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import type { Management } from './open-management.ts';

/** A request that is refused. `param`: of an error in our shape; `loc`: of one in FastAPI's. */
export interface Refusal {
  readonly path: string;
  readonly body?: object;
  readonly status: number;
  readonly param?: string;
  readonly loc?: readonly (string | number)[];
  readonly message?: RegExp;
}

/** One test for each: it is refused so, and has changed nothing. */
export function testRefusals(
  refusals: readonly Refusal[],
  opened: () => { readonly gateway: Management; readonly sql: SqlPool },
): void {
  for (const { path, body, status, param, loc, message } of refusals) {
    test(`${path} ${status}: ${JSON.stringify(body)}`, async () => {
      const { gateway, sql } = opened();
      const auditLines = async () => (await sql.query('select from ingress.audit_log')).rows.length;
      const lines = await auditLines();
      const answer = await gateway.ask(path, body);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      if (loc) assert.deepEqual(answer.body.detail[0].loc, loc);
      else assert.equal(answer.body.error.param, param);
      if (message) assert.match(answer.body.error.message, message);
      assert.equal(await auditLines(), lines, 'nothing was changed');
    });
  }
}

/** Who may; all others are refused with 403. In order: later ones find what earlier ones have changed. */
export interface Right<Who extends string> {
  readonly path: string;
  readonly body?: object | ((who: Who) => object);
  readonly may: readonly Who[];
}

/** @param opened the gateway, and everybody's key */
export function testRights<Who extends string>(
  rights: readonly Right<Who>[],
  everybody: readonly Who[],
  opened: () => { readonly gateway: Management; readonly keys: Readonly<Record<Who, string>> },
): void {
  for (const { path, body, may } of rights) {
    const bodyFor = (who: Who) => (typeof body === 'function' ? body(who) : body);
    test(`${path} ${JSON.stringify(everybody.slice(0, 1).map(bodyFor)[0])}: ${may.join(', ') || 'nobody'} may`, async () => {
      const { gateway, keys } = opened();
      for (const who of [...everybody.filter((each) => !may.includes(each)), ...may]) {
        const answer = await gateway.ask(path, bodyFor(who), { key: keys[who] });
        assert.equal(answer.status, may.includes(who) ? 200 : 403, `${who}: ${JSON.stringify(answer.body)}`);
      }
    });
  }
}

/** Each without a key: 401. */
export function testKeyNeeded(paths: readonly string[], opened: () => { readonly gateway: Management }): void {
  for (const path of paths) {
    test(`${path} 401: without a key`, async () => {
      const { gateway } = opened();
      const answer = await gateway.ask(path, path.startsWith('GET') ? undefined : {}, { key: '' });
      assert.equal(answer.status, 401);
    });
  }
}
