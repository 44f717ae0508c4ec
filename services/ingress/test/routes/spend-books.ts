import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { organization, team } from '../tenancy/entities.ts';
import { openSpending, type Call, type Spending } from './open-spend.ts';

/** Books that all spend tests know by heart. Today is 2027-02-01, a Monday. */
export interface SampleBooks extends Spending {
  /** Raw. Alpha is ada's, of the team red, of acme; beta is bob's and of no team. */
  readonly alpha: string;
  readonly beta: string;
}

export async function openSampleBooks(): Promise<SampleBooks> {
  const spending = await openSpending();
  const tenancy = tenancyIn(spending.sql);
  await tenancy.organizations.insert(organization('acme'));
  await tenancy.teams.insert(team('red', { teamAlias: 'The reds', organizationId: 'acme' }));
  const alpha = await spending.generate({
    key_alias: 'alpha',
    metadata: { team: 'core' },
    user_id: 'ada',
    team_id: 'red',
    organization_id: 'acme',
  });
  const beta = await spending.generate({ key_alias: 'beta', user_id: 'bob' });
  await spending.book(...callsOf(alpha, beta));
  return { ...spending, alpha, beta };
}

const ofRed = { user: 'ada', team: 'red', organization: 'acme' } as const;

function callsOf(alpha: string, beta: string): readonly Call[] {
  const red = { ...ofRed, key: alpha, keyAlias: 'alpha' };
  const llama = { alias: 'llama', model: 'oci/meta.llama-3.3-70b-instruct' };
  return [
    {
      ...red,
      nanoUsd: 1_500_000_001,
      customer: 'c1',
      tags: ['prod', '=HYPERLINK("http://x")'],
      tokens: { input: 10, output: 5, cached: 4 },
      session: 'session-a',
      durationMs: 900,
    },
    {
      ...red,
      ...llama,
      daysAgo: 1,
      nanoUsd: 250_000_000,
      customer: 'c1',
      tags: ['prod'],
      tokens: { input: 3, output: 1 },
    },
    {
      key: beta,
      keyAlias: 'beta',
      user: 'bob',
      daysAgo: 1,
      nanoUsd: 2_000_000_000,
      tokens: { input: 1, output: 1 },
      firstTokenMs: 5,
    },
    {
      key: 'sk-deleted',
      user: 'eve',
      team: 'blue',
      daysAgo: 40,
      nanoUsd: 7_000_000_000,
      provider: 'groq',
      customer: 'c2',
    },
    { ...red, model: '', error: { code: 'rate_limited', status: 429, message: 'Rate limit exceeded.' } },
    { ...red, daysAgo: 2, error: { code: 'provider_failed', status: 500, message: 'It broke.' }, tags: ['prod'] },
  ];
}
