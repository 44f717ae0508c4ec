import type { TagRequest } from '@sluice/shared/api/litellm/tag.ts';
import { userAgentTag } from '@sluice/shared/contracts/caller.ts';
import type { Tag } from '../../../tenancy/tag.ts';
import { refusal } from '../limit-changes.ts';
import { refuseUnsupportedOf, unsupportedOfBudgets } from '../unsupported-fields.ts';

/** What an operator may set on a tag besides its budget; what is not there stays as it is. */
export type TagChanges = Partial<Pick<Tag, 'description' | 'models'>>;

/**
 * What a request sets on a tag, in our words. Only what it names is in the result.
 *
 * @param body the request as it was sent
 * @throws GatewayError invalid_management_request for what nothing here would obey
 */
export function tagChangesOf(fields: TagRequest, body: unknown, { isNew }: { isNew: boolean }): TagChanges {
  refuseUnsupportedOf(body, unsupportedOfBudgets, { isNew });
  if (fields.name.startsWith(userAgentTag)) {
    throw refusal('name', `name: '${userAgentTag}…' names a client's program: no limit of it would be enforced.`);
  }
  return {
    ...(fields.description !== undefined && { description: fields.description }),
    ...(fields.models != null && { models: fields.models }),
  };
}
