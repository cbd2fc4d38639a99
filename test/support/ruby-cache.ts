import { fileURLToPath } from 'node:url';

/**
 * Where tests that run the sandbox keep the snapshot of a started Ruby: they start in a fraction of a second, and one
 * of them in some seconds when Ruby or its programs have changed. The name of a snapshot is the digest of what is in it.
 */
export const rubyCacheDir = fileURLToPath(new URL('../../node_modules/.cache/gantry-ruby', import.meta.url));
