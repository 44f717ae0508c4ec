import { spendRows, type Row } from '../faults/books.ts';
import { waitUntil } from '../servers/wait-until.ts';
import type { TestGateway } from './gateway.ts';

/** All rows of a key, once there are as many as there have to be. */
export async function bookedRows(gateway: TestGateway, key: string, count = 1): Promise<Row[]> {
  return waitUntil(
    async () => {
      const rows = await spendRows(gateway, key);
      return rows.length === count && rows;
    },
    { what: `${count} rows` },
  );
}
