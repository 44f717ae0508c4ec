import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ManagementChanges } from '../../src/batches/management-changes.ts';
import { Pause } from '../../src/batches/pause.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';

function openPause(reason: string | null = null) {
  const clock = { now: 1_000_000 };
  const listeners = new Set<() => void>();
  let woken = 0;
  const pause = new Pause(reason, () => void (woken += 1), {
    now: () => clock.now,
    random: () => 1,
    probe: { firstMs: 3_000, mostMs: 30_000 },
    changes: {
      listen(listener) {
        listeners.add(listener);
        return { [Symbol.dispose]: () => void listeners.delete(listener) };
      },
    },
  });
  return {
    clock,
    state: pause,
    listeners,
    woken: () => woken,
    /** A line is tried when it may be, in vain. @returns after how many seconds */
    tryInVain: () => {
      const rest = pause.restMs;
      clock.now += rest;
      pause.tried();
      pause.paused('budget_exceeded');
      return rest / 1_000;
    },
  };
}

test('what stays paused is tried ever more seldom, up to every 30 s; let in, it is paused no more', () => {
  const { state, tryInVain, clock, listeners } = openPause();
  assert.deepEqual([state.reason, state.restMs, listeners.size], [null, 0, 0]);
  for (let line = 0; line < 5; line += 1) state.paused('budget_exceeded'); // they were on their way together
  assert.deepEqual(
    Array.from({ length: 6 }, () => tryInVain()),
    [3, 6, 12, 24, 30, 30],
  );
  state.letIn(999_999);
  assert.equal(state.reason, 'budget_exceeded', 'a line that was begun before the pause says nothing of it');
  state.letIn(clock.now);
  assert.deepEqual([state.reason, state.restMs, listeners.size], [null, 0, 0]);
});

test('a change has it tried soon, and often again', () => {
  const { state, tryInVain, listeners, woken } = openPause();
  state.paused('budget_exceeded');
  for (let times = 0; times < 6; times += 1) tryInVain();
  for (const changed of listeners) changed();
  assert.equal(woken(), 1);
  assert.deepEqual(
    Array.from({ length: 3 }, () => tryInVain()),
    [3, 6, 12],
  );
});

test('one that was paused elsewhere is tried at once', () => {
  const { tryInVain } = openPause('key_blocked');
  assert.deepEqual(
    Array.from({ length: 3 }, () => tryInVain()),
    [0, 6, 12],
  );
});

test('every change by the management is heard by who listens, and nobody is asked when nobody does', async () => {
  await using sql = await openKeysDatabase();
  let asked = 0;
  const changes = new ManagementChanges({
    query(text, values) {
      asked += 1;
      return sql.query(text, values);
    },
  });
  let heard = 0;
  const change = () =>
    sql.query(
      `insert into ingress.audit_log (id, changed_at, changed_by, role, key_hash, action, table_name, object_id, after,
         request_id)
       values ($1, now(), 'admin', 'proxy_admin', '', 'updated', 'LiteLLM_TeamTable', 'a', '{}', 'call')`,
      [randomUUID()],
    );
  await changes.look();
  assert.equal(asked, 0);
  const listening = changes.listen(() => void (heard += 1));
  await changes.look();
  await changes.look();
  assert.equal(heard, 0);
  await change();
  await changes.look();
  await changes.look();
  assert.equal(heard, 1);
  listening[Symbol.dispose]();
  await change();
  await changes.look();
  assert.equal(heard, 1);
});
