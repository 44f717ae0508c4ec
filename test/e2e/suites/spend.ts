import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { costOfBilled } from '../../faults/books.ts';
import type { BilledCall } from '../../oci-simulator/billing.ts';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, infoOf, post, type Reply } from '../ask.ts';
import { masterKey } from '../gateway.ts';
import type { TestGateway } from '../gateway.ts';
import { kinds, origin, ownerOfKey, Row } from '../spent-requests.ts';
import type { SharedGateway } from './shared-gateway.ts';

const KeySums = z.array(
  z.looseObject({ api_key: z.string(), total_spend: z.number(), metadata: z.record(z.string(), z.unknown()) }),
);
const ModelSums = z.array(z.object({ model: z.string(), total_spend: z.number() }));
const Days = z.array(
  z.looseObject({
    startTime: z.iso.date(),
    spend: z.number(),
    users: z.record(z.string(), z.number()),
    models: z.record(z.string(), z.number()),
  }),
);

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');
const nano = (usd: number) => Math.round(usd * 1e9);
const sumOf = (rows: readonly { spend: number }[]) => rows.reduce((sum, { spend }) => sum + nano(spend), 0);

interface Made {
  readonly what: string;
  readonly row: Row;
  readonly reply: Reply | null;
  readonly billed: BilledCall | undefined;
  readonly askedAt: number;
}

