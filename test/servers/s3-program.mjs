import { parseAsync } from '@20minutes/s3rver/lib/cli.js';
import Files from '@20minutes/s3rver/lib/stores/filesystem.js';

// The package's program, which it does not ship; and an empty object has no range that is satisfiable, as in S3.
const { getObject } = Files.prototype;
Files.prototype.getObject = async function (bucket, key, options) {
  const object = await getObject.call(this, bucket, key, options);
  if (object?.range !== undefined && object.size === 0) {
    object.content?.destroy();
    object.content = null;
  }
  return object;
};

await parseAsync(process.argv);
