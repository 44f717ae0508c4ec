import type { Behaviour } from '../oci-simulator/behaviour.ts';

/** The part of a chat request that tells the simulator what to do. */
export function steered(does: Partial<Behaviour>) {
  return {
    messages: [{ role: 'user' as const, content: `Hello. #sim ${JSON.stringify({ outputTokens: 40, ...does })}` }],
  };
}
