/** Every queue, stream and subject name, in one place. */
export const subjects = {
  /** Frames of all answers that one ingress waits for. */
  tokens: (inbox: string) => `sluice.tokens.${inbox}`,
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
 * The queue of an alias. The name is the alias, made safe: BullMQ refuses `:` and Redis Cluster reads `{}`.
 * Distinct aliases give distinct names.
 */
export function queueNameOf(alias: string): string {
  return `inference-${Buffer.from(alias).toString('base64url')}`;
}
