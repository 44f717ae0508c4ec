import assert from 'node:assert/strict';
import { after, afterEach, before, mock, test } from 'node:test';
import type { z } from 'zod';
import { componentSchemas, queryParameters, refTo } from '../../src/routes/openapi/schemas.ts';
import { masterKey, openApp, type OpenApp } from './open-app.ts';
import { operations } from './operations.ts';
import { sampleOf } from './sample-of.ts';

let gateway: OpenApp;
const reads: string[] = [];
before(async () => {
  gateway = await openApp();
  const plain: object = Object.getPrototypeOf(gateway.app.request);
  assert.ok(Object.hasOwn(plain, 'query'), 'where Express has the query');
  Object.defineProperty(gateway.app.request, 'query', {
    configurable: true,
    get() {
      reads.push('query');
      return Reflect.get(plain, 'query', this) as unknown;
    },
  });
});
after(() => gateway[Symbol.asyncDispose]());
afterEach(() => {
  mock.restoreAll();
  reads.length = 0;
});

const components = componentSchemas(operations.flatMap(({ operation: { body } }) => (body ? [body] : [])));
const marker = { marker: 'of-this-request' };

/** Enough of a request for each kind of inference. */
const inference = {
  model: 'a',
  messages: [{ role: 'user', content: 'b' }],
  prompt: 'c',
  input: 'd',
  query: 'e',
  documents: ['f'],
  timeout: 60, // one that says nothing of how it is to be run is not asked about that
};

/** Whether it was this request's that the schema was asked about. */
function spyOn(schema: z.ZodType): () => boolean {
  assert.equal(typeof schema.safeParse, 'function'); // zod makes its methods when they are first looked at
  const spied = mock.method(schema, 'safeParse');
  return () => spied.mock.calls.some(({ arguments: [input] }) => JSON.stringify(input ?? null).includes(marker.marker));
}

for (const { route, method, path, kind, operation } of operations) {
  const { body, query = [] } = operation;

  if (body !== undefined) {
    test(`${route} parses its body by the schemas of the document`, async () => {
      const spies = Object.entries(body).map(([name, schema]) => ({ name, wasAsked: spyOn(schema) }));
      const sent = { ...(kind === 'inference' && inference), ...marker };
      await (await gateway.ask(method, path, { key: masterKey, body: JSON.stringify(sent) })).body?.cancel();
      for (const { name, wasAsked } of spies) assert.ok(wasAsked(), `${name} is not what the handler parses`);
    });

    test(`${route} takes every property that the document names, and refuses what its schema does not fit`, async () => {
      const samples = Object.entries(body).map(([name, schema]) => ({
        sample: sampleOf({ $ref: refTo(name) }, components),
        schema,
      }));
      for (const { sample, schema } of samples) assertTakes(schema, sample);

      const whole: Record<string, unknown> = Object.assign({}, ...samples.map(({ sample }) => sample));
      const refused = samples.flatMap(({ sample, schema }) => wrongOnes(schema, sample).slice(0, 1));
      for (const wrong of refused) {
        const response = await gateway.ask(method, path, {
          key: masterKey,
          body: JSON.stringify({ ...whole, ...wrong }),
        });
        assert.equal(
          response.status,
          kind === 'management' ? 422 : 400,
          `${JSON.stringify(wrong)}: ${await response.text()}`,
        );
      }
      assert.equal(refused.length, samples.length, 'there is something that each schema refuses');
    });
  }

  if (query.length > 0) {
    test(`${route} parses its query by the schemas of the document`, async () => {
      const spies = query.map(spyOn);
      await (
        await gateway.ask(method, `${path}?${new URLSearchParams(marker).toString()}`, { key: masterKey })
      ).body?.cancel();
      for (const wasAsked of spies) assert.ok(wasAsked());
    });

    test(`${route} takes every parameter that the document names`, () => {
      for (const schema of query) {
        const texts = queryParameters(schema).map(({ name, schema: own }) => [name, String(sampleOf(own, components))]);
        assertTakes(schema, Object.fromEntries(texts));
      }
    });
  } else if (kind !== 'public') {
    test(`${route} reads no query, as the document says`, async () => {
      await (await gateway.ask(method, path, { key: masterKey, ...(body && { body: '{}' }) })).body?.cancel();
      assert.deepEqual(reads, []);
    });
  }
}

/** Parsed, and nothing of it lost. */
function assertTakes(schema: z.ZodType, sample: unknown): void {
  const parsed = schema.safeParse(sample);
  assert.ok(parsed.success, `${JSON.stringify(sample)}: ${parsed.error?.message}`);
  const names = (value: unknown) => Object.keys(value ?? {}).toSorted();
  assert.deepEqual(names(parsed.data), names(sample));
}

/** Changes of one property after which the schema refuses a sample that it takes. */
function wrongOnes(schema: z.ZodType, sample: unknown): Record<string, unknown>[] {
  return Object.keys(sample ?? {})
    .flatMap((name) => [{ [name]: { not: 'this' } }, { [name]: 7 }])
    .filter((wrong) => !schema.safeParse(Object.assign({}, sample, wrong)).success);
}
