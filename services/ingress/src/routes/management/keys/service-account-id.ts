import { refusal } from '../limit-changes.ts';

type Metadata = Readonly<Record<string, unknown>>;

/**
 * Only POST /key/service-account/generate makes a key one of a service account. Clients may send back what is there.
 *
 * @param current of the key as it is; absent: a new one
 * @throws GatewayError invalid_management_request
 */
export function refuseServiceAccountId(asked: Metadata | null | undefined, current?: Metadata): void {
  const id = asked?.['service_account_id'];
  if (id === undefined || id === current?.['service_account_id']) return;
  throw refusal(
    'metadata.service_account_id',
    "'metadata.service_account_id' is set by POST /key/service-account/generate alone. Leave it out.",
  );
}
