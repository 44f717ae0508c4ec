import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, errorOf, post } from '../ask.ts';
import type { TestGateway } from '../gateway.ts';
import { becomes, spendAll, type SharedIngresses } from '../two-ingresses.ts';

const Team = z.looseObject({ team_id: z.string(), spend: z.number() });
const TeamInfo = z.looseObject({
  team_info: z.looseObject({ spend: z.number(), members_with_roles: z.array(z.looseObject({ user_id: z.string() })) }),
  keys: z.array(z.looseObject({ token: z.string(), spend: z.number() })),
  team_memberships: z.array(z.looseObject({ user_id: z.string(), spend: z.number() })),
});
const UserInfo = z.looseObject({ user_info: z.looseObject({ spend: z.number() }) });
const NewUser = z.looseObject({ user_id: z.string(), key: z.string() });
const SpendRows = z.array(z.looseObject({ team_id: z.string().nullable(), request_tags: z.array(z.string()) }));

export function teams({ open }: SharedIngresses): void {
  describe('teams and users over HTTP, on two ingresses', () => {
    let here: TestGateway;
    let there: TestGateway;

    before(async () => {
      ({ here, there } = await open());
    });

    async function made<T>(schema: z.ZodType<T>, path: string, body: object): Promise<T> {
      const reply = await post(here, path, body);
      assert.equal(reply.status, 200, `${path}: ${reply.text}`);
      return schema.parse(JSON.parse(reply.text));
    }

    const newTeam = async (body: object) => (await made(Team, '/team/new', body)).team_id;

    async function told<T>(schema: z.ZodType<T>, path: string, key?: string): Promise<T> {
      const reply = await ask(here, path, key === undefined ? {} : { key });
      assert.equal(reply.status, 200, `${path}: ${reply.text}`);
      return schema.parse(JSON.parse(reply.text));
    }

    test("two keys of a team both stop, everywhere, when the team's budget is spent, and the books say how", async () => {
      const team_id = await newTeam({ max_budget: 0.0003 });
      const keys = [await here.newKey({ team_id }), await here.newKey({ team_id })];
      const spent = await spendAll({ here, there }, keys, `Team=${team_id}`);
      assert.ok(spent > 0 && spent <= 0.0003, `${spent} USD`);
      const info = () => told(TeamInfo, `/team/info?team_id=${team_id}`);
      await waitUntil(async () => Math.abs((await info()).team_info.spend - spent) < 1e-9, {
        what: 'the books have it',
      });
      const { keys: rows } = await info();
      assert.ok(Math.abs(rows.reduce((sum, row) => sum + row.spend, 0) - spent) < 1e-9, 'the keys spent it all');

      await made(z.looseObject({}), '/team/update', { team_id, max_budget: 1 });
      for (const key of keys) await becomes(200, there, key);
    });

    test("a member's budget stops the member's keys in the team, and nobody else's", async () => {
      const { user_id: bob, key: personal } = await made(NewUser, '/user/new', { user_id: 'bob' });
      const team_id = await newTeam({ team_alias: 'Members' });
      await made(Team, '/team/member_add', {
        team_id,
        member: { role: 'user', user_id: bob },
        max_budget_in_team: 0.0001,
      });
      await made(Team, '/team/member_add', { team_id, member: { role: 'user', user_id: 'ada' } });
      const keys = [await here.newKey({ team_id, user_id: bob }), await here.newKey({ team_id, user_id: bob })];
      const adas = await here.newKey({ team_id, user_id: 'ada' });
      await waitUntil(
        async () => (await Promise.all(keys.map((key) => chat(there, key)))).every(({ status }) => status === 429),
        { what: 'the budget is spent', deadlineMs: 20_000 },
      );
      assert.match(errorOf(await chat(here, keys[0] ?? '')).message, /^Budget has been exceeded! User=bob in Team=/);
      for (const key of [adas, personal]) assert.equal((await chat(there, key)).status, 200);
      const { team_memberships } = await told(TeamInfo, `/team/info?team_id=${team_id}`);
      const spend = team_memberships.find(({ user_id }) => user_id === bob)?.spend ?? 0;
      assert.ok(spend > 0 && spend <= 0.0001, `${spend} USD`);

      await made(z.looseObject({}), '/team/member_update', { team_id, user_id: bob, max_budget_in_team: 1 });
      for (const key of keys) await becomes(200, there, key);
    });

    const parallelLimits = {
      'of their own': async () => {
        const team_id = await newTeam({});
        const member = { role: 'user', user_id: 'busy' };
        await made(Team, '/team/member_add', { team_id, member, max_parallel_requests: 1 });
        return team_id;
      },
      "that are the team's for members": () =>
        newTeam({ team_member_max_parallel_requests: 1, members_with_roles: [{ role: 'user', user_id: 'busy' }] }),
    };
    for (const [whose, teamWithBusy] of Object.entries(parallelLimits)) {
      test(`a member's parallel requests have limits ${whose}, over all their keys at all ingresses`, async () => {
        const team_id = await teamWithBusy();
        const busy = { team_id, user_id: 'busy' };
        const keys = [await here.newKey(busy), await here.newKey(busy)] as const;
        const alreadyRunning = here.simulator.callsInFlight();
        const slow = { messages: [{ role: 'user', content: 'Slowly. #sim {"delayMs":800}' }] };
        const running = chat(here, keys[0], slow);
        await waitUntil(() => here.simulator.callsInFlight() === alreadyRunning + 1, { what: 'a call runs' });
        const second = await chat(there, keys[1]);
        assert.equal(second.status, 429, second.text);
        assert.match(
          errorOf(second).message,
          /busy.*Limit type: max_parallel_requests\. Current limit: 1, Remaining: 0/,
        );
        assert.equal((await chat(there, await here.newKey({ team_id }))).status, 200, 'of nobody else');
        assert.equal((await running).status, 200);
      });
    }

    test('the default budget of members is for each of them', async () => {
      const member = (user_id: string) => ({ role: 'user', user_id });
      const team_id = await newTeam({ team_member_budget: 0, members_with_roles: [member('eve')] });
      const refused = await chat(there, await here.newKey({ team_id, user_id: 'eve' }));
      assert.match(errorOf(refused).message, /^Budget has been exceeded! User=eve in Team=.* Max budget: 0$/);
      assert.equal((await chat(there, await here.newKey({ team_id }))).status, 200, 'a key of nobody has none');
    });

    test("a team's requests per minute count all its keys at all ingresses", async () => {
      const team_id = await newTeam({ rpm_limit: 4 });
      const keys = [await here.newKey({ team_id }), await here.newKey({ team_id })];
      const replies = await Promise.all(
        Array.from({ length: 12 }, (_, n) => chat(n % 3 === 0 ? there : here, keys[n % 2] ?? '')),
      );
      assert.equal(replies.filter(({ status }) => status === 200).length, 4);
      assert.equal(replies.filter(({ status }) => status === 429).length, 8);
      const refused = replies.find(({ status }) => status === 429);
      assert.ok(refused && errorOf(refused).message.startsWith(`Rate limit exceeded for team: ${team_id}.`));
    });

    test('a blocked team is refused at another ingress within a second, and let in again', async () => {
      const team_id = await newTeam({});
      const key = await here.newKey({ team_id });
      assert.equal((await chat(there, key)).status, 200);
      await made(Team, '/team/block', { team_id });
      assert.equal((await chat(here, key)).status, 401, 'here at once');
      await becomes(401, there, key);
      assert.match(errorOf(await chat(there, key)).message, new RegExp(`Team=${team_id} is blocked`));
      await made(Team, '/team/unblock', { team_id });
      assert.equal((await chat(here, key)).status, 200);
      await becomes(200, there, key);
    });

    test('twelve members: one administrator, ten users and the maker; others are refused, and a deleted team is gone', async () => {
      const { key: stranger } = await made(NewUser, '/user/new', {});
      const { key: member, user_id } = await made(NewUser, '/user/new', {});
      const users = Array.from({ length: 9 }, (_, n) => ({ role: 'user', user_id: `of twelve ${n}` }));
      const team_id = await newTeam({
        members_with_roles: [{ role: 'admin', user_id: 'admin of twelve' }, { role: 'user', user_id }, ...users],
      });
      const path = `/team/info?team_id=${team_id}`;
      assert.equal((await told(TeamInfo, path)).team_info.members_with_roles.length, 12);
      await told(TeamInfo, path, member);
      assert.equal((await ask(here, path, { key: stranger })).status, 403);

      const key = await here.newKey({ team_id });
      assert.equal((await chat(there, key)).status, 200);
      assert.equal((await post(here, '/team/delete', { team_ids: [team_id] })).status, 200);
      assert.equal((await ask(here, path)).status, 404);
      await becomes(401, there, key);
    });

    test("a team's models, its own names for them and its tags are on all its requests", async () => {
      const team_id = await newTeam({ models: ['llama'], model_aliases: { fast: 'llama' }, tags: ['of the team'] });
      const key = await here.newKey({ team_id });
      assert.equal((await chat(there, key, { model: 'fast' })).status, 200);
      const refused = errorOf(await chat(there, key, { model: 'grok' }));
      assert.equal(refused.type, 'team_model_access_denied');
      const rows = () => told(SpendRows, `/spend/logs?api_key=${key}`);
      await waitUntil(async () => (await rows()).length === 2, { what: 'the rows' });
      for (const row of await rows()) {
        assert.equal(row.team_id, team_id);
        assert.ok(row.request_tags.includes('of the team'), String(row.request_tags));
      }
    });

    test('PATCH /team/{id} is a route, and nothing else there', async () => {
      const team_id = await newTeam({});
      const headers = { 'content-type': 'application/json' };
      const patched = await ask(here, `/team/${team_id}`, { method: 'PATCH', headers, body: '{"team_alias":"p"}' });
      assert.equal(z.looseObject({ team_alias: z.string() }).parse(JSON.parse(patched.text)).team_alias, 'p');
      assert.equal((await ask(here, `/team/${team_id}`)).status, 405);
    });

    test("a user's budget and keys: spent everywhere, shown, and gone with the user", async () => {
      const { user_id, key } = await made(NewUser, '/user/new', { max_budget: 0.0001 });
      const second = await here.newKey({ user_id });
      await waitUntil(
        async () => (await Promise.all([key, second].map((each) => chat(there, each)))).every((r) => r.status === 429),
        { what: 'the budget is spent', deadlineMs: 20_000 },
      );
      assert.match(errorOf(await chat(here, key)).message, /^ExceededBudget: User=.* over budget\. Spend=0\.0/);
      const { user_info } = await told(UserInfo, '/user/info', key);
      assert.ok(user_info.spend > 0 && user_info.spend <= 0.0001, `${user_info.spend} USD`);
      const proxy = await told(UserInfo, '/user/info?user_id=litellm-proxy-budget');
      assert.ok(proxy.user_info.spend >= user_info.spend);

      const deleted = await post(here, '/user/delete', { user_ids: [user_id] });
      assert.deepEqual([deleted.status, deleted.text], [200, '1']);
      for (const each of [key, second]) await becomes(401, there, each);
    });
  });
}
