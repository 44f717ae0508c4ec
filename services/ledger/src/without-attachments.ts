import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';

/** The event without what others attached to it: the money and the ids are all there, free text and metadata are not. */
export function withoutAttachments(event: UsageEvent): UsageEvent {
  const { caller, origin, error } = event;
  return {
    ...event,
    caller: { ...caller, keyAlias: null, keyName: null, metadata: {} },
    origin: {
      litellmCallId: origin.litellmCallId,
      ipAddress: null,
      endUser: null,
      sessionId: null,
      tags: [],
      metadata: {},
    },
    error: error === null ? null : { ...error, message: '' },
  };
}
