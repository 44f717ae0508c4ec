import type { IncomingHttpHeaders } from 'node:http';
import type { Authenticated } from './authenticated.ts';
import type { Authenticate } from './create-authenticate.ts';

/** The same with one answer for each request, told apart by its headers: what stands before a route asks first. */
export function oncePerRequest(authenticate: Authenticate): Authenticate {
  const answers = new WeakMap<IncomingHttpHeaders, Promise<Authenticated>>();
  return (request) => {
    const { headers } = request;
    const known = answers.get(headers);
    if (known !== undefined) return known;
    const answer = authenticate(request);
    answers.set(headers, answer);
    return answer;
  };
}
