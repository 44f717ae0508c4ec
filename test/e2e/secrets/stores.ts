import { once } from 'node:events';
import { connect as connectTo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { connect } from 'nats';
import { Client, escapeIdentifier } from 'pg';
import { z } from 'zod';
import type { Haystack } from './planted.ts';

/** Everything that is said to a Redis and over a NATS from now on, and what they hold at the end. */
export async function openWiretap({ redisUrl, natsUrl }: { redisUrl: string; natsUrl: string }) {
  const said: Haystack[] = [];
  const monitor = await openMonitor(redisUrl, (command) =>
    said.push({ where: `Redis: ${command.split(' ')[0]}`, text: command }),
  );
  const nats = await connect({ servers: natsUrl });
  nats.subscribe('>', {
    callback: (_, message) => void said.push({ where: `NATS: ${message.subject}`, text: message.string() }),
  });
  await nats.flush();
  let isOpen = true;
  return {
    said,
    /** May be done more than once. */
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      isOpen = false;
      monitor.destroy();
      await nats.close();
    },
  };
}

/**
 * Each command that anybody gives to this Redis. Not by the client's own `monitor()`, which fails when the first command
 * arrives in one piece with the answer to its own.
 */
async function openMonitor(redisUrl: string, onCommand: (command: string) => void): Promise<Socket> {
  const { hostname, port, username, password } = new URL(redisUrl);
  const socket = connectTo(Number(port), hostname).setEncoding('utf8');
  await once(socket, 'connect');
  if (password !== '') socket.write(`AUTH ${username || 'default'} ${password}\r\n`);
  socket.write('MONITOR\r\n');
  const lines = createInterface({ input: socket });
  const { promise: monitoring, resolve, reject } = Promise.withResolvers<void>();
  socket.on('error', reject);
  let pending = password === '' ? 1 : 2;
  lines.on('line', (line) => {
    if (!line.startsWith('+')) reject(new Error(`Redis said ${line}`));
    else if (pending === 0) onCommand(line.slice(line.indexOf('] ') + 2).replaceAll('\\"', '"'));
    else if ((pending -= 1) === 0) resolve();
  });
  await monitoring;
  return socket;
}

/** From now on the password that everybody has is wrong. */
export async function changeRedisPassword(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl);
  redis.on('error', () => undefined); // it is thrown out with all the others
  await redis.config('SET', 'requirepass', 'another-password');
  await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  redis.disconnect();
}

const Table = z.object({ schema: z.string(), name: z.string() });
const Row = z.object({ row: z.string() });

/** Every row of every table of every database. */
export async function rowsOf(databaseUrl: string): Promise<Haystack[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query(
      `select table_schema as schema, table_name as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    const found: Haystack[] = [];
    for (const { schema, name } of z.array(Table).parse(tables)) {
      const table = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
      const { rows } = await client.query(`select to_jsonb(t)::text as row from ${table} as t`);
      found.push(
        ...z
          .array(Row)
          .parse(rows)
          .map(({ row }) => ({ where: table, text: row })),
      );
    }
    return found;
  } finally {
    await client.end();
  }
}
