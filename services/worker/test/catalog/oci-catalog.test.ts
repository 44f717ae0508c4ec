import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { createLogger } from '@sluice/shared/log.ts';
import { placeIdOf } from '@sluice/shared/place-id.ts';
import { createSimulatedIdentity } from '../../../../test/oci-simulator/identity.ts';
import { openOciSimulator } from '../../../../test/oci-simulator/simulator.ts';
import type { OciSimulator } from '../../../../test/oci-simulator/simulator.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { openSigners } from '../../src/providers/oci/identity/open-signers.ts';
import { openOciCatalog } from '../../src/catalog/oci-catalog.ts';
import type { OciCatalogLimits } from '../../src/catalog/oci-catalog.ts';
import { configOf, deployment } from '../pipeline/recording-deps.ts';
import { openStub, sendJson } from '../providers/oci/stub-server.ts';

const who = createSimulatedIdentity();
/** Of both sides: OCI refuses signatures of another time. */
const clock = { aheadMs: 0 };
const now = () => Date.now() + clock.aheadMs;
let simulator: OciSimulator;
/** Of one list. */
let pages: number;
before(async () => {
  simulator = await openOciSimulator({ identities: [who], now });
  await using opened = open([deploymentAt('a', simulator.url)]);
  await opened.catalog.list();
  pages = simulator.controlPlaneRequests();
});
after(() => simulator[Symbol.asyncDispose]());

function deploymentAt(id: string, endpoint: string, changes: Record<string, unknown> = {}): Deployment {
  const { tenancy, user, fingerprint, keyPem: privateKeyPem, compartmentId } = who;
  return deployment('alias', id, {
    target: {
      api: 'oci',
      region: 'us-chicago-1',
      endpoint,
      compartmentId,
      servingMode: { type: 'ON_DEMAND' },
      identity: { type: 'api_key', tenancy, user, fingerprint, privateKeyPem, passphrase: null },
      ...changes,
    },
  });
}

/** A catalog whose warnings can be read. */
function open(deployments: readonly Deployment[], limits: Partial<OciCatalogLimits> = {}) {
  clock.aheadMs = 0;
  const warnings: { text: string; fields: Record<string, unknown> }[] = [];
  const log = Object.assign(createLogger({ service: 'test', level: 'silent' }), {
    warn: (fields: Record<string, unknown>, text: string) => warnings.push({ text, fields }),
  });
  const config = configOf({ alias: deployments });
  const env = { OCI_METADATA_BASE_URL: `${simulator.url}/opc/v2`, OCI_SDK_AUTH_CLIENT_REGION_URL: simulator.url };
  const signers = openSigners({ env, log, now });
  const catalog = openOciCatalog({ config, signers, log, now, limits: { patienceMs: 5_000, ...limits } });
  return {
    catalog,
    warnings,
    async [Symbol.asyncDispose]() {
      await catalog[Symbol.asyncDispose]();
      await signers[Symbol.asyncDispose]();
    },
  };
}

const namesIn = (places: Awaited<ReturnType<ReturnType<typeof open>['catalog']['list']>>) =>
  places.map(({ models }) => models?.map(({ name }) => name) ?? null);

test('catalog: every page is read, and only what can be called is kept, once', async () => {
  const asked = simulator.controlPlaneRequests();
  await using opened = open([deploymentAt('a', simulator.url)]);
  const [place] = await opened.catalog.list();
  assert.ok(pages > 2);
  assert.equal(simulator.controlPlaneRequests() - asked, pages);
  assert.equal(place?.id, placeIdOf(deploymentAt('a', simulator.url).target));
  const names = place?.models?.map(({ name }) => name) ?? [];
  for (const name of ['xai.grok-4', 'google.gemini-2.5-pro', 'cohere.command-r-08-2024', 'cohere.embed-v4.0']) {
    assert.equal(names.filter((each) => each === name).length, 1, name);
  }
  const unusable =
    /rerank|reasoning-08|multi-agent|command-r-16k|3\.1-70b|support-tone|gemini-9|gpt-image|^cohere\.command$/;
  assert.deepEqual(
    names.filter((name) => unusable.test(name)),
    [],
  );
  const modes = new Map(place?.models?.map(({ name, mode }) => [name, mode]));
  assert.equal(modes.get('cohere.embed-v4.0'), 'embedding');
  assert.equal(modes.get('xai.grok-4'), 'chat');
  assert.deepEqual(opened.warnings, []);
});

