import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VirtualKey } from '../../src/auth/authenticated.ts';
import { createAuthenticate } from '../../src/auth/create-authenticate.ts';
import { newKey } from '../../src/auth/new-key.ts';
import type { Principal } from '../../src/tenancy/principal.ts';
import { organization, team, user } from '../tenancy/entities.ts';
import { principalOf, virtualKey } from './virtual-keys.ts';

const rawKey = 'sk-known-0123456789';
const masterKey = 'a master key without sk';
const unavailable = { code: 'dependency_unavailable', retryAfterSeconds: 1 };

/** A gateway's authentication over a database that a test can change, break and count. */
function setUp(stored: VirtualKey[] = [virtualKey(rawKey)], limits = {}) {
  const database = {
    keys: new Map(stored.map((key) => [key.hash, key])),
    lookups: 0,
    /** About many keys at once, with how many each was. */
    questions: [] as number[],
    belongs: {} as Partial<Principal>,
    find: async (hash: VirtualKey['hash']) => database.keys.get(hash) ?? null,
  };
  const clock = { now: Date.parse('2027-02-01') };
  const { authenticate, invalidate, invalidateAll } = createAuthenticate({
    masterKey,
    findPrincipal: async (hash) => {
      database.lookups += 1;
      const key = await database.find(hash);
      return key && principalOf(key, database.belongs);
    },
    findKnown: async (hashes) => {
      database.questions.push(hashes.length);
      const found = await Promise.all(hashes.map((hash) => database.find(hash)));
      return new Set(found.flatMap((key) => key?.hash ?? []));
    },
    now: () => clock.now,
    cache: { freshMs: 500, staleIfErrorMs: 3_600_000, maxEntries: 50_000, ...limits },
  });
  const as = (key: string, { path = '/v1/models', ip }: { path?: string; ip?: string } = {}) =>
    authenticate({ headers: { authorization: `Bearer ${key}` }, path, ip });
  return { database, clock, invalidate, invalidateAll, as };
}

const down = () => Promise.reject(new Error('connection refused'));

test('the master key is the operator, and needs no database', async () => {
  const { database, as } = setUp();
  database.find = down;
  const { role, caller, key } = await as(masterKey);
  assert.equal(role, 'proxy_admin');
  assert.equal(key, null);
  assert.equal(caller.keyHash, 'litellm_proxy_master_key');
  assert.equal(caller.userId, 'default_user_id');
});

test('without a master key nothing starts', () => {
  const deps = {
    findPrincipal: down,
    findKnown: down,
    now: Date.now,
    cache: { freshMs: 1, staleIfErrorMs: 1, maxEntries: 1 },
  };
  assert.throws(() => createAuthenticate({ masterKey: '', ...deps }), /no master key/);
});

test('a virtual key is its holder, as the books will name them', async () => {
  const key = virtualKey(rawKey, { keyAlias: 'a', userId: 'u', teamId: 't', metadata: { team: 'blue' } });
  const { as } = setUp([key]);
  assert.deepEqual(await as(rawKey), {
    role: 'key',
    key,
    principal: principalOf(key),
    caller: {
      keyHash: key.hash,
      keyAlias: 'a',
      keyName: 'sk-...6789',
      userId: 'u',
      teamId: 't',
      organizationId: null,
      metadata: { team: 'blue' },
    },
  });
});

test('text that is no key is refused without a look-up, and without repeating it', async () => {
  const { database, as } = setUp();
  const message = (shown: string) => `LiteLLM Virtual Key expected. Received=${shown}, expected to start with 'sk-'.`;
  await assert.rejects(as('abcd-somebody-secret-wxyz'), {
    code: 'key_malformed',
    param: null,
    message: message('abcd****wxyz'),
  });
  await assert.rejects(as('short-secret'), { message: message('****') });
  assert.equal(database.lookups, 0);
});

