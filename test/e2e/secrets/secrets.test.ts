import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, chatBody, post } from '../ask.ts';
import { metricsToken } from '../gateway.ts';
import { openEchoServer } from './echo-server.ts';
import { formsOf, leaksIn, planted, type Haystack } from './planted.ts';
import { rowsOf } from './stores.ts';
import { echoes, secretsOf, subjects, type Subject } from './subjects.ts';

for (const opening of subjects) {
  const { mode } = opening;
  describe(`${mode}: no secret leaves the gateway`, () => {
    const stack = new AsyncDisposableStack();
    const haystacks: Haystack[] = [];
    const virtualKeys: string[] = [];
    let subject: Subject;
    let asked: () => number;
    before(async () => {
      const echo = stack.use(await openEchoServer());
      asked = echo.asked;
      subject = await opening.open(stack, echoes(echo.url));
    });
    after(() => stack.disposeAsync());

    /** A request whose answer is searched, headers included. */
    const look = async (what: string, answer: ReturnType<typeof ask>): Promise<number> => {
      const { status, headers, text } = await answer;
      haystacks.push({ where: `answer ${status} to ${what}`, text: `${JSON.stringify([...headers])} ${text}` });
      return status;
    };
    /** In all that has come out since it was last asked. */
    const leaks = (more: readonly Haystack[] = []) =>
      leaksIn([...haystacks.splice(0), ...more], secretsOf(virtualKeys));

    test('what is looked for would be found', () => {
      const all = secretsOf(['sk-some-virtual-key']);
      for (const [name, secret] of Object.entries(all)) {
        for (const form of formsOf(secret)) {
          assert.ok(form.length >= 12, name);
          assert.ok(
            leaksIn([{ where: 'here', text: `a${form}b` }], all).some((leak) => leak.startsWith(name)),
            name,
          );
        }
      }
    });

    test('when requests succeed', async () => {
      const { gateway } = subject;
      const key = await gateway.newKey({ key_alias: 'one', metadata: { note: 'mine' } });
      virtualKeys.push(key);
      assert.equal(await look('chat', chat(gateway, key)), 200);
      assert.equal(await look('streamed chat', chat(gateway, key, { stream: true })), 200);
      assert.equal(
        await look('embedding', post(gateway, '/v1/embeddings', { model: 'embed', input: 'a' }, { key })),
        200,
      );
      for (const [route, body] of [
        ['/key/block', { key }],
        ['/key/unblock', { key }],
      ] as const) {
        assert.equal(await look(route, post(gateway, route, body)), 200);
      }
      for (const route of [
        '/v1/models',
        '/model/info',
        '/v2/model/info',
        '/model_group/info',
        '/key/list?return_full_object=true',
        '/audit',
        `/spend/logs?api_key=${key}`,
        '/global/spend/keys',
        '/global/spend/models',
        '/metrics',
        '/health/readiness',
      ]) {
        assert.equal(await look(route, ask(gateway, route)), 200, route);
      }
      for (const port of subject.statusPorts) {
        const headers = { authorization: `Bearer ${metricsToken}` };
        const page = await fetch(`http://127.0.0.1:${port}/metrics`, { headers });
        assert.equal(page.status, 200);
        haystacks.push({ where: `metrics of ${port}`, text: await page.text() });
        assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 401);
      }
      assert.deepEqual(leaks(), []);
    });

    test('when the provider repeats what it was sent, in every manner of failing', async () => {
      const { gateway } = subject;
      const key = await gateway.newKey();
      virtualKeys.push(key);
      const aliases = Object.keys(echoes('http://x'));
      const askedBefore = asked();
      const extra = { num_retries: 0, timeout: 3 }; // seconds: a throttled call waits for its turn
      const statuses = await Promise.all(
        aliases.flatMap((model) =>
          [true, false].map((stream) =>
            look(`${model}, stream ${stream}`, chat(gateway, key, { model, stream, ...extra })),
          ),
        ),
      );
      assert.ok(asked() - askedBefore >= aliases.length, 'the upstream was asked');
      assert.ok(
        statuses.some((status) => status >= 400),
        'calls failed',
      );
      assert.deepEqual(leaks(), []);
    });

    test('when clients send what is wrong', async () => {
      const { gateway } = subject;
      const [key = ''] = virtualKeys;
      const wrong = 'sk-planted-wrong-key-Vd8QoF';
      virtualKeys.push(wrong);
      assert.equal(await look('a wrong key', chat(gateway, wrong)), 401);
      assert.equal(await look('a half key', chat(gateway, key.slice(0, -1))), 401);
      assert.equal(await look('a key of somebody else', chat(gateway, planted.openAiKey)), 401);
      assert.equal(await look('an unknown model', chat(gateway, key, { model: 'none' })), 400);
      assert.equal(
        await look('no JSON', ask(gateway, '/v1/chat/completions', { method: 'POST', body: '{', key })),
        400,
      );
      assert.equal(await look('a key in the path', ask(gateway, `/nowhere?api_key=${key}`)), 404);
      assert.equal(await look("another's info", ask(gateway, `/key/info?key=${wrong}`, { key })), 403);
      assert.equal(await look('an unknown key to delete', post(gateway, '/key/delete', { keys: [wrong] })), 404);
      assert.equal(await look('a key that is taken', post(gateway, '/key/generate', { key })), 400);
      assert.equal(await look('a bad key', post(gateway, '/key/generate', { key: planted.openAiKey })), 400);
      assert.deepEqual(leaks(), []);
    });

    test('to the database, the queue or the bus', async () => {
      const { gateway, databaseUrl, said } = subject;
      await chat(gateway, virtualKeys[0] ?? '', chatBody());
      await waitUntil(async () => (await rowsOf(databaseUrl)).some(({ where }) => where.includes('spend_rows')), {
        what: 'rows in the books',
      });
      const rows = await rowsOf(databaseUrl);
      assert.ok(rows.length > 10);
      if (mode === 'distributed') assert.ok(said.length > 100);
      assert.deepEqual(leaks([...rows, ...said]), []);
    });

    test('to the output, also when servers go away and processes end by bugs', async () => {
      await subject.breakDown();
      await subject.crash();
      const text = subject.gateway.output();
      assert.match(text, /ended by an error that nobody has caught/);
      assert.deepEqual(leaks([{ where: 'output', text }]), []);
    });
  });
}