test('catalog: pages follow each other by their tokens, signed each', async () => {
  const asked: string[] = [];
  await using stub = await openStub(({ path, headers }, res) => {
    const page = new URL(path, stub.url).searchParams.get('page');
    asked.push(String(page));
    assert.match(headers.authorization ?? '', /^Signature .*headers="x-date \(request-target\) host"/);
    const next = page === null ? 'a+b/c=' : page === 'a+b/c=' ? 'last' : '';
    const displayName = `model-${asked.length}`;
    const items = [{ displayName, capabilities: ['CHAT'], lifecycleState: 'ACTIVE' }];
    sendJson(res, 200, { items }, { 'opc-next-page': next });
  });
  await using opened = open([deploymentAt('a', stub.url)]);
  assert.deepEqual(namesIn(await opened.catalog.list()), [['model-1', 'model-2', 'model-3']]);
  assert.deepEqual(asked, ['null', 'a+b/c=', 'last']);
});

test('catalog: pages without end are read up to a bound, and what they gave is kept', async () => {
  simulator.setControlPlane({ endless: true });
  const asked = simulator.controlPlaneRequests();
  await using opened = open([deploymentAt('a', simulator.url)]);
  const [names] = namesIn(await opened.catalog.list());
  assert.ok(names?.includes('xai.grok-4'));
  assert.equal(simulator.controlPlaneRequests() - asked, 20);
  assert.match(opened.warnings[0]?.text ?? '', /too many models/);
  simulator.setControlPlane({});
});

test('catalog: deployments in one place are one question; other regions, compartments and users are others', async () => {
  const asked = simulator.controlPlaneRequests();
  const { tenancy } = who;
  const dedicated = { servingMode: { type: 'DEDICATED', endpointId: 'ocid1.endpoint' } };
  const deployments = [
    deploymentAt('a', simulator.url),
    deploymentAt('b', simulator.url),
    deploymentAt('c', simulator.url, { compartmentId: tenancy }),
    deploymentAt('d', simulator.url, dedicated),
    deploymentAt('e', simulator.url, { identity: { type: 'resource_principal' } }),
  ];
  await using opened = open(deployments);
  const places = await opened.catalog.list();
  const [a, b, c, d, e] = deployments.map(({ target }) => placeIdOf(target));
  assert.deepEqual([b, d], [a, null]);
  assert.deepEqual(
    places.map(({ id }) => id),
    [a, c, e],
  );
  assert.deepEqual(
    places.map(({ models }) => models === null),
    [false, false, true],
  );
  assert.equal(simulator.controlPlaneRequests() - asked, 2 * pages);
});

test('catalog: a place is asked once for all who want to know, and again when the list is old', async () => {
  const asked = simulator.controlPlaneRequests();
  await using opened = open([deploymentAt('a', simulator.url)]);
  const { catalog } = opened;
  await Promise.all([catalog.list(), catalog.list(), catalog.list()]);
  clock.aheadMs = 9 * 60_000;
  await catalog.list();
  assert.equal(simulator.controlPlaneRequests() - asked, pages);

  simulator.setControlPlane({ without: ['xai.grok-4'] });
  clock.aheadMs = 10 * 60_000 + 1000;
  const [stale] = namesIn(await catalog.list());
  assert.ok(stale?.includes('xai.grok-4'), 'nobody waits while it is asked again');
  await waitUntil(async () => !namesIn(await catalog.list())[0]?.includes('xai.grok-4'), { what: 'the new list' });
  assert.equal(simulator.controlPlaneRequests() - asked, 2 * pages);
  simulator.setControlPlane({});
});

test('catalog: an identity that comes as a token lists models too; one that was revoked is renewed', async () => {
  await using opened = open([deploymentAt('a', simulator.url, { identity: { type: 'instance_principal' } })]);
  assert.ok(namesIn(await opened.catalog.list())[0]?.includes('xai.grok-4'));
  const { federations } = simulator.principals.counts();
  simulator.principals.revokeTokens();
  simulator.setControlPlane({ without: ['xai.grok-4'] });
  clock.aheadMs = 11 * 60_000;
  await waitUntil(async () => namesIn(await opened.catalog.list())[0]?.includes('xai.grok-4') === false, {
    what: 'the new list',
  });
  assert.ok(simulator.principals.counts().federations > federations);
  assert.deepEqual(opened.warnings, []);
  simulator.setControlPlane({});
});

