import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlPlaneUrlOf } from '../../src/catalog/control-plane-url.ts';

const cases = [
  { region: 'us-chicago-1', endpoint: null, url: 'https://generativeai.us-chicago-1.oci.oraclecloud.com' },
  { region: 'uk-gov-london-1', endpoint: null, url: 'https://generativeai.uk-gov-london-1.oci.oraclegovcloud.uk' },
  { region: 'xx-nowhere-9', endpoint: null, url: 'https://generativeai.xx-nowhere-9.oci.oraclecloud.com' },
  {
    region: 'us-chicago-1',
    endpoint: 'https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com',
    url: 'https://generativeai.eu-frankfurt-1.oci.oraclecloud.com',
  },
  { region: 'us-chicago-1', endpoint: 'http://127.0.0.1:8080', url: 'http://127.0.0.1:8080' },
  { region: 'us-chicago-1', endpoint: 'https://proxy.example.com/', url: 'https://proxy.example.com' },
];

for (const { url, ...target } of cases) {
  test(`control plane of ${target.endpoint ?? target.region}: ${url}`, () => {
    assert.equal(controlPlaneUrlOf(target), url);
  });
}
