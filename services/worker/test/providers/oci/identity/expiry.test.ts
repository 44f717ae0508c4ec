import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ProviderError } from '../../../../src/providers/provider.ts';
import { waitUntil } from '../../../../../../test/servers/wait-until.ts';
import { setUpIdentities } from './identity-setup.ts';

const instance = { type: 'instance_principal' } as const;
const lifeS = 120;

function assertAnswered(answer: string | ProviderError): void {
  if (answer instanceof ProviderError) throw answer;
  assert.notEqual(answer, '');
}

test('with instance principals: 200 concurrent requests across a token expiry, one federation call, no failure', async () => {
  await using at = await setUpIdentities();
  const { principals } = at.simulator;
  principals.set({ tokenLifeS: lifeS, delayMs: 100 });
  assertAnswered(await at.ask(instance));
  const before = principals.counts();
  assert.equal(before.refusals, 0);

  at.simulator.setBehaviour({ delayMs: 50 });
  const asked = Array.from({ length: 100 }, () => at.ask(instance)); // signed with the token that ends
  await waitUntil(() => at.simulator.billed().length > 1, { what: 'the first of them is answered' });
  at.putForward(lifeS + 1);
  asked.push(...Array.from({ length: 100 }, () => at.ask(instance))); // find none that is valid
  const answers = await Promise.all(asked);

  for (const answer of answers) assertAnswered(answer);
  const { federations, refusals } = principals.counts();
  assert.equal(federations - before.federations, 1);
  assert.ok(refusals > 0, 'no request was under way when the token ended');
  assert.equal(at.simulator.billed().length, 201, 'a refused request was billed, or one twice');
});

test('100 concurrent first requests share one federation call', async () => {
  await using at = await setUpIdentities();
  for (const answer of await Promise.all(Array.from({ length: 100 }, () => at.ask(instance)))) assertAnswered(answer);
  assert.equal(at.simulator.principals.counts().federations, 1);
});

test('a token is renewed before it ends, and nobody waits for that', async () => {
  await using at = await setUpIdentities();
  const { principals } = at.simulator;
  principals.set({ tokenLifeS: lifeS });
  assertAnswered(await at.ask(instance));

  principals.set({ tokenLifeS: lifeS, delayMs: 60_000 }); // whoever waited would time out
  at.putForward(lifeS * 0.9);
  assertAnswered(await at.ask(instance));
  await waitUntil(() => principals.counts().federations === 2, { what: 'the renewal has begun' });
  assertAnswered(await at.ask(instance));
  assert.equal(principals.counts().issuedTokens, 1);
});

test('a renewed token takes over before the old one ends', async () => {
  await using at = await setUpIdentities();
  const { principals } = at.simulator;
  principals.set({ tokenLifeS: lifeS });
  assertAnswered(await at.ask(instance));
  at.putForward(lifeS * 0.9);
  await waitUntil(
    async () => {
      assertAnswered(await at.ask(instance));
      return at.logged().split('identity obtained').length === 3;
    },
    { what: 'a second token' },
  );
  principals.set({ tokenLifeS: lifeS, failStatus: 503 });
  at.putForward(lifeS * 0.2); // the first has ended by now
  assertAnswered(await at.ask(instance));
});

test('a token renews itself while nobody asks', async () => {
  await using at = await setUpIdentities();
  const { principals } = at.simulator;
  principals.set({ tokenLifeS: 1 });
  assertAnswered(await at.ask(instance));
  await waitUntil(() => principals.counts().issuedTokens >= 2, { what: 'a second token' });
});

test('a token that is revoked early heals at the first 401, without an error for the client', async () => {
  await using at = await setUpIdentities();
  const { principals } = at.simulator;
  assertAnswered(await at.ask(instance));
  principals.revokeTokens();
  const answers = await Promise.all(Array.from({ length: 50 }, () => at.ask(instance)));
  for (const answer of answers) assertAnswered(answer);
  assert.equal(principals.counts().federations, 2);
  assert.equal(at.simulator.billed().length, 51);
});

