import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import { openApiDocument, pathTemplate, placeOf } from '../../src/routes/openapi/document.ts';
import { sections } from '../../src/routes/openapi/sections.ts';
import { registeredRoutes } from '../registered-routes.ts';
import { noteAnswer } from './answered.ts';
import { masterKey, openApp, type OpenApp } from './open-app.ts';
import { operations } from './operations.ts';

let gateway: OpenApp;
before(async () => {
  gateway = await openApp();
});
after(() => gateway[Symbol.asyncDispose]());

const Operation = z.looseObject({ operationId: z.string(), responses: z.record(z.string(), z.unknown()) });
const Document = z.looseObject({
  openapi: z.string(),
  info: z.looseObject({ version: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.record(z.string(), z.record(z.string(), z.unknown())),
});

async function served(): Promise<z.infer<typeof Document>> {
  const response = await gateway.ask('GET', '/openapi.json', { key: masterKey });
  assert.equal(response.status, 200);
  noteAnswer({ method: 'GET', path: '/openapi.json' }, 200);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  return Document.parse(await response.json());
}

test('the document has every route of the app, and no other', () => {
  const registered = registeredRoutes(gateway.app).flatMap(({ path: place, methods }) =>
    methods.map((method) => `${method.toUpperCase()} ${place}`),
  );
  const documented = sections.flatMap((section) => Object.keys(section.operations));
  assert.deepEqual(documented.toSorted(), registered.toSorted(), 'routes/openapi/operations has a line for each route');
});

test('what is served is valid OpenAPI 3.1, of the version that runs', async () => {
  const document = await served();
  assert.match(document.openapi, /^3\.1\./);
  assert.equal(document.info.version, '1.2.3');
  const { valid, errors } = await new Validator().validate({ ...document });
  assert.ok(valid, JSON.stringify(errors, null, 2));
});

test('a document that is not OpenAPI is found out', async () => {
  const { paths, ...rest } = openApiDocument(sections, { version: '1.2.3' });
  const broken = { ...rest, paths: { ...paths, '/broken': { get: { parameters: [{ name: 'nowhere' }] } } } };
  assert.equal((await new Validator().validate(broken)).valid, false);
});

test('every path of the table is in the document, under one name', async () => {
  const { paths } = await served();
  const shown = Object.entries(paths).flatMap(([place, item]) => Object.keys(item).map((method) => [method, place]));
  assert.equal(shown.length, operations.length);
  for (const { route } of operations) {
    const { method, path: place } = placeOf(route);
    assert.ok(paths[pathTemplate(place)]?.[method], route);
  }
  const ids = Object.values(paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId));
  assert.deepEqual(ids, [...new Set(ids)]);
});

test('every reference leads somewhere, and every component is referred to or described', async () => {
  const document = await served();
  const text = JSON.stringify(document);
  const names = Object.entries(document.components).flatMap(([kind, own]) =>
    Object.keys(own).map((name) => `#/components/${kind}/${name}`),
  );
  const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? '');
  assert.deepEqual(
    references.filter((ref) => !names.includes(ref)),
    [],
  );
  const lonely = names.filter((name) => !references.includes(name) && !name.includes('/securitySchemes/'));
  // Only named in words: what is streamed, and errors that are no route's own.
  assert.deepEqual(lonely, ['#/components/schemas/ChatCompletionChunk', '#/components/responses/Error405']);
});

test('every operation answers, or says with which errors it does not', async () => {
  const { paths } = await served();
  const statuses = Object.values(paths).flatMap((item) => Object.values(item).map(({ responses }) => responses));
  for (const responses of statuses) assert.ok(Object.keys(responses).length > 0);
});

test('one name for two schemas is refused', () => {
  const operation = { summary: '', answer: { KeyInfo: z.object({}) } };
  const section = { tag: 't', description: '', kind: 'management', operations: { 'GET /a': operation } } as const;
  assert.throws(() => openApiDocument([section], { version: '1' }), /two schemas are called KeyInfo/);
});

test('docs/api.md lists the routes', async () => {
  const file = path.resolve(import.meta.dirname, '../../../../docs/api.md');
  const page = await readFile(file, 'utf8');
  const [head = ''] = page.split(/(?<=<!-- .* -->\n)/, 1);
  const written = `${head}\n${listOf()}`;
  if (process.env['SLUICE_WRITE_DOCS']) await writeFile(file, written);
  assert.equal(await readFile(file, 'utf8'), written, 'write it again with SLUICE_WRITE_DOCS=1');
});

/** Places of one and the same operation share a line. */
function listOf(): string {
  return sections
    .map(({ tag, description, operations: own }) => {
      const lines = [...Map.groupBy(Object.keys(own), (route) => own[route])].map(([operation, routes]) => {
        const [first, ...others] = routes.map((route) => placeOf(route));
        const places = others.map(({ path: place }) => `, \`${pathTemplate(place)}\``).join('');
        return `- \`${first?.method.toUpperCase()} ${pathTemplate(first?.path ?? '')}\`${places}: ${operation?.summary}\n`;
      });
      return `## ${tag}\n\n${description}\n\n${lines.join('')}`;
    })
    .join('\n');
}
