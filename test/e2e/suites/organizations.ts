import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, errorOf } from '../ask.ts';
import type { Reply } from '../ask.ts';
import type { TestGateway } from '../gateway.ts';
import { becomes, spendAll, type SharedIngresses } from '../two-ingresses.ts';

const Organization = z.looseObject({ organization_id: z.string(), spend: z.number() });
const OrganizationInfo = Organization.extend({
  teams: z.array(z.looseObject({ team_id: z.string(), spend: z.number() })),
  members: z.array(z.looseObject({ user_id: z.string(), spend: z.number() })),
});

export function organizations({ open }: SharedIngresses): void {
  describe('organizations and budgets over HTTP, on two ingresses', () => {
    let here: TestGateway;
    let there: TestGateway;

    before(async () => {
      ({ here, there } = await open());
    });

    function send(what: string, body: object): Promise<Reply> {
      const [method = '', path = ''] = what.split(' ');
      const headers = { 'content-type': 'application/json' };
      return ask(here, path, { method, headers, body: JSON.stringify(body) });
    }

    async function made<T>(schema: z.ZodType<T>, what: string, body: object): Promise<T> {
      const reply = await send(what, body);
      assert.equal(reply.status, 200, `${what}: ${reply.text}`);
      return schema.parse(JSON.parse(reply.text));
    }

    const done = (what: string, body: object) => made(z.unknown(), what, body);
    const newOrganization = async (body: object) =>
      (await made(Organization, 'POST /organization/new', { organization_alias: 'An organization', ...body }))
        .organization_id;

    /** The id of a new team of an organization. */
    async function newTeam(organization_id: string): Promise<string> {
      return (await made(z.looseObject({ team_id: z.string() }), 'POST /team/new', { organization_id })).team_id;
    }

    async function infoOf(id: string) {
      const reply = await ask(here, `/organization/info?organization_id=${id}`);
      return OrganizationInfo.parse(JSON.parse(reply.text));
    }

    const becomeEverywhere = async (status: number, keys: readonly string[]) => {
      for (const key of keys) for (const at of [here, there]) await becomes(status, at, key);
    };

    test("an organization's budget stops the keys of all its teams, everywhere, and the books say how", async () => {
      const organization_id = await newOrganization({ max_budget: 0.0003 });
      const teams = [await newTeam(organization_id), await newTeam(organization_id)];
      const keys = await Promise.all(teams.map((team_id) => here.newKey({ team_id })));
      const outsider = await here.newKey({});
      const spent = await spendAll({ here, there }, keys, `Organization=${organization_id}`);
      assert.equal((await chat(there, outsider)).status, 200, 'a key of none is not stopped');
      assert.ok(spent > 0 && spent <= 0.0003, `${spent} USD`);
      await waitUntil(async () => Math.abs((await infoOf(organization_id)).spend - spent) < 1e-9, {
        what: 'the books have it',
      });
      const { teams: rows } = await infoOf(organization_id);
      assert.ok(Math.abs(rows.reduce((sum, { spend }) => sum + spend, 0) - spent) < 1e-9, 'its teams spent it all');

      await done('PATCH /organization/update', { organization_id, max_budget: 1 });
      await becomeEverywhere(200, keys);
    });

    test('what /budget/update says counts for all that have the budget, up and down', async () => {
      await done('POST /budget/new', { budget_id: 'gold', max_budget: 0 });
      const team_id = await newTeam(await newOrganization({ budget_id: 'gold' }));
      const keys = [await here.newKey({ team_id }), await here.newKey({ budget_id: 'gold' })];
      await becomeEverywhere(429, keys);
      await done('POST /budget/update', { budget_id: 'gold', max_budget: 1 });
      await becomeEverywhere(200, keys);
      await done('POST /budget/update', { budget_id: 'gold', max_budget: 0 });
      await becomeEverywhere(429, keys);
      assert.equal((await send('POST /budget/delete', { id: 'gold' })).status, 409);
    });

    test("an organization's models are all that its teams' keys may use, whatever they list", async () => {
      const organization_id = await newOrganization({ models: ['llama'] });
      const team_id = await newTeam(organization_id);
      const key = await here.newKey({ team_id, models: ['llama', 'grok'] });
      assert.equal((await chat(there, key)).status, 200);
      const refused = errorOf(await chat(there, key, { model: 'grok' }));
      assert.equal(refused.type, 'org_model_access_denied');
      await done('PATCH /organization/update', { organization_id, models: [] });
      await becomes(200, there, key, { model: 'grok' });
    });

    test('a model has limits of its own in an organization', async () => {
      const organization_id = await newOrganization({ model_max_budget: { grok: { max_budget: 0 } } });
      const key = await here.newKey({ organization_id });
      const refused = errorOf(await chat(there, key, { model: 'grok' }));
      assert.equal(refused.message, `LiteLLM Organization: ${organization_id}, exceeded budget for model=grok`);
      assert.equal((await chat(there, key)).status, 200, 'and no other model');
    });

    test("a member's budget in an organization stops their keys there, and nobody else's", async () => {
      const organization_id = await newOrganization({});
      const member = { role: 'internal_user', user_id: 'bea' };
      await done('POST /organization/member_add', { organization_id, member, max_budget_in_organization: 0 });
      const [beas, adas, elsewhere] = await Promise.all([
        here.newKey({ organization_id, user_id: 'bea', models: ['llama'] }),
        here.newKey({ organization_id, user_id: 'ada' }),
        here.newKey({ team_id: await newTeam(organization_id) }),
      ]);
      for (const key of [adas, elsewhere]) assert.equal((await chat(there, key)).status, 200);
      await done('POST /user/update', { user_id: 'bea', models: ['llama'] });
      await becomeEverywhere(429, [beas]);
      assert.match(errorOf(await chat(here, beas)).message, /^Budget has been exceeded! User=bea in Organization=/);
      await done('PATCH /organization/member_update', {
        organization_id,
        user_id: 'bea',
        max_budget_in_organization: 1,
      });
      await becomeEverywhere(200, [beas]);
    });

    test('each route takes the method of the contract alone', async () => {
      for (const [path, method, others] of [
        ['/organization/new', 'POST', ['GET', 'PATCH', 'DELETE']],
        ['/organization/update', 'PATCH', ['GET', 'POST', 'DELETE']],
        ['/organization/delete', 'DELETE', ['GET', 'POST', 'PATCH']],
        ['/organization/list', 'GET, HEAD', ['POST', 'PATCH', 'DELETE']],
        ['/organization/info', 'GET, HEAD', ['POST', 'PATCH', 'DELETE']],
        ['/organization/member_add', 'POST', ['GET', 'PATCH', 'DELETE']],
        ['/organization/member_update', 'PATCH', ['GET', 'POST', 'DELETE']],
        ['/organization/member_delete', 'DELETE', ['GET', 'POST', 'PATCH']],
        ['/budget/new', 'POST', ['GET', 'PATCH', 'DELETE']],
        ['/budget/update', 'POST', ['GET', 'PATCH', 'DELETE']],
        ['/budget/info', 'POST', ['GET', 'PATCH', 'DELETE']],
        ['/budget/list', 'GET, HEAD', ['POST', 'PATCH', 'DELETE']],
        ['/budget/settings', 'GET, HEAD', ['POST', 'PATCH', 'DELETE']],
        ['/budget/delete', 'POST', ['GET', 'PATCH', 'DELETE']],
      ] as const) {
        for (const other of others) {
          const { status, headers } = await ask(here, path, { method: other });
          assert.deepEqual([status, headers.get('allow')], [405, method], `${other} ${path}`);
        }
      }
      assert.equal((await send('DELETE /organization/delete', { organization_ids: ['nowhere'] })).status, 404);
    });
  });
}
