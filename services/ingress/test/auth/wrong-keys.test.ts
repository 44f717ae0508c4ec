import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '@sluice/shared/errors.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { networkOf, WrongKeys } from '../../src/auth/wrong-keys.ts';

const key = (number: number) => hashKey(`sk-wrong-${number}`);

/** @returns the seconds to wait; null: it may be tried */
function waitOf(wrongKeys: WrongKeys, address: string, number: number): number | null {
  try {
    wrongKeys.require(address, key(number));
    return null;
  } catch (error) {
    assert.ok(error instanceof GatewayError && error.code === 'too_many_wrong_keys');
    return error.retryAfterSeconds;
  }
}

/** Tries a key that does not exist. */
function tryWrong(wrongKeys: WrongKeys, address: string, number: number): boolean {
  if (waitOf(wrongKeys, address, number) !== null) return false;
  wrongKeys.wrong(address, key(number));
  return true;
}

test('wrong keys: 20 different ones, then one in three seconds, as the refusal says', () => {
  let now = 1_000_000;
  const wrongKeys = new WrongKeys({ now: () => now });
  const tried = Array.from({ length: 100 }, (_, number) => tryWrong(wrongKeys, '10.0.0.1', number));
  assert.equal(tried.filter(Boolean).length, 20);
  assert.equal(waitOf(wrongKeys, '10.0.0.1', 100), 3);
  now += 2_999;
  assert.equal(waitOf(wrongKeys, '10.0.0.1', 100), 1);
  now += 1;
  assert.ok(tryWrong(wrongKeys, '10.0.0.1', 100));
  assert.ok(!tryWrong(wrongKeys, '10.0.0.1', 101));
  now += 3_600_000;
  const later = Array.from({ length: 100 }, (_, number) => tryWrong(wrongKeys, '10.0.0.1', 200 + number));
  assert.equal(later.filter(Boolean).length, 20);
});

test('wrong keys: one that is sent again and again takes no tries from others of its address', () => {
  const wrongKeys = new WrongKeys({ now: () => 0 });
  for (let round = 0; round < 1_000; round += 1) tryWrong(wrongKeys, '10.0.0.1', 1);
  assert.notEqual(waitOf(wrongKeys, '10.0.0.1', 1), null);
  const others = Array.from({ length: 19 }, (_, number) => tryWrong(wrongKeys, '10.0.0.1', 2 + number));
  assert.ok(others.every(Boolean));
});

test('wrong keys: other addresses are not touched', () => {
  const wrongKeys = new WrongKeys({ now: () => 0 });
  for (let number = 0; number < 100; number += 1) tryWrong(wrongKeys, '10.0.0.1', number);
  assert.equal(waitOf(wrongKeys, '10.0.0.2', 1), null);
});

test('wrong keys: a clock that is set back neither frees nor locks', () => {
  let now = 1_000_000;
  const wrongKeys = new WrongKeys({ now: () => now });
  for (let number = 0; number < 30; number += 1) tryWrong(wrongKeys, '10.0.0.1', number);
  now = 0;
  assert.equal(waitOf(wrongKeys, '10.0.0.1', 100), 3);
  now = 3_000;
  assert.equal(waitOf(wrongKeys, '10.0.0.1', 100), null);
});

test('wrong keys: however many addresses there are, a bounded number is remembered', () => {
  const wrongKeys = new WrongKeys({ now: () => 0 });
  for (let number = 0; number < 12_000; number += 1) tryWrong(wrongKeys, `10.1.${number >> 8}.${number & 255}`, 1);
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