export function whatWasSpent({ mode, open }: SharedGateway): void {
  describe(`${mode}: what was spent`, () => {
    let gateway: TestGateway;
    let key: string;
    let made: readonly Made[];
    const named = (what: string) => made.find((one) => one.what === what) ?? assert.fail(`nothing ${what}`);

    const bookedMs: number[] = [];
    const rowsOf = async (query: string, as = masterKey) => {
      const reply = await ask(gateway, `/spend/logs?${query}`, { key: as });
      assert.equal(reply.status, 200, reply.text);
      return z.array(Row).parse(JSON.parse(reply.text));
    };

    before(async () => {
      gateway = await open();
      key = await gateway.newKey(ownerOfKey);
      const all: Made[] = [];
      for (const { what, send } of kinds) {
        gateway.simulator.clearBilled();
        const askedAt = Date.now();
        const reply = await send(gateway, key);
        const answeredAt = performance.now();
        const row = await waitUntil(async () => (await rowsOf(`api_key=${key}`))[all.length], {
          what: `a row for what was ${what}`,
        });
        bookedMs.push(performance.now() - answeredAt);
        all.push({ what, row, reply, billed: gateway.simulator.billed()[0], askedAt });
      }
      made = all;
    });

    test('a row is there within a second of the answer', () => {
      // Of most: one may have come while the machine did something else.
      const median = bookedMs.toSorted((a, b) => a - b)[bookedMs.length >> 1] ?? Number.NaN;
      assert.ok(median <= 1_000, `${bookedMs.map(Math.round).join(', ')} ms`);
    });

    for (const [index, { what }] of kinds.entries()) {
      test(`${what}: says whose it was, and when`, () => {
        const { row, askedAt } = named(what);
        assert.equal(row.api_key, hashOf(key));
        assert.equal(row.user, 'ada');
        assert.equal(row.team_id, 'team-core');
        assert.equal(row.organization_id, 'acme');
        assert.equal(row.end_user, 'end-user-7');
        assert.equal(row.session_id, 'session-9');
        assert.match(row.requester_ip_address, /127\.0\.0\.1$/);
        assert.deepEqual(row.request_tags, ['from-key', 'from-request', 'User-Agent: node']);
        const [from, to] = [Date.parse(row.startTime), Date.parse(row.endTime)];
        assert.ok(askedAt <= from && from <= to && to <= Date.now(), `${row.startTime} – ${row.endTime}`);
        assert.equal(row.request_duration_ms, to - from);
        assert.equal(made[index]?.row.request_id, row.request_id);
      });

      test(`${what}: has the metadata of key and request, of which nothing is forged`, () => {
        const { metadata } = named(what).row;
        assert.equal(metadata.user_api_key, hashOf(key));
        assert.equal(metadata['user_api_key_alias'], 'owner');
        assert.equal(metadata['team'], 'core');
        assert.equal(metadata['owner'], 'ada');
        assert.equal(metadata['job'], 'nightly');
        const { user_api_key: _forged, ...own } = origin.metadata;
        assert.deepEqual(metadata.requester_metadata, own);
      });
    }

    for (const [what, callType, alias, model] of [
      ['whole', 'acompletion', 'llama', 'oci/meta.llama-3.3-70b-instruct'],
      ['streamed', 'acompletion', 'llama', 'oci/meta.llama-3.3-70b-instruct'],
      ['embedded', 'aembedding', 'embed', 'oci/cohere.embed-v4.0'],
    ] as const) {
      test(`${what}: costs what the provider bills, to the nano-dollar`, () => {
        const { row, reply, billed } = named(what);
        const call = billed ?? assert.fail('nothing was billed');
        assert.deepEqual(
          [row.status, row.call_type, row.model_group, row.model, row.custom_llm_provider],
          ['success', callType, alias, model, 'oci'],
        );
        assert.equal(row.api_base, gateway.simulator.url);
        assert.ok(row.model_id);
        assert.ok(row.session_id, 'generated where none was sent');
        assert.match(reply?.headers.get('x-litellm-overhead-duration-ms') ?? '', /^\d+\.\d+$/);
        assert.equal(row.prompt_tokens, call.promptTokens);
        assert.equal(row.completion_tokens, call.completionTokens);
        assert.equal(row.total_tokens, call.promptTokens + call.completionTokens);
        assert.equal(nano(row.spend), costOfBilled(call));
        assert.ok(row.spend > 0);
        const { input_cost: input, output_cost: output, total_cost: total } = row.metadata.cost_breakdown;
        assert.equal(nano(input) + nano(output), nano(total));
        assert.equal(total, row.spend);
        assert.equal(row.metadata.error_information, null);
        assert.deepEqual(row.metadata.sluice.estimated, false);
        if (what !== 'streamed') assert.equal(Number(reply?.headers.get('x-litellm-response-cost')), row.spend);
        const first = Date.parse(row.completionStartTime ?? '');
        assert.ok(first >= Date.parse(row.startTime) && first <= Date.parse(row.endTime));
      });
    }

    test('the id of a row is the id of its answer', () => {
      const { row, reply } = named('whole');
      assert.match(reply?.text ?? '', new RegExp(`"id":"${row.request_id}"`));
      assert.match(named('streamed').reply?.text ?? '', new RegExp(`"id":"${named('streamed').row.request_id}"`));
    });

    test('failed: costs nothing, and says why', () => {
      const { row, billed, reply } = named('failed');
      assert.equal(reply?.status, 400);
      assert.equal(billed, undefined);
      assert.deepEqual([row.status, row.spend, row.total_tokens], ['failure', 0, 0]);
      assert.equal(row.model, 'oci/meta.llama-3.3-70b-instruct');
      assert.equal(row.metadata.error_information?.error_code, '400');
      assert.match(row.metadata.error_information.error_message, /OciException.*It says no/);
    });

    test('refused: costs nothing, and was given to no model', () => {
      const { row, reply } = named('refused');
      assert.equal(reply?.status, 403);
      assert.match(reply.text.toLowerCase(), /allowed to access/);
      assert.deepEqual([row.status, row.spend, row.model, row.model_group], ['failure', 0, '', 'grok']);
      assert.equal(row.metadata.error_information?.error_code, '403');
    });

    test('aborted: stopped the provider, and costs at least what was sent', async () => {
      const { row } = named('aborted');
      const billed = await waitUntil(() => gateway.simulator.billed()[0], { what: 'the provider has stopped' });
      assert.ok(billed.completionTokens < 100, `${billed.completionTokens} tokens of 500`);
      assert.deepEqual([row.status, row.metadata.sluice.outcome], ['failure', 'cut']);
      assert.equal(row.metadata.sluice.estimated, true);
      assert.equal(row.metadata.error_information?.error_code, '499');
      assert.ok(row.spend > 0);
    });

    test('rows come in the order of their start; request_id picks one', async () => {
      const rows = await rowsOf(`api_key=${hashOf(key)}`);
      assert.deepEqual(
        rows,
        made.map(({ row }) => row),
      );
      assert.deepEqual(
        rows,
        rows.toSorted((a, b) => Date.parse(a.startTime) - Date.parse(b.startTime)),
      );
      assert.deepEqual(await rowsOf(`request_id=${rows[1]?.request_id}`), [rows[1]]);
      assert.deepEqual(await rowsOf('request_id=chatcmpl-none'), []);
      assert.deepEqual(await rowsOf('api_key=sk-of-nobody-at-all'), []);
    });

    test('the spend of the key is the sum of its rows, everywhere it is shown', async () => {
      const sum = sumOf(made.map(({ row }) => row));
      assert.equal(nano((await infoOf(gateway, key)).spend), sum);

      const next = await chat(gateway, key);
      const cost = nano(Number(next.headers.get('x-litellm-response-cost')));
      assert.equal(nano(Number(next.headers.get('x-litellm-key-spend'))), sum + cost);
      await waitUntil(async () => nano((await infoOf(gateway, key)).spend) === sum + cost, { what: 'it is booked' });

      const keys = KeySums.parse(JSON.parse((await ask(gateway, '/global/spend/keys')).text));
      const own = keys.find(({ api_key: hash }) => hash === hashOf(key));
      assert.equal(nano(own?.total_spend ?? 0), sum + cost);
      assert.equal(own?.metadata['team'], 'core');
      assert.deepEqual(
        keys,
        keys.toSorted((a, b) => b.total_spend - a.total_spend),
      );
    });

    test('the spend of the models is the sum of all rows', async () => {
      const rows = await rowsOf('');
      const models = ModelSums.parse(JSON.parse((await ask(gateway, '/global/spend/models')).text));
      const expected = Object.entries(
        Object.groupBy(
          rows.filter(({ model }) => model !== ''),
          ({ model }) => model,
        ),
      ).map(([model, group]) => ({ model, total_spend: sumOf(group ?? []) }));
      assert.deepEqual(
        models.map(({ model, total_spend: spend }) => ({ model, total_spend: nano(spend) })),
        expected.toSorted((a, b) => b.total_spend - a.total_spend),
      );
    });

    test('a key sees its own rows and no others', async () => {
      const other = await gateway.newKey();
      assert.equal((await chat(gateway, other)).status, 200);
      const own = await waitUntil(
        async () => {
          const rows = await rowsOf('', other);
          return rows.length > 0 && rows;
        },
        { what: 'its own row' },
      );
      assert.deepEqual(
        own.map(({ api_key: hash }) => hash),
        [hashOf(other)],
      );
      assert.deepEqual(await rowsOf(`api_key=${other}`, other), own);
      assert.deepEqual(await rowsOf(`api_key=${key}`, other), []);
      assert.deepEqual(await rowsOf(`request_id=${named('whole').row.request_id}`, other), []);
      assert.deepEqual(await rowsOf('user_id=ada', other), []);
      for (const path of ['/global/spend/keys', '/global/spend/models']) {
        assert.equal((await ask(gateway, path, { key: other })).status, 403);
      }
    });

    test('with dates there is a sum for each day, or its rows', async () => {
      const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
      const dates = `start_date=${day(-1)}&end_date=${day(1)}`;
      const rows = await rowsOf(`api_key=${key}`);
      assert.deepEqual(await rowsOf(`api_key=${key}&${dates}&summarize=false`), rows);

      const days = Days.parse(JSON.parse((await ask(gateway, `/spend/logs?api_key=${key}&${dates}`)).text));
      const sum = sumOf(rows);
      assert.equal(sumOf(days), sum);
      assert.equal(nano(days.reduce((total, one) => total + Number(one[hashOf(key)]), 0)), sum);
      assert.equal(nano(days.reduce((total, { users }) => total + Number(users['ada']), 0)), sum);
      const byModel = days.flatMap(({ models }) => Object.values(models));
      assert.equal(nano(byModel.reduce((total, spend) => total + spend, 0)), sum);
      assert.ok(days.every(({ startTime }) => [day(-1), day(0)].includes(startTime)));

      const empty = await ask(gateway, '/spend/logs?start_date=2001-01-01&end_date=2001-01-02');
      assert.equal(empty.text, '[]');
      assert.equal((await ask(gateway, '/spend/logs?start_date=yesterday')).status, 422);
      assert.equal((await ask(gateway, `/spend/logs?start_date=${day(1)}&end_date=${day(-1)}`)).status, 400);
    });

    /** Locus PR #268, tests/integration/test_litellm_gateway_cost.py; litellm-contract.md §15.1. */
    describe("Locus's tests of cost", () => {
      let locusKey: string;
      const model = 'command-a';
      const json = async (path: string): Promise<Record<string, unknown>[]> =>
        z.array(z.record(z.string(), z.unknown())).parse(JSON.parse((await ask(gateway, path)).text));
      const rows = () => json(`/spend/logs?api_key=${locusKey}`);
      const complete = () => chat(gateway, locusKey, { model, max_tokens: 20 });

      before(async () => {
        const reply = await post(gateway, '/key/generate', {
          models: [model],
          duration: '1h',
          metadata: { team: 'locus' },
        });
        locusKey = z.object({ key: z.string() }).parse(JSON.parse(reply.text)).key;
      });

      test('the log grows, with tokens, cost and fields to attribute them by', async () => {
        assert.deepEqual(await rows(), []);
        assert.equal((await complete()).status, 200);
        const last = await waitUntil(async () => (await rows()).at(-1), { what: 'a row' });
        for (const name of ['total_tokens', 'spend']) assert.ok(Number(last[name]) > 0, name);
        for (const name of ['model', 'api_key', 'request_tags', 'metadata', 'team_id']) assert.ok(name in last, name);
        assert.equal(z.object({ team: z.string() }).parse(last['metadata']).team, 'locus');
      });

      for (const path of ['/global/spend/keys', '/global/spend/models']) {
        test(`${path} is a list in which something was spent`, async () => {
          const sums = await json(path);
          assert.ok(sums.some(({ total_spend: spend }) => Number(spend) > 0));
        });
      }

      test('a budget of 1e-9 USD refuses within six calls', async () => {
        const poor = await gateway.newKey({ models: [model], max_budget: 1e-9 });
        const replies = [];
        for (let call = 0; call < 6; call += 1) replies.push(await chat(gateway, poor, { model, max_tokens: 20 }));
        assert.ok(replies.some(({ status, text }) => status === 429 || (status >= 400 && /budget/i.test(text))));
      });

      test('a model that is not allowed is refused in the words that clients look for', async () => {
        const reply = await chat(gateway, locusKey, { model: 'llama' });
        assert.ok(reply.status >= 400);
        assert.ok(reply.text.toLowerCase().includes('allowed to access'));
      });
    });
  });
}
