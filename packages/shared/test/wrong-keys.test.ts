import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../src/errors.ts';
import { KeyHash } from '../src/ids.ts';
import { networkOf, WrongKeys } from '../src/wrong-keys.ts';

const key = (number: number) => KeyHash.parse(number.toString(16).padStart(64, '0'));

/** @returns the seconds to wait; null: it was looked up */
async function tryKey(wrongKeys: WrongKeys, address: string, number: number, found: 'right' | null = null) {
  try {
    assert.equal(await wrongKeys.watch(address, key(number), async () => found), found);
    return null;
  } catch (error) {
    assert.ok(error instanceof GatewayError && error.code === 'too_many_wrong_keys', String(error));
    return error.retryAfterSeconds;
  }
}

/** Tries keys that do not exist, one after the other. @returns how many were looked up */
async function tryWrong(wrongKeys: WrongKeys, address: string, numbers: Iterable<number>): Promise<number> {
  let lookups = 0;
  for (const number of numbers) if ((await tryKey(wrongKeys, address, number)) === null) lookups += 1;
  return lookups;
}

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);
const ip = '10.0.0.1';

test('wrong keys: 20 different ones, then one a second, as the refusal says', async () => {
  let now = 1_000_000;
  const wrongKeys = new WrongKeys({ now: () => now });
  assert.equal(await tryWrong(wrongKeys, ip, range(100)), 20);
  assert.equal(await tryKey(wrongKeys, ip, 100), 1);
  now += 999;
  assert.equal(await tryKey(wrongKeys, ip, 100), 1);
  now += 1;
  assert.equal(await tryWrong(wrongKeys, ip, range(50, 100)), 1);
  now += 3_600_000;
  assert.equal(await tryWrong(wrongKeys, ip, range(100, 200)), 20);
});

test('wrong keys: those that come at once are counted too', async () => {
  let now = 0;
  const wrongKeys = new WrongKeys({ now: () => now });
  await tryWrong(wrongKeys, ip, range(100));
  now += 2_000;
  const waits = await Promise.all(range(50, 100).map((number) => tryKey(wrongKeys, ip, number)));
  assert.equal(waits.filter((wait) => wait === null).length, 2);
});

test('right keys that come at once, to a process that has met none, all get in', async () => {
  const wrongKeys = new WrongKeys({ now: () => 0 });
  const waits = await Promise.all(range(150).map((number) => tryKey(wrongKeys, ip, number, 'right')));
  assert.ok(waits.every((wait) => wait === null));
  assert.equal(await tryWrong(wrongKeys, ip, range(100)), 20, 'and they use up nothing');
});

test('wrong keys: one that is sent again and again takes no tries from others of its address', async () => {
  const wrongKeys = new WrongKeys({ now: () => 0 });
  assert.equal(await tryWrong(wrongKeys, ip, Array<number>(1_000).fill(1)), 20);
  assert.equal(await tryWrong(wrongKeys, ip, range(19, 2)), 19);
});

test('wrong keys: other addresses are not touched', async () => {
  const wrongKeys = new WrongKeys({ now: () => 0 });
  await tryWrong(wrongKeys, ip, range(100));
  assert.equal(await tryKey(wrongKeys, '10.0.0.2', 1), null);
});

test('wrong keys: a look-up that fails counts for nothing', async () => {
  const wrongKeys = new WrongKeys({ now: () => 0 });
  await tryWrong(wrongKeys, ip, range(10));
  for (const number of range(100, 10)) {
    await assert.rejects(
      wrongKeys.watch(ip, key(number), () => Promise.reject(new Error('down'))),
      /down/,
    );
  }
  assert.equal(await tryWrong(wrongKeys, ip, range(100, 10)), 10);
});

test('wrong keys: a clock that is set back neither frees nor locks', async () => {
  let now = 1_000_000;
  const wrongKeys = new WrongKeys({ now: () => now });
  await tryWrong(wrongKeys, ip, range(30));
  now = 0;
  assert.equal(await tryKey(wrongKeys, ip, 100), 1);
  now = 1_000;
  assert.equal(await tryKey(wrongKeys, ip, 100), null);
});

test('wrong keys: however many addresses there are, a bounded number is remembered', async () => {
  const wrongKeys = new WrongKeys({ now: () => 0 });
  for (const number of range(12_000)) await tryKey(wrongKeys, `10.1.${number >> 8}.${number & 255}`, 1);
  assert.equal(wrongKeys.size, 10_000);
});

const networks = [
  { address: '10.0.0.1', network: '10.0.0.1' },
  { address: '::ffff:10.0.0.1', network: '10.0.0.1' },
  { address: '2001:db8:1:2:3:4:5:6', network: '2001:db8:1:2' },
  { address: '2001:0DB8:1:2::6', network: '2001:db8:1:2' },
  { address: '2001:db8::6', network: '2001:db8:0:0' },
  { address: '::1', network: '0:0:0:0' },
  { address: 'fe80::1%eth0', network: 'fe80:0:0:0' },
  { address: 'unknown', network: 'unknown' },
];
for (const { address, network } of networks) {
  test(`the network of ${address} is ${network}`, () => assert.equal(networkOf(address), network));
}
