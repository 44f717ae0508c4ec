import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ociInferenceUrl } from '@sluice/shared/config/oci-realms.ts';
import { Region } from 'oci-common';

test("realms: every region's host is the one that the SDK calls", () => {
  const regions = Region.values();
  assert.ok(regions.length > 80);
  for (const { regionId, realm } of regions) {
    const expected = `https://inference.generativeai.${regionId}.oci.${realm.secondLevelDomain}`;
    assert.equal(ociInferenceUrl(regionId), expected);
  }
});

test('realms: a region that nobody knows is a commercial one', () => {
  assert.equal(ociInferenceUrl('mars-1'), 'https://inference.generativeai.mars-1.oci.oraclecloud.com');
});
