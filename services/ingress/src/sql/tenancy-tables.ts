import type { Sql } from '@sluice/shared/ports/sql.ts';
import { Budget } from '../tenancy/budget.ts';
import { Customer } from '../tenancy/customer.ts';
import { Organization, OrganizationMember } from '../tenancy/organization.ts';
import { Tag } from '../tenancy/tag.ts';
import { Member, Team } from '../tenancy/team.ts';
import { User } from '../tenancy/user.ts';
import { VirtualKey } from '../tenancy/virtual-key.ts';
import { entitiesIn } from './entity-table.ts';
import type { EntityTable } from './entity-table.ts';

/** What each kind is stored in. */
export const tables = {
  keys: { name: 'ingress.virtual_keys', ids: ['hash'], schema: VirtualKey } satisfies EntityTable<VirtualKey>,
  budgets: { name: 'ingress.budgets', ids: ['budgetId'], schema: Budget } satisfies EntityTable<Budget>,
  organizations: {
    name: 'ingress.organizations',
    ids: ['organizationId'],
    schema: Organization,
  } satisfies EntityTable<Organization>,
  organizationMembers: {
    name: 'ingress.organization_members',
    ids: ['organizationId', 'userId'],
    schema: OrganizationMember,
  } satisfies EntityTable<OrganizationMember>,
  teams: { name: 'ingress.teams', ids: ['teamId'], schema: Team } satisfies EntityTable<Team>,
  members: { name: 'ingress.team_members', ids: ['teamId', 'userId'], schema: Member } satisfies EntityTable<Member>,
  users: { name: 'ingress.users', ids: ['userId'], schema: User } satisfies EntityTable<User>,
  customers: {
    name: 'ingress.customers',
    ids: ['customerId'],
    schema: Customer,
  } satisfies EntityTable<Customer>,
  tags: { name: 'ingress.tags', ids: ['name'], schema: Tag } satisfies EntityTable<Tag>,
};

/** All that can be done with what keys belong to and are limited by, on one database. */
export function tenancyIn(sql: Sql) {
  return {
    keys: entitiesIn<VirtualKey>(sql, tables.keys),
    budgets: entitiesIn<Budget>(sql, tables.budgets),
    organizations: entitiesIn<Organization>(sql, tables.organizations),
    organizationMembers: entitiesIn<OrganizationMember>(sql, tables.organizationMembers),
    teams: entitiesIn<Team>(sql, tables.teams),
    members: entitiesIn<Member>(sql, tables.members),
    users: entitiesIn<User>(sql, tables.users),
    customers: entitiesIn<Customer>(sql, tables.customers),
    tags: entitiesIn<Tag>(sql, tables.tags),
  };
}

export type Tenancy = ReturnType<typeof tenancyIn>;