test('an unknown key is refused with its ends and the start of its hash', async () => {
  const { as } = setUp();
  await assert.rejects(as('sk-unknown-0123456789'), {
    code: 'key_unknown',
    param: 'key',
    message: `Authentication Error, Invalid proxy server token passed. Received API Key = sk-...6789, Key Hash (Token) =${virtualKey('sk-unknown-0123456789').hash.slice(0, 8)}.... Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``,
  });
});

test('a key expires at its instant', async () => {
  const { clock, as } = setUp([virtualKey(rawKey, { expiresAt: Date.parse('2027-02-01T00:00:01Z') })]);
  clock.now = Date.parse('2027-02-01T00:00:00.999Z');
  await as(rawKey);
  clock.now += 1;
  await assert.rejects(as(rawKey), {
    code: 'key_expired',
    param: '6789',
    message:
      'Authentication Error - Expired Key. Key Expiry time 2027-02-01T00:00:01.000Z and current time 2027-02-01T00:00:01.000Z',
  });
});

test('a blocked key is refused, also when it has expired', async () => {
  const { as } = setUp([virtualKey(rawKey, { blocked: true, expiresAt: 0 })]);
  await assert.rejects(as(rawKey), {
    code: 'key_blocked',
    param: null,
    message: "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
  });
});

test('a key of a blocked team is refused, after what is wrong with the key itself', async () => {
  const { database, as } = setUp([virtualKey(rawKey, { teamId: 'blue', keyType: 'llm_api' })]);
  database.belongs = { team: team('blue', { blocked: true }) };
  await assert.rejects(as(rawKey), {
    code: 'team_blocked',
    param: null,
    message: "Authentication Error, Team=blue is blocked. Update via `/team/unblock` if you're an admin.",
  });
  await assert.rejects(as(rawKey, { path: '/key/info' }), { code: 'route_not_allowed' });
});

test('a key has the role of its user, or of an administrator of organizations, if it is vouched', async () => {
  const { database, clock, as } = setUp();
  const roles: readonly [Partial<Principal>, string][] = [
    [{}, 'key'],
    [{ user: user('u', { userRole: null }) }, 'key'],
    [{ user: user('u', { userRole: 'internal_user' }) }, 'internal_user'],
    [{ user: user('u', { userRole: 'proxy_admin' }) }, 'proxy_admin'],
    [{ user: user('u'), isOrganizer: true }, 'org_admin'],
    [{ user: user('u', { userRole: 'proxy_admin_viewer' }), isOrganizer: true }, 'proxy_admin_viewer'],
    [{ user: user('u', { userRole: 'proxy_admin' }), key: virtualKey(rawKey, { vouched: false }) }, 'key'],
    [{ user: user('u'), isOrganizer: true, key: virtualKey(rawKey, { vouched: false }) }, 'key'],
  ];
  for (const [belongs, role] of roles) {
    database.belongs = belongs;
    clock.now += 500;
    assert.equal((await as(rawKey)).role, role);
  }
});

test('the organization of a key is that of its team, else its own', async () => {
  const { database, clock, as } = setUp();
  database.belongs = { organization: organization('acme') };
  assert.equal((await as(rawKey)).caller.organizationId, 'acme');
  const key = virtualKey(rawKey, { teamId: 'blue', organizationId: 'other' });
  for (const [organizationId, expected] of [
    ['acme', 'acme'],
    [null, 'other'],
  ] as const) {
    database.belongs = { key, team: team('blue', { organizationId }) };
    clock.now += 500;
    assert.equal((await as(rawKey)).caller.organizationId, expected);
  }
});

test('the books learn what the team of a key is called, and the e-mail address of its user', async () => {
  const { database, as } = setUp();
  database.belongs = { team: team('blue', { teamAlias: 'Blue' }), user: user('ada', { userEmail: 'ada@example.org' }) };
  const { teamAlias, userEmail } = (await as(rawKey)).caller;
  assert.deepEqual({ teamAlias, userEmail }, { teamAlias: 'Blue', userEmail: 'ada@example.org' });
});

test('a replaced key works until its grace period ends', async () => {
  const { database, clock, as } = setUp();
  database.belongs = { replacedUntil: clock.now + 1 };
  await as(rawKey);
  clock.now += 1;
  await assert.rejects(as(rawKey), { code: 'key_expired' });
});

test('when what keys belong to has changed here, all keys are asked for again', async () => {
  const { database, invalidateAll, as } = setUp();
  await as(rawKey);
  database.belongs = { team: team('blue', { blocked: true }) };
  await as(rawKey);
  invalidateAll();
  await assert.rejects(as(rawKey), { code: 'team_blocked' });
  database.find = down;
  invalidateAll();
  await assert.rejects(as(rawKey), { code: 'team_blocked' }, 'known from before, while the database fails');
});

test('an answer of the database holds half a second, for known and unknown keys', async () => {
  const { database, clock, as } = setUp();
  await as(rawKey);
  await assert.rejects(as('sk-unknown-0123456789'), { code: 'key_unknown' });
  clock.now += 499;
  await as(rawKey);
  await assert.rejects(as('sk-unknown-0123456789'), { code: 'key_unknown' });
  assert.equal(database.lookups, 2);

  database.keys.clear();
  clock.now += 1;
  await assert.rejects(as(rawKey), { code: 'key_unknown' });
  assert.equal(database.lookups, 3);
});

test('a clock that is set back does not keep a key alive', async () => {
  const { database, clock, as } = setUp();
  await as(rawKey);
  database.keys.clear();
  clock.now -= 3_600_000;
  await assert.rejects(as(rawKey), { code: 'key_unknown' });
});

test('requests that need the same key at once share one look-up', async () => {
  const { database, as } = setUp();
  await Promise.all(Array.from({ length: 100 }, () => as(rawKey)));
  assert.equal(database.lookups, 1);
});

test('what this process changed it sees at once, also past a look-up that was under way', async () => {
  const { database, invalidate, as } = setUp();
  await as(rawKey);
  const { hash } = virtualKey(rawKey);
  const [stored] = database.keys.values();
  assert.ok(stored);

  const slow = Promise.withResolvers<VirtualKey>();
  invalidate(hash);
  database.find = () => slow.promise;
  const before = as(rawKey);
  database.keys.clear();
  database.find = async () => null;
  invalidate(hash);
  await assert.rejects(as(rawKey), { code: 'key_unknown' });
  slow.resolve(stored);
  await before; // asked before the change: either answer is right
  await assert.rejects(as(rawKey), { code: 'key_unknown' });
});

test('while the database fails, known keys work for an hour and unknown ones are told to come back', async () => {
  const { database, clock, as } = setUp();
  await as(rawKey);
  database.find = down;

  clock.now += 3_599_999;
  await as(rawKey);
  await assert.rejects(as('sk-new-0123456789'), unavailable);
  clock.now += 1;
  await assert.rejects(as(rawKey), unavailable);
});

test('while the database fails, a blocked, expired or unknown key stays refused', async () => {
  const expiring = virtualKey('sk-expiring-0123456789', { expiresAt: Date.parse('2027-02-01T00:10:00Z') });
  const { database, clock, as } = setUp([virtualKey(rawKey, { blocked: true }), expiring]);
  await assert.rejects(as(rawKey), { code: 'key_blocked' });
  await assert.rejects(as('sk-unknown-0123456789'), { code: 'key_unknown' });
  await as('sk-expiring-0123456789');

  database.find = down;
  clock.now += 600_000;
  await assert.rejects(as(rawKey), { code: 'key_blocked' });
  await assert.rejects(as('sk-unknown-0123456789'), unavailable);
  await assert.rejects(as('sk-expiring-0123456789'), { code: 'key_expired' });
});

test('a database that hangs costs one request its time limit, not all of them', async () => {
  const { database, clock, as } = setUp();
  await as(rawKey);
  database.find = () => new Promise(() => undefined);
  clock.now += 500;

  const started = performance.now();
  await Promise.all([as(rawKey), ...['a', 'b', 'c'].map((n) => assert.rejects(as(`sk-${n}`), unavailable))]);
  const tookMs = performance.now() - started;
  assert.ok(tookMs > 700 && tookMs < 2000, `${tookMs} ms`);

  const lookups = database.lookups;
  await as(rawKey); // now it rests: answered from memory, at once
  assert.equal(database.lookups, lookups);
  assert.ok(performance.now() - started - tookMs < 500);
});

test('a database that is back is used again', async () => {
  const { database, clock, as } = setUp();
  const works = database.find;
  database.find = down;
  for (let n = 0; n < 5; n += 1) await assert.rejects(as(rawKey), unavailable);
  assert.equal(database.lookups, 3, 'it rests after three failures');

  clock.now += 500;
  await assert.rejects(as(rawKey), unavailable);
  assert.equal(database.lookups, 4, 'then it is tried once');

  database.find = works;
  clock.now += 500;
  await as(rawKey);
});

test('what is remembered is bounded: the key confirmed longest ago is asked for again', async () => {
  const raws = ['sk-1', 'sk-2', 'sk-3'];
  const { database, as } = setUp(
    raws.map((raw) => virtualKey(`${raw}-0123456789`)),
    { maxEntries: 2 },
  );
  for (const raw of [...raws, 'sk-2', 'sk-3', 'sk-1']) await as(`${raw}-0123456789`);
  assert.equal(database.lookups, 4);

  for (const raw of ['sk-4', 'sk-5', 'sk-6', 'sk-5', 'sk-4']) await assert.rejects(as(raw), { code: 'key_unknown' });
  assert.equal(database.lookups, 8);
});

test('a new key is sk- and 128 random bits', () => {
  assert.match(newKey(), /^sk-[A-Za-z0-9_-]{22}$/);
  assert.notEqual(newKey(), newKey());
});

test('too many wrong keys from one address: no more look-ups of one, but every key that was met goes on working', async () => {
  const { database, clock, invalidate, as } = setUp();
  const address = { ip: '192.0.2.1' };
  await as(rawKey, address);
  for (let number = 0; number < 50; number += 1) await assert.rejects(as(`sk-wrong-${number}`, address));
  const lookups = database.lookups;
  await assert.rejects(as('sk-wrong-51', address), { code: 'too_many_wrong_keys', retryAfterSeconds: 1 });
  await assert.rejects(as('no key at all', address), { code: 'too_many_wrong_keys' });
  assert.equal(database.lookups, lookups);

  assert.equal((await as(rawKey, address)).role, 'key');
  clock.now += 1_000; // no longer fresh: the database is asked again
  assert.equal((await as(rawKey, address)).role, 'key');
  assert.equal((await as(masterKey, address)).role, 'proxy_admin');
  assert.equal(await as('sk-wrong-52', { ip: '192.0.2.2' }).catch(({ code }) => code), 'key_unknown');

  const made = virtualKey('sk-made-just-now-0123');
  database.keys.set(made.hash, made);
  invalidate(made.hash); // as the process does that has made it
  assert.equal((await as('sk-made-just-now-0123', address)).role, 'key');
});

test('a right key that was not met yet gets in beside those who guess from its address, and costs the database little', async () => {
  const others = Array.from({ length: 3 }, (_, number) => virtualKey(`sk-not-met-yet-${number}`));
  const { database, as } = setUp([virtualKey(rawKey), ...others]);
  const address = { ip: '192.0.2.1' };
  for (let number = 0; number < 20; number += 1) await assert.rejects(as(`sk-wrong-${number}`, address));
  const lookups = database.lookups;

  // All at once: 300 who guess, with the holders of keys among them.
  const guesses = Array.from({ length: 300 }, (_, number) =>
    as(`sk-guess-${number}`, address).catch(({ code }) => code),
  );
  const holders = others.map((_, number) => as(`sk-not-met-yet-${number}`, address));
  assert.deepEqual(new Set(await Promise.all(guesses)), new Set(['too_many_wrong_keys']));
  for (const { role } of await Promise.all(holders)) assert.equal(role, 'key');
  assert.equal(database.lookups, lookups + others.length, 'of keys that there are alone');
  assert.deepEqual(database.questions, [303]);

  await as('sk-not-met-yet-0', address);
  await assert.rejects(as('sk-guess-0', address), { code: 'too_many_wrong_keys' });
  assert.deepEqual(database.questions, [303], 'what was met, or was asked about just now, is not asked about again');
});

test('more keys at once than one question is about are held up as before, and so are all while the database is down', async () => {
  const { database, as } = setUp();
  const address = { ip: '192.0.2.1' };
  for (let number = 0; number < 20; number += 1) await assert.rejects(as(`sk-wrong-${number}`, address));
  const codes = await Promise.all(
    Array.from({ length: 600 }, (_, number) => as(`sk-guess-${number}`, address).catch(({ code }) => code)),
  );
  assert.deepEqual(new Set(codes), new Set(['too_many_wrong_keys']));
  assert.deepEqual(database.questions, [500]);

  database.find = down;
  await assert.rejects(as(rawKey, address), { code: 'too_many_wrong_keys' });
});

test('one wrong key over and over: asked about ever less, and let in within a second of being made', async () => {
  const { database, clock, as } = setUp();
  const address = '192.0.2.1';
  const [key, end] = ['sk-not-made-yet-01234', clock.now + 120_000];
  const codes = new Map<string, number>();
  for (; clock.now < end; clock.now += 20) {
    const code = await as(key, { ip: address }).catch((error) => error.code);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  assert.deepEqual([...codes.keys()], ['key_unknown', 'too_many_wrong_keys']);
  assert.ok(database.lookups <= 20 + 120, `${database.lookups} look-ups`);

  database.keys.set(virtualKey(key).hash, virtualKey(key));
  const madeAt = clock.now;
  while ((await as(key, { ip: address }).catch(() => null)) === null) clock.now += 20;
  assert.ok(clock.now - madeAt <= 1_000, `${clock.now - madeAt} ms`);
});
