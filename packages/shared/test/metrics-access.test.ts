import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../src/errors.ts';
import { createRequireMetricsAccess } from '../src/metrics-access.ts';
import { WrongKeys } from '../src/wrong-keys.ts';

test('while wrong tokens of an address are slowed down, the right one is not told from them', async () => {
  let now = 1_000_000;
  const wrongKeys = new WrongKeys({ now: () => now });
  const requireAccess = createRequireMetricsAccess({ authenticated: true, tokens: ['right'] }, wrongKeys);
  const codeOf = async (token: string, address: string | undefined = '192.0.2.7') => {
    try {
      await requireAccess({ authorization: `Bearer ${token}` }, address);
      return 'let in';
    } catch (error) {
      assert.ok(error instanceof GatewayError);
      return error.code;
    }
  };
  for (let each = 0; each < 20; each += 1) assert.equal(await codeOf(`wrong-${each}`), 'metrics_refused');
  assert.equal(await codeOf('wrong'), 'too_many_wrong_keys');
  assert.equal(await codeOf('right'), 'too_many_wrong_keys');
  assert.equal(await codeOf('right', '192.0.2.8'), 'let in');
  now += 1_000;
  assert.equal(await codeOf('right'), 'let in');
});
