import { randomBytes } from 'node:crypto';

/** For a call to which the model gave no id. */
export function newToolCallId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}
