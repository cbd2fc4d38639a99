import { defineConfig } from 'vitest/config';

/** Tests against real servers and real machines: a missing server is a failure, not a skip. */
export default defineConfig({
  test: {
    include: ['test/servers/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 1, // they bind ports and mount; one at a time
  },
});
