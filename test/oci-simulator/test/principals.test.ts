import assert from 'node:assert/strict';
import { generateKeyPairSync, hash, sign, X509Certificate } from 'node:crypto';
import { request as openRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { test } from 'node:test';
import { createCertificate } from '../principals/certificate.ts';
import { identity, jsonOf, openSimulator, pick } from './signed-call.ts';

const session = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey = session.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const bearer = { authorization: 'Bearer Oracle' };

test('the certificates are a chain that OpenSSL accepts, with the tenancy in the leaf', async () => {
  await using simulator = await openSimulator();
  const { leaf, intermediate } = await simulator.principals.instance();
  const certificate = new X509Certificate(leaf.certificatePem);
  const issuer = new X509Certificate(intermediate.certificatePem);
  assert.ok(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
  assert.ok(certificate.checkPrivateKey(leaf.privateKey));
  assert.ok(issuer.ca && !certificate.ca);
  assert.ok(certificate.subject.includes(`OU=opc-tenant:${identity.tenancy}`), certificate.subject);
  assert.ok(certificate.validFromDate < new Date() && certificate.validToDate > new Date());
});

for (const [path, expected] of [
  ['instance/region', /^iad$/],
  ['identity/cert.pem', /^-----BEGIN CERTIFICATE-----\n/],
  ['identity/key.pem', /^-----BEGIN RSA PRIVATE KEY-----\n/],
  ['identity/intermediate.pem', /^-----BEGIN CERTIFICATE-----\n/],
] as const) {
  test(`metadata: ${path} for who says Bearer Oracle, else 401`, async () => {
    await using simulator = await openSimulator();
    const url = `${simulator.url}/opc/v2/${path}`;
    const refused = await fetch(url);
    assert.equal(refused.status, 401);
    await refused.arrayBuffer();
    assert.match(await (await fetch(url, { headers: bearer })).text(), expected);
  });
}

const strangers = {
  'the leaf of the instance': { stranger: false, spoil: false, status: 200 },
  'a signature by another key': { stranger: false, spoil: true, status: 401 },
  'a leaf of another authority': { stranger: true, spoil: false, status: 401 },
};

for (const [why, { stranger, spoil, status }] of Object.entries(strangers)) {
  test(`federation: ${status} for ${why}`, async () => {
    await using simulator = await openSimulator();
    const { leaf, intermediate } = await simulator.principals.instance();
    const shown = stranger ? await createCertificate({ subject: leaf.subject }) : leaf;
    const certificate = new X509Certificate(shown.certificatePem);
    const body = JSON.stringify({
      certificate: certificate.raw.toString('base64'),
      publicKey,
      intermediateCertificates: [new X509Certificate(intermediate.certificatePem).raw.toString('base64')],
      purpose: 'DEFAULT',
    });
    const headers = {
      date: new Date().toUTCString(),
      host: new URL(simulator.url).host,
      'content-type': 'application/json',
      'content-length': String(body.length),
      'x-content-sha256': hash('sha256', body, 'base64'),
    };
    const { date, host, ...rest } = headers;
    const lines = [`date: ${date}`, '(request-target): post /v1/x509', `host: ${host}`].concat(
      Object.entries(rest).map(([name, value]) => `${name}: ${value}`),
    );
    const key = spoil ? session.privateKey : shown.privateKey;
    const signature = sign('sha256', Buffer.from(lines.join('\n')), key).toString('base64');
    const keyId = `${identity.tenancy}/fed-x509/${certificate.fingerprint.toLowerCase()}`;
    const names = 'date (request-target) host content-type content-length x-content-sha256';
    const authorization = `Signature version="1",keyId="${keyId}",algorithm="rsa-sha256",headers="${names}",signature="${signature}"`;
    const reply = await post(`${simulator.url}/v1/x509`, { ...headers, authorization }, body);
    assert.equal(reply.status, status, reply.text);
    assert.equal(simulator.principals.counts().issuedTokens, status === 200 ? 1 : 0);
    if (status !== 200) return;
    const token = String(pick(jsonOf(reply.text), 'token'));
    const claims = jsonOf(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    assert.equal(Number(pick(claims, 'exp')) - Number(pick(claims, 'iat')), 3600);
    const jwk = jsonOf(String(pick(claims, 'jwk')));
    assert.equal(pick(jwk, 'n'), session.publicKey.export({ format: 'jwk' })['n']);
  });
}

/** With these headers: `fetch` would not send a date or a host of ours. */
async function post(url: string, headers: Record<string, string>, body: string) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = openRequest(url, { method: 'POST', headers, agent: false });
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.end(body);
  });
  return { status: response.statusCode, text: await readText(response) };
}

test('admin: another process can set how tokens live, count them and revoke them', async () => {
  await using simulator = await openSimulator();
  const admin = (method: string, path: string, body?: object) =>
    fetch(`${simulator.url}/_simulator/${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
  assert.equal((await admin('PUT', 'principals', { tokenLifeS: 5 })).status, 204);
  assert.equal((await admin('PUT', 'principals', { tokenLife: 5 })).status, 400);
  assert.equal(simulator.principals.behaviour().tokenLifeS, 5);
  await simulator.principals.issue(session.publicKey);
  assert.equal(pick(await (await admin('GET', 'principals')).json(), 'issuedTokens'), 1);
  assert.equal((await admin('DELETE', 'tokens')).status, 204);
});
