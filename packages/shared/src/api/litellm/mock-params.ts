import { z } from 'zod';

/** Fields that ask for a failure that does not happen; only if the operator allows it. */
export const mockTestingParams = [
  'mock_testing_fallbacks',
  'mock_testing_context_fallbacks',
  'mock_testing_content_policy_fallbacks',
  'mock_testing_rate_limit_error',
  'mock_timeout',
] as const;

/** UTF-16 units. */
export const mockResponseMax = 65_536;

/** What a chat is answered instead of being sent to a provider, or the name of an error. */
export const MockResponse = z.string().min(1).max(mockResponseMax);

const flag = z.boolean().nullish();

/** What a request says about answers and failures that are made up (litellm-contract.md §8.5). */
export const mockParams = {
  mock_response: MockResponse.nullish(),
  mock_timeout: flag,
  mock_testing_fallbacks: flag,
  mock_testing_context_fallbacks: flag,
  mock_testing_content_policy_fallbacks: flag,
  mock_testing_rate_limit_error: flag,
} as const satisfies Record<(typeof mockTestingParams)[number] | 'mock_response', z.ZodType>;

const MockParams = z.object(mockParams);
export type MockParams = z.infer<typeof MockParams>;

const names = Object.keys(mockParams);

/** What a body says, which the ingress has checked; nothing for what it would have refused. */
export function mockParamsIn(body: Readonly<Record<string, unknown>>): MockParams {
  // Few bodies say anything, and every request's is asked.
  if (!names.some((name) => Object.hasOwn(body, name))) return {};
  const parsed = MockParams.safeParse(body);
  return parsed.success ? parsed.data : {};
}
