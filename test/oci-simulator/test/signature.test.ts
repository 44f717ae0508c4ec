import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSignatureVerifier, type SignedRequest } from '../signature.ts';
import { genericCall, openSimulator, send } from './signed-call.ts';

const at = Date.parse('2026-11-21T08:00:00Z');

// §2.3, made with oci-common's own signer.
const publicKeyPem = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0VnQoBZ+0XkScL5v9YeS
4PkyAmbhCcKD0d2KPI+KSA+UeZw5FZ0gNb+teT9OjZwaYFKGLNoM/44M7IvC7IWr
EwnfmxW6O89XxipYHEJxlDUf5CBgwOfxdalJaKmN4O51CgsjayxStNiPZz+5pFa9
Feq+Uj0o1Z4YfxfAjAC+khH262VR6SX3eCXtmtdnRufQCVWvmdRI/uHou4YKo3aF
FVMeSDhRkPx6dZL+LqCvPTXQr1lYyecHlMjPFAKMl1EguVW0n/gKm1HBaS/7FIT0
jQt3qqE2ybKFLIM2w6gJlz6KG4xi+eY58aS1CMag/Sb2tZa4TwqHlQAf7WtLVU7Y
OwIDAQAB
-----END PUBLIC KEY-----`;
const keyId = 'ocid1.tenancy.oc1..sim/ocid1.user.oc1..sim/86:61:d4:00:b9:3a:cf:3d:d9:8d:52:e2:f4:eb:75:6e';
const compartmentId = 'ocid1.compartment.oc1..sim';

function claim(names: string, signature: string): string {
  return `Signature version="1",keyId="${keyId}",algorithm="rsa-sha256",headers="${names}",signature="${signature}"`;
}

const post: SignedRequest = {
  method: 'POST',
  target: '/20231130/actions/chat',
  body: Buffer.from(`{"compartmentId":"${compartmentId}"}`),
  headers: {
    'x-date': 'Sat, 21 Nov 2026 08:00:00 GMT',
    date: 'Thu, 01 Jan 1970 00:00:00 GMT', // unsigned, so it does not count
    host: 'inference.generativeai.us-chicago-1.oci.oraclecloud.com',
    'content-type': 'application/json',
    'content-length': '46',
    'x-content-sha256': 'OaP7RfQaEIGuITdrlZkozrWOq2ZV0DJRvVSmJNHYDpo=',
    authorization: claim(
      'x-date (request-target) host Content-Type Content-Length x-content-sha256',
      'cZt9AyfGHxMxVgdHBl7PWfpcvaQDSfOjeoQg8/cAEf6Pi+C3m+oURPVtLisG0tRhGetieK32TsxASAm7KGTBSOzqcX9X4MwjqmSpRAtSj6s7PZZCbdvDY7kBIwkbjGxGXIHHiTJUL2SQ/Wj87dQwX7YuG/jihgjoWE3egAdb6korCZQF8dMLXo13A4d4UjFiDH9Z5vOEudK90hxilU8SUxMOSbXn0JPgV6TrdOlbefWRZvPyPEIdpLCdyZukB1cLL9A8Pg5JtIaMkXjdPpwdCViE54Ii1gGj2NAbXPUi76KNhEqJ/WZWhwDeGeEKQV+I7wRkkX2OvSvmE0wXvZRamg==',
    ),
  },
};

const get: SignedRequest = {
  method: 'GET',
  target: `/20231130/models?compartmentId=${compartmentId}&capability=CHAT&limit=50`,
  body: Buffer.alloc(0),
  headers: {
    'x-date': 'Sat, 21 Nov 2026 08:00:00 GMT',
    host: 'generativeai.us-chicago-1.oci.oraclecloud.com',
    authorization: claim(
      'x-date (request-target) host',
      'glV7bsy48fojsJ02s/bA+k92Niak9DdKqH2OpOHgsUYp5HmlaCn4v7N1dvw0q3yYkNmzauYYbKlK+7y3NJxkpSIP0nIqhI7US1KBw+VG/o1xPptDHIhRyKi952NtYUMWssRF+x0wYxYtfjvDXhHgy1CfRtpZD3xIrDIIF9IOS31PmgwnyMEqlXgkIpjB2FqYmQ58FF4qmAt00ED9MTmh6bD5XAh/khNZJWqexl55O/+XPlL9VxfQbZIjkKzZ/Z+1GZ7VNl4y065LubYfwdOaw/835qCduPdR7rX0c7jvM3BJ9QQsPE8HDTmVcjbKAv0gOm9QmHrSqtxS2DmK0/3p1w==',
    ),
  },
};

const identity = { keyId, publicKeyPem, compartmentId };

function withHeader(request: SignedRequest, name: string, value: string): SignedRequest {
  return { ...request, headers: { ...request.headers, [name]: value } };
}

const authorization = post.headers.authorization ?? '';

const cases: readonly { why: string; request: SignedRequest; now?: number; accepted: boolean }[] = [
  { why: 'the POST vector', request: post, accepted: true },
  { why: 'the GET vector', request: get, accepted: true },
  { why: '300 s late', request: post, now: at + 300_000, accepted: true },
  { why: '301 s late', request: post, now: at + 301_000, accepted: false },
  { why: '301 s early', request: post, now: at - 301_000, accepted: false },
  {
    why: 'another body',
    request: { ...post, body: Buffer.from(post.body.toString().replace('sim', 'sam')) },
    accepted: false,
  },
  { why: 'another target', request: { ...post, target: '/20231130/actions/embedText' }, accepted: false },
  { why: 'another host', request: withHeader(post, 'host', 'localhost:1'), accepted: false },
  { why: 'another digest', request: withHeader(post, 'x-content-sha256', 'AAAA'), accepted: false },
  { why: 'no authorization', request: withHeader(post, 'authorization', ''), accepted: false },
  { why: 'a bearer token', request: withHeader(post, 'authorization', 'Bearer sk-1'), accepted: false },
  {
    why: 'version 2',
    request: withHeader(post, 'authorization', authorization.replace('"1"', '"2"')),
    accepted: false,
  },
  {
    why: 'an unknown key',
    request: withHeader(post, 'authorization', authorization.replace('86:', '87:')),
    accepted: false,
  },
  {
    why: 'a body that is not signed',
    request: withHeader(post, 'authorization', get.headers.authorization ?? ''),
    accepted: false,
  },
];

for (const { why, request, now = at, accepted } of cases) {
  test(`a signature is ${accepted ? 'accepted' : 'refused'}: ${why}`, () => {
    const verifier = createSignatureVerifier([identity], () => now);
    if (accepted) assert.equal(verifier.verify(request).keyId, keyId);
    else assert.throws(() => verifier.verify(request), { status: 401 });
  });
}

test('a key is refused when it has expired, or is forgotten', () => {
  const verifier = createSignatureVerifier([{ ...identity, expiresAt: at }], () => at);
  assert.throws(() => verifier.verify(get), { status: 401 });
  verifier.register(identity);
  assert.equal(verifier.verify(get).keyId, keyId);
  verifier.forget(keyId);
  assert.throws(() => verifier.verify(get), { status: 401 });
});

for (const [errorCodes, code] of [
  ['mixed', 'NotAuthenticated'],
  ['words', 'NotAuthenticated'],
  ['numbers', '401'],
] as const) {
  test(`401 has the body of the front gateway, with ${errorCodes} as codes`, async () => {
    await using simulator = await openSimulator({ errorCodes });
    const call = {
      ...genericCall('xai.grok-4', 'Hello'),
      signedAt: Date.now() - 400_000,
      headers: { 'opc-request-id': 'ABC' },
    };
    const reply = await send(simulator.url, call);
    assert.equal(reply.status, 401);
    assert.deepEqual(JSON.parse(reply.text), {
      code,
      message: 'The required information to complete authentication was not provided or was incorrect.',
    });
    assert.match(String(reply.headers['opc-request-id']), /^ABC\/[0-9A-F]{32}\/[0-9A-F]{32}$/);
    assert.deepEqual(simulator.billed(), []);
  });
}
