import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { Behaviour } from '../oci-simulator/behaviour.ts';
import type { Child } from '../servers/child.ts';
import { waitUntil } from '../servers/wait-until.ts';
import { chat, errorOf } from './ask.ts';
import type { Reply } from './ask.ts';
import { gateways, metricsToken, openDistributedGateway } from './gateway.ts';
import type { DistributedGateway, GatewayOptions, TestGateway } from './gateway.ts';

const models = {
  llama: 'meta.llama-3.3-70b-instruct',
  grok: 'xai.grok-4',
  command: 'cohere.command-a-03-2025',
  scout: 'meta.llama-4-scout-17b-16e-instruct',
  maverick: 'meta.llama-4-maverick-17b-128e-instruct-fp8',
  vision: 'meta.llama-3.2-90b-vision-instruct',
  old: 'xai.grok-3',
};
type Model = keyof typeof models;
const at = (model: Model, more: Record<string, unknown> = {}) => ({ model: `oci/${models[model]}`, ...more });

const Completion = z.looseObject({ model: z.string() });
const steered = (does: Partial<Behaviour>) => ({
  messages: [{ role: 'user', content: `Hello. #sim ${JSON.stringify(does)}` }],
});
const tooLong = { status: 400, message: "This model's maximum context length is 128000 tokens." };
const filtered = { status: 400, message: 'Inappropriate content detected!!!' };

/** Which models the bill names since it was cleared, in the order of their ends. */
const billed = ({ simulator }: TestGateway): (Model | undefined)[] => {
  const names = Object.keys(models).filter((name): name is Model => name in models);
  return simulator.billed().map(({ model }) => names.find((name) => models[name] === model));
};

/** So many requests, one after another. */
async function askTimes(gateway: TestGateway, times: number, fields: Record<string, unknown>): Promise<void> {
  for (let nth = 0; nth < times; nth += 1) {
    const reply = await chat(gateway, gateway.masterKey, fields);
    assert.equal(reply.status, 200, reply.text);
  }
}

const routed: GatewayOptions = {
  workers: 2,
  models: {
    weighted: [at('llama', { weight: 1 }), at('grok', { weight: 0 })],
    'by-rpm': [at('llama', { rpm: 90_000 }), at('grok', { rpm: 10_000 })],
    ordered: [at('grok', { order: 2 }), at('llama', { order: 1 })],
    tagged: [
      at('llama', { tags: ['free'] }),
      at('grok', { tags: ['paid', 'fast'] }),
      at('command', { tags: ['default'] }),
    ],
    strictly: [at('llama', { tags: ['free'] })],
    'small-window': at('llama', { model_info: { max_input_tokens: 20 } }),
    wide: at('grok'),
    policed: at('llama'),
    lenient: at('command'),
    shared: [at('scout', { cooldown_time: 600 }), at('maverick')],
    returning: [at('vision', { cooldown_time: 1, weight: 1 }), at('llama')],
    alone: { model: 'oci/xai.grok-NONEXISTENT-1' },
    first: at('old'),
    second: { model: 'oci/xai.grok-NONEXISTENT-2' },
  },
  config: {
    router_settings: {
      num_retries: 1,
      enable_tag_filtering: true,
      enable_pre_call_checks: true,
      fallbacks: [{ first: ['second'] }, { policed: ['wide'] }],
      context_window_fallbacks: [{ 'small-window': ['wide'] }, { wide: ['lenient'] }],
      content_policy_fallbacks: [{ policed: ['lenient'] }],
      retry_policy: { ServiceUnavailableErrorRetries: 0 },
    },
  },
};

const answeredBy = (reply: Reply) => {
  assert.equal(reply.status, 200, reply.text);
  return [reply.headers.get('x-litellm-model-group'), Completion.parse(JSON.parse(reply.text)).model];
};

