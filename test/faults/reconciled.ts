import assert from 'node:assert/strict';
import type { DistributedGateway } from '../e2e/gateway.ts';
import { endOf } from '../e2e/run-program.ts';
import { waitUntil } from '../servers/wait-until.ts';

/** Every admitted call is booked or given back, the sums are those of the rows, and the chain and the counters fit. */
export async function assertReconciled(gateway: DistributedGateway): Promise<void> {
  await waitUntil(
    async () => {
      const { code, stdout, stderr } = await endOf(
        'deploy/reconcile/src/main.ts',
        ['reconcile', '--verify'],
        gateway.env,
      );
      assert.equal(code, 0, `${stdout}\n${stderr}`);
      assert.match(stdout, / \+ 0 expired \+ 0 open; /);
      return true;
    },
    { what: 'the books to reconcile', deadlineMs: 30_000 },
  );
}
