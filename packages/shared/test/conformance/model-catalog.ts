import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CatalogPlace } from '../../src/contracts/model-catalog.ts';
import { catalogBytesMax, catalogTimeLimitMs } from '../../src/ports/model-catalog.ts';
import type { ModelCatalog } from '../../src/ports/model-catalog.ts';

const grok = { name: 'xai.grok-4', mode: 'chat', retiresAt: null } as const;
const embed = { name: 'cohere.embed-v4.0', mode: 'embedding', retiresAt: Date.UTC(2027, 8, 30) } as const;
const places: readonly CatalogPlace[] = [
  { id: 'a', models: [grok, embed] },
  { id: 'c', models: null },
  { id: 'd', models: [] },
];
const unavailable = { name: 'GatewayError', code: 'dependency_unavailable' };

interface Ends extends AsyncDisposable {
  readonly ingress: ModelCatalog;
  readonly worker: ModelCatalog;
  /** What was told of. */
  readonly errors: readonly unknown[];
}

/** What every adapter of the model catalog promises. `open` gives two ends, as an ingress and a worker have. */
export function modelCatalogConformance(name: string, open: () => Promise<Ends>): void {
  test(`${name} catalog: who asks gets what a worker says, to the letter, each time anew`, async () => {
    await using ends = await open();
    let said = places;
    await using _ = await ends.worker.answer(async () => said);
    assert.deepEqual(await ends.ingress.list(), places);
    said = [];
    assert.deepEqual(await ends.ingress.list(), []);
    assert.deepEqual(ends.errors, []);
  });

  test(`${name} catalog: of two workers one is asked`, async () => {
    await using ends = await open();
    let asked = 0;
    const list = async () => {
      asked += 1;
      return places;
    };
    await using _first = await ends.worker.answer(list);
    await using _second = await ends.worker.answer(list);
    assert.deepEqual(await ends.ingress.list(), places);
    assert.equal(asked, 1);
  });

  test(`${name} catalog: without a worker, or after it has left, it fails at once`, async () => {
    await using ends = await open();
    const begun = performance.now();
    await assert.rejects(ends.ingress.list(), unavailable);
    const answering = await ends.worker.answer(async () => places);
    await ends.ingress.list();
    await answering[Symbol.asyncDispose]();
    await assert.rejects(ends.ingress.list(), unavailable);
    assert.ok(performance.now() - begun < catalogTimeLimitMs, 'nobody waited for a time limit');
  });

  test(`${name} catalog: a worker that fails is told of at both ends, at once`, async () => {
    await using ends = await open();
    const failure = new Error('no catalog today');
    await using _ = await ends.worker.answer(() => Promise.reject(failure));
    const begun = performance.now();
    await assert.rejects(ends.ingress.list(), unavailable);
    assert.ok(performance.now() - begun < catalogTimeLimitMs);
    assert.deepEqual(ends.errors, [failure]);
  });

  test(`${name} catalog: a worker that does not answer counts as down after the time limit`, async () => {
    await using ends = await open();
    const silence = Promise.withResolvers<readonly CatalogPlace[]>();
    await using _ = await ends.worker.answer(() => silence.promise);
    const begun = performance.now();
    await assert.rejects(ends.ingress.list(), unavailable);
    assert.ok(performance.now() - begun < 2 * catalogTimeLimitMs);
    silence.resolve([]);
  });

  test(`${name} catalog: places that do not fit into a message are left out, and that is told of`, async () => {
    await using ends = await open();
    const large = (id: string): CatalogPlace => ({
      id,
      models: Array.from({ length: 1000 }, (_unused, nth) => ({ ...grok, name: `${nth}`.padEnd(256, '.') })),
    });
    const many = ['a', 'b', 'c', 'd', 'e'].map(large);
    assert.ok(Buffer.byteLength(JSON.stringify(many)) > catalogBytesMax);
    await using _ = await ends.worker.answer(async () => many);
    assert.deepEqual(await ends.ingress.list(), many.slice(0, 1));
    assert.match(String(ends.errors), /only 1 of 5 places/);
  });
}
