import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { silentLogger } from '@sluice/shared/log.ts';
import { RenewingSigner } from '../../../../src/providers/oci/identity/renewing-signer.ts';
import type { IdentitySource } from '../../../../src/providers/oci/identity/renewing-signer.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const lifeMs = 1_000_000;

/** A source that gives `1`, `2`, … and counts how often it was asked; each can be made to fail or to stay the same. */
function setUp(renewal: IdentitySource['renewal'] = 'early') {
  const state = { now: 0, asked: 0, fails: false, changes: true };
  let identity = { keyId: '0', privateKey };
  const source: IdentitySource = {
    name: 'test',
    renewal,
    whenExpired: 'Mend it.',
    async obtain() {
      state.asked += 1;
      if (state.fails) throw new Error('down');
      if (state.changes) identity = { keyId: String(state.asked), privateKey };
      return { identity, expiresAt: state.now + lifeMs };
    },
  };
  const signer = new RenewingSigner(source, { log: silentLogger, now: () => state.now, random: () => 0.5 });
  return { state, signer };
}

test('a valid token is given at once, without a promise', async () => {
  const { state, signer } = setUp();
  await using _closing = signer;
  const first = await signer.current();
  assert.equal(signer.current(), first);
  assert.equal(state.asked, 1);
});

test('a refusal of a token that is no longer the current one renews nothing, however late it comes', async () => {
  const { state, signer } = setUp();
  await using _closing = signer;
  const first = await signer.current();
  assert.deepEqual(await Promise.all([signer.refused(first), signer.refused(first)]), [true, true]);
  assert.equal(await signer.refused(first), true);
  assert.equal(state.asked, 2);
});

test('three tokens that end soon after one another are renewed; what refuses then too is asked again after 5 s', async () => {
  const { state, signer } = setUp();
  await using _closing = signer;
  for (let renewals = 1; renewals <= 3; renewals += 1) {
    const ended = await signer.current();
    assert.deepEqual(await Promise.all(Array.from({ length: 9 }, () => signer.refused(ended))), Array(9).fill(true));
  }
  const last = await signer.current();
  assert.equal(await signer.refused(last), false);
  state.now += 4_999;
  assert.equal(await signer.refused(last), false);
  state.now += 1;
  assert.equal(await signer.refused(last), true);
  assert.equal(await signer.refused(await signer.current()), false);
  assert.equal(state.asked, 5);
});

test('a refusal of what has not changed makes no sense of another try', async () => {
  const { state, signer } = setUp('onUse');
  await using _closing = signer;
  state.changes = false;
  assert.equal(await signer.refused(await signer.current()), false);
  assert.equal(state.asked, 2);
});

test('the pause after failures doubles, up to 15 s and a quarter', async () => {
  const { state, signer } = setUp();
  await using _closing = signer;
  state.fails = true;
  const pauses: number[] = [];
  for (let failures = 1; failures <= 8; failures += 1) {
    const failedAt = state.now;
    while (state.asked < failures) {
      await assert.rejects(async () => signer.current(), { code: 'provider_authentication', mayBeBilled: false });
      state.now += 125;
    }
    pauses.push(state.now - failedAt);
  }
  assert.ok(
    pauses.every((pause) => pause <= 15_125),
    String(pauses),
  );
  assert.ok((pauses[3] ?? 0) > 2 * (pauses[1] ?? 0), String(pauses));
  state.fails = false;
  state.now += 20_000;
  await signer.current();
});

test('files are looked at again only while there are requests, and at most every 10 s', async () => {
  const { state, signer } = setUp('onUse');
  await using _closing = signer;
  await signer.current();
  state.now += 9_999;
  await signer.current();
  assert.equal(state.asked, 1);
  state.now += 1;
  await signer.current();
  assert.equal(state.asked, 2);
});

test('closed, it asks for nothing any more', async () => {
  const { state, signer } = setUp();
  await signer.current();
  await signer[Symbol.asyncDispose]();
  state.now += 2 * lifeMs;
  await assert.rejects(async () => signer.current());
  assert.equal(state.asked, 1);
});
