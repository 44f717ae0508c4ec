import { z } from 'zod';

/** What can be done to an object, in LiteLLM's words: `rotated` is a key that was regenerated. */
export const AuditAction = z.enum(['created', 'updated', 'deleted', 'blocked', 'unblocked', 'rotated']);
export type AuditAction = z.infer<typeof AuditAction>;

/** What is audited, by LiteLLM's names of its tables. */
export const AuditedTable = z.enum([
  'LiteLLM_VerificationToken',
  'LiteLLM_TeamTable',
  'LiteLLM_TeamMembership',
  'LiteLLM_UserTable',
  'LiteLLM_OrganizationTable',
  'LiteLLM_OrganizationMembership',
  'LiteLLM_EndUserTable',
  'LiteLLM_BudgetTable',
  'LiteLLM_TagTable',
]);
export type AuditedTable = z.infer<typeof AuditedTable>;

/** A change of one object. */
export interface Change {
  readonly action: AuditAction;
  readonly tableName: AuditedTable;
  /** A key's is its hash. */
  readonly objectId: string;
  /** The object as answers show it, in LiteLLM's words; secrets are masked when it is written. null: there was none. */
  readonly before: object | null;
  /** null: there is none any more. */
  readonly after: object | null;
}

/** Who made a change, and with which request. */
export interface ChangedBy {
  readonly at: number;
  /** What `litellm-changed-by` says, or else the caller's user id; `role` and `keyHash` are what the caller is. */
  readonly changedBy: string;
  readonly role: string;
  readonly userId: string | null;
  readonly keyHash: string;
  readonly keyName: string | null;
  readonly requestId: string;
  readonly ipAddress: string | null;
}

/** One line of the audit log. */
export interface AuditLine extends Change, ChangedBy {
  readonly id: string;
}
