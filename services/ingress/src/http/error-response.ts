import { errorCatalog, GatewayError } from '@sluice/shared/errors.ts';
import { ManagementValidationError, type ValidationDetail } from './parse-body.ts';

export interface ErrorResponse {
  readonly status: number;
  readonly body: ErrorBody | { readonly detail: readonly ValidationDetail[] };
  /** Lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    /** The status, as text. */
    readonly code: string;
    /** Where errors are to name the call. */
    readonly litellm_call_id?: string;
  };
  /** Where LiteLLM answers with its framework's shape, which some clients read. */
  readonly detail?: string;
}

/**
 * The only place an error gets a status. What is not one of ours is a bug: its text stays inside.
 *
 * @param callId to name in it; absent: it names none
 */
export function toErrorResponse(error: unknown, callId?: string): ErrorResponse {
  if (error instanceof ManagementValidationError) return { status: 422, body: { detail: error.detail }, headers: {} };

  const known = error instanceof GatewayError ? error : new GatewayError('internal', 'Internal server error');
  const { code, message, param, retryAfterSeconds, headers } = known;
  const { status, type } = errorCatalog[code];
  const detail = detailOf(known);
  const named = callId !== undefined && { litellm_call_id: callId };
  return {
    status,
    body: { error: { message, type, param, code: String(status), ...named }, ...(detail !== null && { detail }) },
    headers: {
      ...headers,
      ...(retryAfterSeconds !== null && { 'retry-after': String(Math.ceil(retryAfterSeconds)) }),
    },
  };
}

function detailOf({ code, message }: GatewayError): string | null {
  if (code === 'route_not_allowed') return message;
  if (code === 'unknown_route') return 'Not Found';
  return code === 'method_not_allowed' ? 'Method Not Allowed' : null;
}
