import type { VirtualKey } from '../auth/authenticated.ts';
import type { Budget } from './budget.ts';
import type { Customer } from './customer.ts';
import type { Organization, OrganizationMember } from './organization.ts';
import type { Tag } from './tag.ts';
import type { Member, Team } from './team.ts';
import type { User } from './user.ts';

/** A key and all that it belongs to. null: there is none, or nobody has made it. */
export interface Principal {
  readonly key: VirtualKey;
  readonly keyBudget: Budget | null;
  readonly team: Team | null;
  readonly member: Member | null;
  /** The member's, or the team's for members without one. */
  readonly memberBudget: Budget | null;
  readonly user: User | null;
  /** The key's, or its team's. */
  readonly organization: Organization | null;
  readonly organizationBudget: Budget | null;
  readonly organizationMember: OrganizationMember | null;
  /** The key's user administers an organization, this one or another. */
  readonly isOrganizer: boolean;
  readonly organizationMemberBudget: Budget | null;
  /** Epoch milliseconds; when this was asked for by a key that was replaced: how long that one works. */
  readonly replacedUntil: number | null;
}

/** What is known of a request's end user; without a row, what holds for those. */
export interface KnownCustomer {
  readonly customer: Customer | null;
  readonly budget: Budget | null;
}

export interface KnownTag {
  readonly tag: Tag;
  readonly budget: Budget | null;
}
