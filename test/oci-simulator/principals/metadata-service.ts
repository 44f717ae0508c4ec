import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciFailure } from '../failure.ts';
import type { Principals } from './principals.ts';

export const metadataPrefix = '/opc/v2/';

/** What an instance can ask about itself (§2.5). @throws OciFailure 401 without the header that version 2 wants */
export async function metadata(
  principals: Principals,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  principals.count('metadata');
  if (principals.behaviour().drop) return void request.socket.destroy();
  if (request.headers.authorization !== 'Bearer Oracle') throw new OciFailure(401, 'Unauthorized', { by: 'gateway' });
  const text = await textOf(principals, request.url?.slice(metadataPrefix.length) ?? '');
  if (text === null || request.method !== 'GET') throw new OciFailure(404, 'Not found', { by: 'gateway' });
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

async function textOf(principals: Principals, path: string): Promise<string | null> {
  switch (path) {
    case 'instance/region':
      return 'iad';
    case 'instance/regionInfo':
    case 'instance/regionInfo/':
      return JSON.stringify({
        realmKey: 'oc1',
        realmDomainComponent: 'oraclecloud.com',
        regionKey: 'IAD',
        regionIdentifier: 'us-ashburn-1',
      });
    case 'identity/cert.pem':
      return (await principals.instance()).leaf.certificatePem;
    case 'identity/key.pem':
      return (await principals.instance()).leaf.keyPem;
    case 'identity/intermediate.pem':
      return (await principals.instance()).intermediate.certificatePem;
    default:
      return null;
  }
}
