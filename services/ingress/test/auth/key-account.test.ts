import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountOf, limitsOf } from '../../src/auth/key-account.ts';
import { virtualKey } from './virtual-keys.ts';

const rawKey = 'sk-account-0123456789';
const now = Date.parse('2027-02-20T12:00:00Z');

test('the account of a key whose budget never resets starts at 0', () => {
  const key = virtualKey(rawKey, { maxBudgetNanoUsd: 5 });
  assert.deepEqual(accountOf(key, now), { id: `key:${key.hash}`, windowStart: 0 });
});

test('the account of a key whose budget resets starts with its window', () => {
  const monthly = virtualKey(rawKey, { budgetDuration: '1mo' });
  assert.equal(accountOf(monthly, now).windowStart, Date.parse('2027-02-01'));
  const thirtyDays = virtualKey(rawKey, { budgetDuration: '30d' });
  assert.equal(accountOf(thirtyDays, now).windowStart, Date.parse('2027-02-13T15:00:00.500Z'));
});

test('the limits of a key are those that it was given', () => {
  const key = virtualKey(rawKey, { maxBudgetNanoUsd: 0, tokensPerMinute: 100 });
  assert.deepEqual(limitsOf(key, now), {
    id: `key:${key.hash}`,
    windowStart: 0,
    budgetNanoUsd: 0,
    tokenBudget: null,
    requestsPerMinute: null,
    tokensPerMinute: 100,
    maxParallelRequests: null,
  });
});
