/** Every queue, stream and subject name, in one place. */
export const subjects = {
  /** Frames of all answers that one ingress waits for. */
  tokens: (inbox: string) => `sluice.tokens.${inbox}`,
  /** Questions to one ingress, whether it waits for an answer. */
  awaited: (inbox: string) => `sluice.awaited.${inbox}`,
  cancel: 'sluice.cancel',
  usage: 'sluice.usage',
  /** Questions for which models there are; one worker answers each. */
  catalog: 'sluice.catalog',
} as const;

export const streams = {
  /** JetStream stream that holds usage events until the ledger has booked them. */
  usage: 'SLUICE_USAGE',
  /** The ledger's durable consumer on it. */
  ledgerConsumer: 'ledger',
} as const;

/**
 * The name that a queue has at BullMQ: its own, made safe, since BullMQ refuses `:` and Redis Cluster reads `{}`.
 * Distinct queues have distinct names.
 */
export function queueNameOf(queue: string): string {
  return `inference-${Buffer.from(queue).toString('base64url')}`;
}
