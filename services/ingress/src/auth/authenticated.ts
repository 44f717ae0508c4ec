import type { Caller } from '@sluice/shared/contracts/caller.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { VirtualKey } from '../tenancy/virtual-key.ts';

export type { VirtualKey } from '../tenancy/virtual-key.ts';

/** What a key lets its holder do: what its user may, or as a bare `key` what every key may. */
export type Role =
  'proxy_admin' | 'proxy_admin_viewer' | 'org_admin' | 'internal_user' | 'internal_user_viewer' | 'key';

/** Who sent a request: the operator with the master key, or the holder of a virtual key. */
export type Authenticated =
  | { readonly role: 'proxy_admin'; readonly caller: Caller; readonly key: null; readonly principal: null }
  | {
      readonly role: Role;
      readonly caller: Caller;
      readonly key: VirtualKey;
      readonly principal: Principal;
    };
