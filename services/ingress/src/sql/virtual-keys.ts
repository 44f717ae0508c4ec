import type { Sql } from '@sluice/shared/ports/sql.ts';
import { countKeysOfUsers } from './count-keys-of-users.ts';
import { deleteVirtualKeys } from './delete-virtual-keys.ts';
import { findPrincipal } from './find-principal.ts';
import { findVirtualKeyByAlias } from './find-virtual-key-by-alias.ts';
import { findVirtualKey } from './find-virtual-key.ts';
import { findVirtualKeys } from './find-virtual-keys.ts';
import { insertVirtualKey } from './insert-virtual-key.ts';
import { listKeyAliases } from './list-key-aliases.ts';
import { listVirtualKeys } from './list-virtual-keys.ts';
import { lockVirtualKeys } from './lock-virtual-keys.ts';
import { replaceVirtualKey } from './replace-virtual-key.ts';
import { setVirtualKeyBlocked } from './set-virtual-key-blocked.ts';
import { updateVirtualKey } from './update-virtual-key.ts';

/** All that can be done with stored keys, on one database. */
export function virtualKeysIn(sql: Sql) {
  return {
    insert: insertVirtualKey.bind(null, sql),
    find: findVirtualKey.bind(null, sql),
    findPrincipal: findPrincipal.bind(null, sql),
    findByAlias: findVirtualKeyByAlias.bind(null, sql),
    lock: lockVirtualKeys.bind(null, sql),
    findMany: findVirtualKeys.bind(null, sql),
    update: updateVirtualKey.bind(null, sql),
    replace: replaceVirtualKey.bind(null, sql),
    setBlocked: setVirtualKeyBlocked.bind(null, sql),
    delete: deleteVirtualKeys.bind(null, sql),
    countOfUsers: countKeysOfUsers.bind(null, sql),
    list: listVirtualKeys.bind(null, sql),
    aliases: listKeyAliases.bind(null, sql),
  };
}

export type VirtualKeys = ReturnType<typeof virtualKeysIn>;