for (const { mode, open } of gateways) {
  describe(`${mode}: routing`, () => {
    let gateway: TestGateway;
    const ask = (model: string, fields: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
      chat(gateway, gateway.masterKey, { model, ...fields }, { headers });
    before(async () => {
      gateway = await open(routed);
    });
    after(() => gateway[Symbol.asyncDispose]());

    test('simple-shuffle: who weighs nothing gets nothing', async () => {
      gateway.simulator.clearBilled();
      await askTimes(gateway, 10, { model: 'weighted' });
      assert.deepEqual(new Set(billed(gateway)), new Set(['llama']));
    });

    test('simple-shuffle: rpm are weights', async () => {
      gateway.simulator.clearBilled();
      // A few at a time: with more at once than the one takes, the other gets the rest.
      for (let round = 0; round < 25; round += 1) await Promise.all(Array.from({ length: 4 }, () => ask('by-rpm')));
      const most = billed(gateway).filter((model) => model === 'llama').length;
      assert.ok(most >= 72 && most < 100, `${most} of 100`); // 90 are due: six standard deviations
    });

    test('order: the second is called only when the first fails', async () => {
      gateway.simulator.clearBilled();
      await askTimes(gateway, 5, { model: 'ordered' });
      assert.deepEqual(new Set(billed(gateway)), new Set(['llama']));
      gateway.simulator.enqueueFaults([{ model: models.llama, behaviour: { fail: { status: 400 } } }]);
      const reply = await ask('ordered');
      assert.deepEqual(answeredBy(reply), ['ordered', 'ordered']);
      assert.equal(reply.headers.get('x-litellm-attempted-fallbacks'), '0');
      assert.equal(billed(gateway).at(-1), 'grok');
    });

    for (const [why, fields, headers, model] of [
      ['in the body', { tags: ['free'] }, {}, 'llama'],
      ['in the metadata', { metadata: { tags: ['other', 'fast'] } }, {}, 'grok'],
      ['in the header', {}, { 'x-litellm-tags': 'paid' }, 'grok'],
      ['none', {}, {}, 'command'],
      ['that no deployment has', { tags: ['other'] }, {}, 'command'],
    ] as const) {
      test(`tags ${why} decide who answers`, async () => {
        gateway.simulator.clearBilled();
        assert.deepEqual(answeredBy(await ask('tagged', fields, headers)), ['tagged', 'tagged']);
        assert.deepEqual(billed(gateway), [model]);
      });
    }

    test("tags of the key decide too; 401 for what no deployment's tags allow", async () => {
      const key = await gateway.newKey({ metadata: { tags: ['paid'] } });
      gateway.simulator.clearBilled();
      assert.equal((await chat(gateway, key, { model: 'tagged' })).status, 200);
      assert.deepEqual(billed(gateway), ['grok']);
      const refused = await chat(gateway, key, { model: 'strictly' });
      assert.deepEqual([refused.status, errorOf(refused).type], [401, 'permission_error']);
      assert.match(errorOf(refused).message, /^Not allowed to access model due to tags configuration/);
    });

    test('a prompt that its estimate says is too long goes to the fallback for that, and nowhere else', async () => {
      gateway.simulator.clearBilled();
      assert.deepEqual(answeredBy(await ask('small-window')), ['small-window', 'small-window']);
      const long = { messages: [{ role: 'user', content: 'word '.repeat(50) }] };
      assert.deepEqual(answeredBy(await ask('small-window', long)), ['wide', models.grok]);
      assert.deepEqual(billed(gateway), ['llama', 'grok']);
    });

    test('so does one that the provider says is too long; without a list for it the error is told', async () => {
      gateway.simulator.enqueueFaults([{ model: models.grok, behaviour: { fail: tooLong } }]);
      assert.deepEqual(answeredBy(await ask('wide')), ['lenient', models.command]);
      gateway.simulator.enqueueFaults([{ model: models.llama, behaviour: { fail: tooLong } }]);
      const refused = await ask('policed');
      assert.deepEqual([refused.status, errorOf(refused).type], [400, 'invalid_request_error']);
      assert.match(errorOf(refused).message, /^litellm\.ContextWindowExceededError: OciException - /);
      assert.match(errorOf(refused).message, /Available Model Group Fallbacks=None$/);
    });

    test('what a filter refused goes to the fallback for that, a stream as well', async () => {
      gateway.simulator.enqueueFaults([{ model: models.llama, count: 2, behaviour: { fail: filtered } }]);
      assert.deepEqual(answeredBy(await ask('policed')), ['lenient', models.command]);
      const stream = await gateway.client().chat.completions.create({
        model: 'policed',
        stream: true,
        messages: [{ role: 'user', content: 'Hello.' }],
      });
      const chunks = await Array.fromAsync(stream);
      assert.deepEqual([...new Set(chunks.map(({ model }) => model))], [models.command]);
    });

    test('other errors go to the general fallback', async () => {
      gateway.simulator.enqueueFaults([{ model: models.llama, behaviour: { fail: { status: 400 } } }]);
      assert.deepEqual(answeredBy(await ask('policed')), ['wide', models.grok]);
    });

    test('a request may bring lists of its own, and messages for a fallback', async () => {
      gateway.simulator.enqueueFaults([{ model: models.llama, count: 2, behaviour: { fail: tooLong } }]);
      const listed = await ask('policed', { context_window_fallbacks: [{ policed: ['wide'] }] });
      assert.deepEqual(answeredBy(listed), ['wide', models.grok]);
      const messages = steered({ outputTokens: 3 }).messages;
      const reply = await ask('policed', { fallbacks: [{ model: 'wide', messages }] });
      assert.deepEqual(answeredBy(reply), ['wide', models.grok]);
      const { usage } = z
        .looseObject({ usage: z.looseObject({ completion_tokens: z.int() }) })
        .parse(JSON.parse(reply.text));
      assert.equal(usage.completion_tokens, 3, 'the directive stood in the other messages');
    });

    test('a retry policy decides over num_retries', async () => {
      gateway.simulator.enqueueFaults([{ model: models.grok, behaviour: { fail: { status: 503 } } }]);
      const reply = await ask('wide', { num_retries: 5, disable_fallbacks: true });
      assert.equal(reply.status, 503, reply.text);
    });

    test('a deployment that refuses us is left alone by every worker at once', async () => {
      gateway.simulator.enqueueFaults([{ model: models.scout, behaviour: { fail: { status: 401 } } }]);
      gateway.simulator.clearBilled();
      const struck = () => ask('shared').then((reply) => reply.headers.get('x-litellm-attempted-retries') === '1');
      await waitUntil(struck, { what: 'a call of the one that refuses' });
      const earlier = await Promise.all(callsOfWorkers(gateway, 'shared'));
      gateway.simulator.clearBilled();
      await waitUntil(
        async () => {
          await Promise.all(Array.from({ length: 16 }, () => ask('shared', steered({ delayMs: 30 }))));
          const calls = await Promise.all(callsOfWorkers(gateway, 'shared'));
          return calls.every((count, worker) => count > (earlier[worker] ?? 0));
        },
        { what: 'every worker has answered since', deadlineMs: 20_000 },
      );
      assert.deepEqual(new Set(billed(gateway)), new Set(['maverick']));
    });

    test('a deployment comes back when its cooldown is over', async () => {
      gateway.simulator.enqueueFaults([{ model: models.vision, behaviour: { fail: { status: 401 } } }]);
      gateway.simulator.clearBilled();
      await askTimes(gateway, 2, { model: 'returning' });
      assert.deepEqual(billed(gateway), ['llama', 'llama']);
      await waitUntil(
        async () => {
          await askTimes(gateway, 1, { model: 'returning' });
          return billed(gateway).at(-1) === 'vision';
        },
        { what: 'it is called again' },
      );
    });

    test('429 with the time to wait while the only deployment is left alone', async () => {
      const failed = await ask('alone', { num_retries: 0 });
      assert.deepEqual([failed.status, errorOf(failed).type], [404, 'not_found_error']);
      const cooled = await ask('alone');
      assert.deepEqual([cooled.status, errorOf(cooled).type], [429, 'all_deployments_in_cooldown']);
      assert.match(
        errorOf(cooled).message,
        /^No deployments available for selected model, Try again in [1-5] seconds\./,
      );
      assert.match(cooled.headers.get('retry-after') ?? '', /^[1-5]$/);
      const helped = await ask('alone', { fallbacks: ['lenient'] });
      assert.deepEqual(answeredBy(helped), ['lenient', models.command]);
    });

    test("when all fail, status and type are the first one's, and the text tells of the others", async () => {
      gateway.simulator.enqueueFaults([{ model: models.old, count: 2, behaviour: { fail: { status: 500 } } }]);
      const reply = await ask('first');
      const { type, code, message } = errorOf(reply);
      assert.deepEqual([reply.status, type, code], [500, 'internal_server_error', '500']);
      assert.match(message, /^litellm\.InternalServerError: OciException - .* Received Model Group=first\n/s);
      assert.match(
        message,
        /\nAvailable Model Group Fallbacks=\['second'\]\nLiteLLM Retried: 1 times, LiteLLM Max Retries: 1\n/,
      );
      assert.match(message, /\nError doing the fallback: second: litellm\.NotFoundError: OciException - /);
    });
  });
}

/** The tests above show that both modes route by their settings; the choice itself is the worker's in both. */
describe('distributed: strategies', () => {
  let gateway: DistributedGateway;
  let worker: Child | undefined;
  before(async () => {
    gateway = await openDistributedGateway({ workers: 0, models: { pair: [at('llama'), at('grok')] } });
  });
  after(() => gateway[Symbol.asyncDispose]());

  /** One worker, which has seen nothing yet and chooses so. */
  const choosingBy = async (routing_strategy: string) => {
    await worker?.stop();
    worker = await gateway.startWorker({ router_settings: { routing_strategy } });
    gateway.simulator.clearBilled();
  };

  test('least-busy: a call goes where none is running', async () => {
    await choosingBy('least-busy');
    const slow = chat(gateway, gateway.masterKey, { model: 'pair', ...steered({ delayMs: 1_500 }) });
    await waitUntil(() => gateway.simulator.callsInFlight() === 1, { what: 'the slow call runs' });
    await askTimes(gateway, 6, { model: 'pair' });
    const quick = billed(gateway);
    assert.equal(quick.length, 6, 'the slow one is still running');
    assert.equal(new Set(quick).size, 1);
    assert.equal((await slow).status, 200);
    assert.notEqual(billed(gateway).at(-1), quick[0]);
  });

  test('latency-based-routing: the faster one gets the calls once both are known', async () => {
    await choosingBy('latency-based-routing');
    gateway.simulator.enqueueFaults([{ model: models.llama, count: 1, behaviour: { delayMs: 400 } }]);
    await askTimes(gateway, 8, { model: 'pair', ...steered({ outputTokens: 10 }) });
    assert.deepEqual(new Set(billed(gateway).slice(0, 2)), new Set(['grok', 'llama']));
    assert.deepEqual(new Set(billed(gateway).slice(2)), new Set(['grok']));
  });

  test('cost-based-routing: the cheaper one gets the calls, the other what it cannot answer', async () => {
    await choosingBy('cost-based-routing');
    await askTimes(gateway, 6, { model: 'pair' });
    assert.deepEqual(new Set(billed(gateway)), new Set(['llama']));
    gateway.simulator.enqueueFaults([{ model: models.llama, behaviour: { fail: { status: 503 } } }]);
    await askTimes(gateway, 1, { model: 'pair' });
    assert.equal(billed(gateway).at(-1), 'grok');
  });
});

/** How many calls for an alias each worker has made; the one process where there is only one. */
function callsOfWorkers(gateway: TestGateway, alias: string): Promise<number>[] {
  const count = async (url: string) => {
    const reply = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${metricsToken}` } });
    const lines = (await reply.text()).split('\n');
    const own = lines.filter(
      (line) => line.startsWith('gen_ai_client_operation_duration_seconds_count{') && line.includes(`alias="${alias}"`),
    );
    return own.reduce((sum, line) => sum + Number(line.split(' ').at(1)), 0);
  };
  if (!('workers' in gateway)) return [count(gateway.url)];
  const workers = z.array(z.looseObject({ port: z.int() })).parse(gateway.workers);
  return workers.map(({ port }) => count(`http://127.0.0.1:${port}`));
}