test('a service that refuses every new token is believed: no federation call for each request', async () => {
  await using at = await setUpIdentities();
  const { principals } = at.simulator;
  assertAnswered(await at.ask(instance));
  for (let i = 0; i < 10; i += 1) {
    principals.revokeTokens();
    const answer = await at.ask(instance);
    if (i < 3) assertAnswered(answer); // they may well have ended, each by itself
  }
  assert.equal(principals.counts().federations, 4);
  const answer = await at.ask(instance);
  assert.ok(answer instanceof ProviderError);
  assert.deepEqual([answer.code, answer.status, answer.mayBeBilled], ['provider_authentication', 401, false]);
  assert.match(answer.message, /NotAuthenticated/);
});

for (const { how, down, message } of [
  { how: 'answers 503', down: { failStatus: 503 }, message: /instance principal: the auth service answered 503 / },
  { how: 'breaks off', down: { drop: true }, message: /instance principal: .* cannot be reached/ },
]) {
  test(`while the auth service ${how}, the token works until it ends; then the error says so; then it heals`, async () => {
    await using at = await setUpIdentities();
    const { principals } = at.simulator;
    principals.set({ tokenLifeS: lifeS });
    assertAnswered(await at.ask(instance));

    principals.set({ tokenLifeS: lifeS, ...down });
    at.putForward(lifeS * 0.9);
    assertAnswered(await at.ask(instance));
    await waitUntil(() => at.logged().includes('identity not renewed'), { what: 'a failed renewal' });
    assertAnswered(await at.ask(instance));

    at.putForward(lifeS * 0.2);
    const late = await at.ask(instance);
    assert.ok(late instanceof ProviderError);
    assert.deepEqual([late.code, late.mayBeBilled], ['provider_unreachable', false]);
    assert.match(late.message, message);

    const calls = principals.counts();
    await Promise.all(Array.from({ length: 20 }, () => at.ask(instance)));
    assert.deepEqual(principals.counts(), calls, 'not asked again within the pause');

    principals.set({ tokenLifeS: lifeS });
    at.putForward(60);
    assertAnswered(await at.ask(instance));
  });
}

test('a revoked token and no auth service: the error says what is missing, and is not billed', async () => {
  await using at = await setUpIdentities();
  assertAnswered(await at.ask(instance));
  at.simulator.principals.set({ failStatus: 500 });
  at.simulator.principals.revokeTokens();
  const answer = await at.ask(instance);
  assert.ok(answer instanceof ProviderError);
  assert.deepEqual([answer.code, answer.mayBeBilled], ['provider_unreachable', false]);
  assert.match(answer.message, /the auth service answered 500/);
});

test('a client that leaves, or whose time is up, does not wait for a token', async () => {
  await using at = await setUpIdentities();
  at.simulator.principals.set({ delayMs: 60_000 });
  const leave = new AbortController();
  const asked = at.ask(instance, { signal: leave.signal });
  await waitUntil(() => at.simulator.principals.counts().federations === 1, { what: 'the federation call' });
  leave.abort(new Error('gone'));
  await assert.rejects(asked, /gone/);

  const late = await at.ask(instance, { firstTokenMs: 50 });
  assert.ok(late instanceof ProviderError);
  assert.deepEqual([late.code, late.mayBeBilled], ['provider_timeout', false]);
});

test('neither tokens nor keys occur in logs and errors', async () => {
  await using at = await setUpIdentities();
  const { principals } = at.simulator;
  principals.set({ tokenLifeS: lifeS });
  assertAnswered(await at.ask(instance));
  const current = await at.signers.signerFor(instance).current();
  const failures: unknown[] = [];
  for (const behaviour of [{ failStatus: 401 }, { failStatus: 503 }, { drop: true }]) {
    principals.set(behaviour);
    at.putForward(lifeS);
    failures.push(await at.ask(instance));
  }
  const { leaf } = await principals.instance();
  const shown = `${at.logged()}\n${inspect(failures, { depth: 10, showHidden: true })}`;
  assert.match(shown, /identity obtained/);
  assert.match(shown, /identity not renewed/);
  const secrets = { token: current.keyId.slice(3), key: leaf.keyPem.split('\n')[3] ?? '', pem: 'PRIVATE KEY' };
  for (const [what, secret] of Object.entries(secrets)) {
    assert.ok(secret.length > 8);
    assert.ok(!shown.includes(secret), what);
  }
});
