import {
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
} from 'openai';
import type { Behaviour } from '../oci-simulator/behaviour.ts';

/** What the provider does instead of an answer, and what the client is told; litellm-contract.md §5.3. */
export const refusals: readonly {
  readonly why: string;
  readonly does: Partial<Behaviour>;
  readonly status: number;
  readonly type: string;
  readonly message: RegExp;
  readonly sdk: new (...args: never[]) => Error;
}[] = [
  {
    why: "a vendor's 400",
    does: {
      fail: { status: 400, message: '{ "error": { "message": "No such tone.", "param": "tone", "code": "bad" } }' },
    },
    status: 400,
    type: 'invalid_request_error',
    message: /^litellm\.BadRequestError: OciException - .*No such tone\./,
    sdk: BadRequestError,
  },
  {
    why: 'a prompt that is too long',
    does: { fail: { status: 400, message: "This model's maximum context length is 128000 tokens." } },
    status: 400,
    type: 'invalid_request_error',
    message: /^litellm\.ContextWindowExceededError: OciException - /,
    sdk: BadRequestError,
  },
  {
    why: 'a 401, which is no fault of the client',
    does: { fail: { status: 401 } },
    status: 401,
    type: 'authentication_error',
    message: /^litellm\.AuthenticationError: OciException - /,
    sdk: AuthenticationError,
  },
  {
    why: 'a 403',
    does: { fail: { status: 403 } },
    status: 403,
    type: 'permission_error',
    message: /^litellm\.PermissionDeniedError: OciException - /,
    sdk: PermissionDeniedError,
  },
  {
    why: 'a 404',
    does: { fail: { status: 404 } },
    status: 404,
    type: 'not_found_error',
    message: /^litellm\.NotFoundError: OciException - /,
    sdk: NotFoundError,
  },
  {
    why: "a proxy's 500 in HTML",
    does: { fail: { status: 500, html: true, message: 'Oops' } },
    status: 500,
    type: 'internal_server_error',
    message: /^litellm\.InternalServerError: OciException - .*Oops/s,
    sdk: InternalServerError,
  },
  {
    why: 'a 503',
    does: { fail: { status: 503 } },
    status: 503,
    type: 'internal_server_error',
    message: /^litellm\.ServiceUnavailableError: OciException - /,
    sdk: InternalServerError,
  },
  {
    why: 'a connection that breaks',
    does: { drop: true },
    status: 500,
    type: 'internal_server_error',
    message: /^litellm\.APIConnectionError: OciException - Connection error\./,
    sdk: InternalServerError,
  },
];
