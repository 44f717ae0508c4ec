import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openNats } from '../../src/adapters/nats/open-nats.ts';
import { openNatsServer } from '../../../../test/servers/nats.ts';
import { notOurs } from '../../../../test/servers/server.ts';

const logins = [
  { kind: 'user and password', args: ['--user', 'sluice', '--pass', '4:word@home'], who: 'sluice:4%3Aword%40home' },
  { kind: 'a token', args: ['--auth', '1-token/of-ours'], who: '1-token%2Fof-ours' },
];

for (const { kind, args, who } of logins) {
  test(
    `a NATS server that wants ${kind} takes those of the URL, and no others`,
    { skip: notOurs('NATS_URL') },
    async () => {
      await using server = await openNatsServer({ jetstream: false, args });
      const place = `127.0.0.1:${server.port}`;
      await using nats = await openNats({ url: `nats://${who}@${place},nats://${place}`, name: 'test' });
      await nats.flush();
      await assert.rejects(openNats({ url: `nats://${place}`, name: 'test' }), /authorization/i);
    },
  );
}
