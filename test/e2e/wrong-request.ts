import { chat, type Reply } from './ask.ts';
import type { TestGateway } from './gateway.ts';

/** What requests are made with, by what is wrong with it. */
export interface Keys {
  readonly good: string;
  readonly expired: string;
  readonly blocked: string;
  readonly deleted: string;
  readonly onlyGrok: string;
}

export interface Wrong {
  readonly why: string;
  readonly send: (gateway: TestGateway, keys: Keys) => Promise<Reply>;
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly message: RegExp;
}

export const chatPath = '/v1/chat/completions';
export const invalid = { status: 400, type: 'invalid_request_error' } as const;

export const withKey =
  (name: keyof Keys, fields: Record<string, unknown> = {}) =>
  (gateway: TestGateway, keys: Keys) =>
    chat(gateway, keys[name], fields);
