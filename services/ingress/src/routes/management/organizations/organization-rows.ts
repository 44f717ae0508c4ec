import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import { unlimited } from '../../../tenancy/limits.ts';
import { mainAccountOf } from '../../../tenancy/main-account.ts';
import type { Organization, OrganizationMember } from '../../../tenancy/organization.ts';
import { pairId } from '../../../tenancy/pair-id.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import { budgetsById } from '../holder-budget.ts';
import type { Row } from '../row.ts';
import { organizationInfoOf, organizationMemberInfoOf } from './organization-info-of.ts';
import type { FoundOrganization, FoundOrganizationMember } from './organization-info-of.ts';

interface OrganizationRowsDeps {
  readonly reports: Pick<SpendReports, 'balancesOf'>;
  readonly windows: WindowRules;
  readonly now: () => number;
}

interface OrganizationsAndMembers<O, M> {
  readonly organizations?: readonly O[];
  readonly members?: readonly M[];
}

/** Organizations and members with what limits them, each list in the order given. */
export async function withTheirBudgets(
  { organizations = [], members = [] }: OrganizationsAndMembers<Organization, OrganizationMember>,
  { budgets }: Pick<Tenancy, 'budgets'>,
): Promise<Required<OrganizationsAndMembers<FoundOrganization, FoundOrganizationMember>>> {
  const byId = await budgetsById(
    [...organizations, ...members].map(({ budgetId }) => budgetId),
    { budgets },
  );
  const budgetOf = ({ budgetId }: { readonly budgetId: string | null }) => byId.get(budgetId ?? '') ?? null;
  return {
    organizations: organizations.map((organization) => ({ organization, budget: budgetOf(organization) })),
    members: members.map((member) => ({ member, budget: budgetOf(member) })),
  };
}

/** Organizations and members as answers show them, each list in the order given, with one question to the books. */
export async function organizationRowsOf(
  { organizations = [], members = [] }: OrganizationsAndMembers<FoundOrganization, FoundOrganizationMember>,
  { reports, windows, now }: OrganizationRowsDeps,
): Promise<Required<OrganizationsAndMembers<Row, Row>>> {
  const time = now();
  const balances = await reports.balancesOf([
    ...organizations.map(({ organization: { organizationId }, budget }) =>
      mainAccountOf(`organization:${organizationId}`, budget ?? unlimited, time, windows),
    ),
    ...members.map(({ member: { organizationId, userId }, budget }) =>
      mainAccountOf(pairId('organization-member', organizationId, userId), budget ?? unlimited, time, windows),
    ),
  ]);
  return {
    organizations: organizations.map((each, index) => organizationInfoOf(each, balances[index], time, windows)),
    members: members.map((each, index) =>
      organizationMemberInfoOf(each, balances[organizations.length + index], time, windows),
    ),
  };
}

/** One organization as answers show it. */
export async function organizationRowOf(found: FoundOrganization, deps: OrganizationRowsDeps): Promise<Row> {
  const [row] = (await organizationRowsOf({ organizations: [found] }, deps)).organizations;
  if (!row) throw new Error('an organization without a row');
  return row;
}