const key = who.keyPem.split('\n')[1] ?? '';
const failures = [
  {
    why: 'a refusal',
    controlPlane: { fail: { status: 404, message: 'Authorization failed' } },
    says: /answered 404: Authorization failed \(opc-request-id: \w+/,
  },
  { why: 'an error page', controlPlane: { fail: { status: 503, html: true } }, says: /answered 503/ },
  { why: 'half an answer', controlPlane: { truncatedJson: true }, says: /something else than a list/ },
  { why: 'a broken connection', controlPlane: { drop: true }, says: /other side closed/ },
  { why: 'silence', controlPlane: { delayMs: 60_000 }, says: /timeout/i },
] as const;

for (const { why, controlPlane, says } of failures) {
  test(`catalog: ${why} makes a place unknown, is told once, and leaves it alone for a while`, async () => {
    simulator.setControlPlane(controlPlane);
    const asked = simulator.controlPlaneRequests();
    await using opened = open([deploymentAt('a', simulator.url)], { timeLimitMs: 300 });
    assert.deepEqual(namesIn(await opened.catalog.list()), [null]);
    assert.deepEqual(namesIn(await opened.catalog.list()), [null]);
    assert.equal(simulator.controlPlaneRequests() - asked, 1);
    assert.equal(opened.warnings.length, 1);
    assert.match(String(opened.warnings[0]?.fields['err']), says);
    assert.ok(!JSON.stringify(opened.warnings).includes(key));

    simulator.setControlPlane({});
    clock.aheadMs = 31_000;
    assert.ok(namesIn(await opened.catalog.list())[0]?.includes('xai.grok-4'));
  });
}

test('catalog: a list outlives a control plane that fails, but not for ever', async () => {
  await using opened = open([deploymentAt('a', simulator.url)]);
  const { catalog, warnings } = opened;
  await catalog.list();
  simulator.setControlPlane({ fail: { status: 500 } });
  clock.aheadMs = 3_600_000;
  assert.ok(namesIn(await catalog.list())[0]?.includes('xai.grok-4'));
  await waitUntil(() => warnings.length === 1, { what: 'the failure' });
  assert.ok(namesIn(await catalog.list())[0]?.includes('xai.grok-4'));
  clock.aheadMs = 24 * 3_600_000;
  assert.deepEqual(namesIn(await catalog.list()), [null]);
  simulator.setControlPlane({});
});

test('catalog: a slow place does not hold up the others; its list is there later', async () => {
  await using slow = await openStub(async (_request, res) => {
    await gate.promise;
    sendJson(res, 200, { items: [{ displayName: 'slow', capabilities: ['CHAT'], lifecycleState: 'ACTIVE' }] });
  });
  const gate = Promise.withResolvers<void>();
  await using opened = open([deploymentAt('a', slow.url), deploymentAt('b', simulator.url)], { patienceMs: 500 });
  const [first, second] = namesIn(await opened.catalog.list());
  assert.equal(first, null);
  assert.ok(second?.includes('xai.grok-4'));
  gate.resolve();
  assert.deepEqual(namesIn(await opened.catalog.list())[0], ['slow']);
  assert.equal(slow.requests.length, 1);
});

test('catalog: a page that is too large is refused, however it is sent', async () => {
  await using stub = await openStub((_request, res) => sendJson(res, 200, { items: ['x'.repeat(5_000_000)] }));
  await using opened = open([deploymentAt('a', stub.url)]);
  assert.deepEqual(namesIn(await opened.catalog.list()), [null]);
  assert.match(String(opened.warnings[0]?.fields['err']), /larger than/);
});

test('catalog: disposing ends what is under way, without a word', async () => {
  await using stub = await openStub(() => {});
  const opened = open([deploymentAt('a', stub.url)]);
  const asked = opened.catalog.list();
  await waitUntil(() => stub.requests.length === 1, { what: 'the question' });
  await opened.catalog[Symbol.asyncDispose]();
  assert.deepEqual(namesIn(await asked), [null]);
  assert.deepEqual(opened.warnings, []);
});
