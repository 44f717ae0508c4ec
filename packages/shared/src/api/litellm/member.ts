import { z } from 'zod';
import { Text } from './text.ts';

/** Members that one request may name. */
export const membersMax = 500;

/** Which user: by id, or by e-mail address, which becomes a new user if nobody has it. */
export const userName = { user_id: Text.min(1).nullish(), user_email: Text.min(1).nullish() };

/** A user as a member of something, in requests; at least one of the two names is there. */
export function memberWith<Role extends z.ZodType>(role: Role) {
  return z
    .object({ role, ...userName })
    .refine(({ user_id, user_email }) => (user_id ?? user_email) != null, 'Input should have user_id or user_email');
}
