import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProviderError } from '../../src/providers/provider.ts';
import { retryPauseMs } from '../../src/routing/retry-pause.ts';

/** Contract §8.5. `random` 0 unless given. */
const cases = [
  { retry: 0, ms: 500, why: 'half a second first' },
  { retry: 3, ms: 4_000, why: 'doubling' },
  { retry: 4, ms: 8_000, why: 'up to eight seconds' },
  { retry: 50, ms: 8_000, why: 'and no more' },
  { retry: 0, retryAfterMs: 3_000, ms: 3_000, why: 'at least what is configured' },
  { retry: 0, retryAfterMs: 30_000, ms: 8_000, why: 'the most is the most' },
  { retry: 0, random: 0.999, ms: 500 + 0.999 * 750, why: 'with jitter' },
  { retry: 4, otherDeployment: true, random: 0.9, ms: 0, why: 'none for another deployment' },
  { retry: 4, asked: 1, ms: 1_000, why: 'what the provider asks for' },
  { retry: 0, asked: 60, ms: 60_000, why: 'up to a minute' },
  { retry: 0, asked: 61, ms: 500, why: 'not for longer' },
  { retry: 0, asked: 0, ms: 500, why: 'zero asks for nothing' },
  { retry: 0, asked: 2, random: 0.5, ms: 2_375, why: 'with jitter as well' },
];

for (const { retry, ms, why, asked, random = 0, otherDeployment = false, retryAfterMs = 0 } of cases) {
  test(`retry pause: ${why}`, () => {
    const error = new ProviderError('provider_throttled', '', {
      status: 429,
      mayBeBilled: false,
      retryAfterSeconds: asked ?? null,
    });
    assert.equal(retryPauseMs(error, retry, { otherDeployment, retryAfterMs, random: () => random }), ms);
  });
}
