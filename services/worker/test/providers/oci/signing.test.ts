import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import { getSigningString, postSigningString, signGet, signPost } from '../../../src/providers/oci/signing.ts';

/** The vectors of oci-wire.md §2.3, made with oci-common's own signer; only the public key is known. */
const publicKey = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0VnQoBZ+0XkScL5v9YeS
4PkyAmbhCcKD0d2KPI+KSA+UeZw5FZ0gNb+teT9OjZwaYFKGLNoM/44M7IvC7IWr
EwnfmxW6O89XxipYHEJxlDUf5CBgwOfxdalJaKmN4O51CgsjayxStNiPZz+5pFa9
Feq+Uj0o1Z4YfxfAjAC+khH262VR6SX3eCXtmtdnRufQCVWvmdRI/uHou4YKo3aF
FVMeSDhRkPx6dZL+LqCvPTXQr1lYyecHlMjPFAKMl1EguVW0n/gKm1HBaS/7FIT0
jQt3qqE2ybKFLIM2w6gJlz6KG4xi+eY58aS1CMag/Sb2tZa4TwqHlQAf7WtLVU7Y
OwIDAQAB
-----END PUBLIC KEY-----`;
const postSignature =
  'cZt9AyfGHxMxVgdHBl7PWfpcvaQDSfOjeoQg8/cAEf6Pi+C3m+oURPVtLisG0tRhGetieK32TsxASAm7KGTBSOzqcX9X4MwjqmSpRAtSj6s7PZZCbdvDY7kBIwkbjGxGXIHHiTJUL2SQ/Wj87dQwX7YuG/jihgjoWE3egAdb6korCZQF8dMLXo13A4d4UjFiDH9Z5vOEudK90hxilU8SUxMOSbXn0JPgV6TrdOlbefWRZvPyPEIdpLCdyZukB1cLL9A8Pg5JtIaMkXjdPpwdCViE54Ii1gGj2NAbXPUi76KNhEqJ/WZWhwDeGeEKQV+I7wRkkX2OvSvmE0wXvZRamg==';
const getSignature =
  'glV7bsy48fojsJ02s/bA+k92Niak9DdKqH2OpOHgsUYp5HmlaCn4v7N1dvw0q3yYkNmzauYYbKlK+7y3NJxkpSIP0nIqhI7US1KBw+VG/o1xPptDHIhRyKi952NtYUMWssRF+x0wYxYtfjvDXhHgy1CfRtpZD3xIrDIIF9IOS31PmgwnyMEqlXgkIpjB2FqYmQ58FF4qmAt00ED9MTmh6bD5XAh/khNZJWqexl55O/+XPlL9VxfQbZIjkKzZ/Z+1GZ7VNl4y065LubYfwdOaw/835qCduPdR7rX0c7jvM3BJ9QQsPE8HDTmVcjbKAv0gOm9QmHrSqtxS2DmK0/3p1w==';
const date = new Date('2026-11-21T08:00:00Z');
const body = Buffer.from('{"compartmentId":"ocid1.compartment.oc1..sim"}');
const host = 'inference.generativeai.us-chicago-1.oci.oraclecloud.com';
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const identity = { keyId: 'tenancy/user/aa:bb', privateKey: keys.privateKey };

test('signing: what is signed for a POST is byte for byte what the SDK signs', async () => {
  const headers = await signPost(identity, { target: '/20231130/actions/chat', host, date }, body);
  assert.equal(headers['content-length'], '46');
  assert.equal(headers['x-content-sha256'], 'OaP7RfQaEIGuITdrlZkozrWOq2ZV0DJRvVSmJNHYDpo=');
  assert.equal(headers['x-date'], 'Sat, 21 Nov 2026 08:00:00 GMT');

  const signingString = postSigningString('/20231130/actions/chat', {
    'x-date': headers['x-date'] ?? '',
    host: headers['host'] ?? '',
    'content-type': headers['content-type'] ?? '',
    'content-length': headers['content-length'] ?? '',
    'x-content-sha256': headers['x-content-sha256'] ?? '',
  });
  assert.ok(verify('sha256', Buffer.from(signingString), publicKey, Buffer.from(postSignature, 'base64')));

  const [, signature = ''] = /signature="([^"]+)"$/.exec(headers['authorization'] ?? '') ?? [];
  assert.ok(verify('sha256', Buffer.from(signingString), keys.publicKey, Buffer.from(signature, 'base64')));
  assert.equal(
    headers['authorization'],
    `Signature version="1",keyId="tenancy/user/aa:bb",algorithm="rsa-sha256",headers="x-date (request-target) host Content-Type Content-Length x-content-sha256",signature="${signature}"`,
  );
});

test('signing: what is signed for a GET is byte for byte what the SDK signs', async () => {
  const target = '/20231130/models?compartmentId=ocid1.compartment.oc1..sim&capability=CHAT&limit=50';
  const at = { target, host: 'generativeai.us-chicago-1.oci.oraclecloud.com', date };
  const headers = await signGet(identity, at);
  const signingString = getSigningString(target, { 'x-date': headers['x-date'] ?? '', host: at.host });
  assert.ok(verify('sha256', Buffer.from(signingString), publicKey, Buffer.from(getSignature, 'base64')));
  assert.match(headers['authorization'] ?? '', /headers="x-date \(request-target\) host",signature=/);
});

test('signing: the hash covers the bytes that are sent, not the characters', async () => {
  const bytes = Buffer.from('{"text":"Zürich 👋"}');
  const headers = await signPost(identity, { target: '/x', host, date }, bytes);
  assert.equal(headers['content-length'], String(bytes.length));
  assert.equal(headers['x-content-sha256'], createHash('sha256').update(bytes).digest('base64'));
});
